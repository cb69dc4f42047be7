package localaws

import "iter"

// ecsState is a region's clusters, services, tasks and task definitions.
type ecsState struct{}

func newECSState() ecsState { return ecsState{} }

func (s *ecsState) inventory() iter.Seq[string] { return func(func(string) bool) {} }

func (s *ecsState) settle(a *AWS, acc *account, r *region) {}

func ecsOperations() map[string]operation { return map[string]operation{} }
