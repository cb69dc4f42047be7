package localaws

// ServiceLinkedRoleLag makes the first n calls that need ECS's service-linked role fail, as they do at the first use of ECS in an account
// while AWS is making the role.
func ServiceLinkedRoleLag(n int) Option {
	return func(a *AWS) { a.quirks.noServiceLinkedRole = n }
}

// FargateCapacity makes Fargate have room for n tasks in each region: more are failures of RunTask, or wait in their services.
func FargateCapacity(n int) Option { return func(a *AWS) { a.quirks.capacity = n } }
