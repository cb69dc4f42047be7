package localaws

import "iter"

type ssmState struct{}

func newSSMState() ssmState { return ssmState{} }

func (s *ssmState) inventory() iter.Seq[string] { return func(func(string) bool) {} }

func ssmOperations() map[string]operation { return map[string]operation{} }
