package localaws

// quirks are what a test wants of single services.
type quirks struct {
	denied     []string          // actions that SimulatePrincipalPolicy denies
	trust      map[string]string // role ARN → the external id it is assumed with
	emptyPages bool

	noServiceLinkedRole int // calls that still find no service-linked role of ECS
	capacity            int // tasks that Fargate has room for in a region; 0 for any number
}

// DenyActions makes SimulatePrincipalPolicy deny the actions, such as "ecs:CreateCluster", to everybody. It allows all others.
func DenyActions(actions ...string) Option {
	return func(a *AWS) { a.quirks.denied = append(a.quirks.denied, actions...) }
}

// TrustRole makes the role with the given ARN trust only who gives the external id. Without it, anybody can assume any role.
func TrustRole(arn, externalID string) Option {
	return func(a *AWS) {
		if a.quirks.trust == nil {
			a.quirks.trust = map[string]string{}
		}
		a.quirks.trust[arn] = externalID
	}
}

// EmptyPages makes the first page of Parameter Store's lists empty, as AWS says it may be.
func EmptyPages() Option { return func(a *AWS) { a.quirks.emptyPages = true } }
