package config

import (
	"path"
	"slices"
)

// Account is one AWS account: its credentials, and the defaults of the services that are created there.
type Account struct {
	// Region is the AWS region, such as us-east-1.
	Region string `json:"region"`
	// AKID and Secret are a static access key. Without one the SDK's default credential chain is used.
	AKID   string `json:"akid"`
	Secret Secret `json:"secret"`
	// DefaultSGs and DefaultSubnets are the network of services and tasks that name none.
	DefaultSGs     []string `json:"defaultSgs"`
	DefaultSubnets []string `json:"defaultSubnets"`
	// DefaultKMSKeyID encrypts parameters and secrets: a key id, an alias/… or the ARN of either. AWS's own keys unless set.
	DefaultKMSKeyID string `json:"defaultKmsKeyId"`
	// Endpoint replaces the address of every AWS service: LocalStack, moto, a VPC endpoint.
	Endpoint string `json:"endpoint"`
	// Role is assumed with those credentials; nil to use them as they are.
	Role *Role `json:"role"`
	// PermissionsBoundary is the ARN of the policy that limits every role that the server creates.
	PermissionsBoundary string `json:"permissionsBoundary"`
	// DefaultCapacityProviderStrategy is that of the clusters that the server creates; FARGATE with weight 1 unless set.
	DefaultCapacityProviderStrategy []CapacityProvider `json:"defaultCapacityProviderStrategy"`
	// TaskRoles are the role ARNs that a caller may name as TaskRoleArn; see AllowsTaskRole.
	TaskRoles []string `json:"taskRoles"`
	// KeepRevisions is how many revisions of a service's task definition stay ACTIVE; 0 for all.
	KeepRevisions int `json:"keepRevisions"`
}

// Role is an IAM role to assume with STS.
type Role struct {
	ARN string `json:"arn"`
	// ExternalID is what the role's trust policy asks for, if it asks.
	ExternalID string `json:"externalId"`
}

// CapacityProvider is one item of a capacity provider strategy, as ECS has it.
type CapacityProvider struct {
	CapacityProvider string `json:"capacityProvider"`
	Weight           int64  `json:"weight"`
	Base             int64  `json:"base"`
}

// AllowsTaskRole reports whether a caller may give a task the role: whether one of TaskRoles matches its whole ARN. In a pattern
// * stands for any run of characters and ? for one, never for a slash: role/app-* does not allow role/app-x/admin.
func (a Account) AllowsTaskRole(arn string) bool {
	return roleARN.MatchString(arn) && slices.ContainsFunc(a.TaskRoles, func(pattern string) bool {
		matched, err := path.Match(pattern, arn)
		return err == nil && matched
	})
}
