package localaws

import "iter"

type servicediscoveryState struct{}

func newServicediscoveryState(accountID, region string) servicediscoveryState {
	return servicediscoveryState{}
}

func (s *servicediscoveryState) inventory() iter.Seq[string] { return func(func(string) bool) {} }

func servicediscoveryOperations() map[string]operation { return map[string]operation{} }

// hasService reports whether arn is a service's.
func (s *servicediscoveryState) hasService(arn string) bool { return false }

// register and deregister add an instance to the service with the given ARN, and take it out, as ECS does for tasks.
func (s *servicediscoveryState) register(arn, instance string, attributes map[string]string) {}

func (s *servicediscoveryState) deregister(arn, instance string) {}
