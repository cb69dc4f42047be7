package localaws

import "iter"

type secretsState struct{}

func newSecretsState() secretsState { return secretsState{} }

func (s *secretsState) inventory() iter.Seq[string] { return func(func(string) bool) {} }

func secretsmanagerOperations() map[string]operation { return map[string]operation{} }
