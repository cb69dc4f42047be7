package localaws

import "iter"

type iamState struct{}

func newIAMState() iamState { return iamState{} }

func (s *iamState) inventory() iter.Seq[string] { return func(func(string) bool) {} }

func iamOperations() map[string]operation { return map[string]operation{} }

// usableRole returns the role that arn names, if there is one and it is old enough for other services to assume it (Lags.Role).
func (s *iamState) usableRole(a *AWS, arn string) bool { return false }
