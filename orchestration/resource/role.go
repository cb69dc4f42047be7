package resource

import (
	"context"
	"net/url"
	"slices"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/arn"
	awsiam "github.com/aws/aws-sdk-go/service/iam"

	"ecs-api/common"
	"ecs-api/iam"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/spec"
)

// Role is the adapter of the execution role of a cluster's tasks. IAM is global: the role serves the cluster of this name in every region of the AWS
// account, with one inline policy per region.
type Role struct {
	Account *account.Account
	Cluster string
}

// Kind implements Thing.
func (r *Role) Kind() Kind { return KindRole }

// Name implements Thing.
func (r *Role) Name() string { return spec.RoleName(r.Cluster) }

// Traits says that a role is shared, and that IAM still sees deleted policies for a while.
func (r *Role) Traits() Traits {
	return Traits{Shared: true, RetryDelete: []common.Retryable{common.RoleInUse}}
}

// Find returns the role.
func (r *Role) Find(ctx context.Context) (*State, error) {
	role, err := r.Account.IAM.Role(ctx, r.Name())
	if err != nil {
		return nil, IgnoreNotFound(err)
	}
	return &State{ID: r.Name(), Tags: iam.ToTags(role.Tags), Value: role}, nil
}

// Create creates the role.
func (r *Role) Create(ctx context.Context, tags common.Tags) (*State, error) {
	id, err := r.Account.Identity(ctx)
	if err != nil {
		return nil, err
	}
	in := &awsiam.CreateRoleInput{
		RoleName:                 aws.String(r.Name()),
		Description:              aws.String("Lets the ECS tasks of " + r.Cluster + " start: created by ecs-api"),
		AssumeRolePolicyDocument: aws.String(spec.TrustPolicy(id)),
		Tags:                     iam.FromTags(tags),
	}
	if boundary := r.Account.PermissionsBoundary; boundary != "" {
		in.PermissionsBoundary = aws.String(boundary)
	}
	role, err := r.Account.IAM.CreateRole(ctx, in)
	if err != nil {
		return nil, err
	}
	return &State{ID: r.Name(), Tags: tags, Value: role}, nil
}

// SetTags implements Thing. IAM refuses one of two changes at the same moment, as when one request marks the role and another one adopts it.
func (r *Role) SetTags(ctx context.Context, _ *State, set common.Tags, remove []string) error {
	return r.Account.Backoff.Retry(ctx, func() error {
		return setTags(ctx, r.Name(), set, remove, r.Account.IAM.TagRole, r.Account.IAM.UntagRole)
	}, common.RoleBusy)
}

// Delete deletes the region's policy, and the role if no other region's policy is left. It sets the boundary on a legacy role first: if the account's config has a
// boundary, our credentials may delete policies only of roles that have it.
func (r *Role) Delete(ctx context.Context, found *State) error {
	if r.lacksBoundary(ValueOf[*awsiam.Role](found)) {
		if err := r.Account.IAM.PutRolePermissionsBoundary(ctx, r.Name(), r.Account.PermissionsBoundary); err != nil {
			return err
		}
	}
	names, err := r.Account.IAM.RolePolicies(ctx, r.Name())
	if err != nil {
		return err
	}
	ours := []string{spec.RolePolicyName(r.Account.Region)}
	if legacy := spec.LegacyRolePolicyName(); slices.Contains(names, legacy) {
		document, err := r.Account.IAM.RolePolicy(ctx, r.Name(), legacy)
		if IgnoreNotFound(err) != nil {
			return err
		}
		if spec.IsForRegion(document, r.Account.Region) {
			ours = append(ours, legacy)
		}
	}
	left := len(names)
	for _, name := range ours {
		if !slices.Contains(names, name) {
			continue
		}
		if err := r.Account.IAM.DeleteRolePolicy(ctx, r.Name(), name); IgnoreNotFound(err) != nil {
			return err
		}
		left--
	}
	if left > 0 { // it stays, and is not about to be deleted any more
		if _, marked := found.tag(common.TagDeleting); marked {
			return r.SetTags(ctx, found, nil, []string{common.TagDeleting})
		}
		return nil
	}
	return r.Account.IAM.DeleteRole(ctx, r.Name())
}

// ExecutionRoleARN returns the ARN of the role. For a role that was created a moment ago, IAM shows its unique id (AROA…) instead of the ARN, and ECS refuses that
// id.
func (r *Role) ExecutionRoleARN(s *State, id account.Identity) string {
	if role := ValueOf[*awsiam.Role](s); role != nil && arn.IsARN(aws.StringValue(role.Arn)) {
		return aws.StringValue(role.Arn)
	}
	return id.ARN("iam", "", "role/"+r.Name())
}

// RolePolicies are the inline policies of an execution role that concern a region; empty if there is none.
type RolePolicies struct {
	Regional string
	Legacy   string // the one policy of legacy roles, which may be another region's
}

// Policies reads the role's policies.
func (r *Role) Policies(ctx context.Context) (p RolePolicies, err error) {
	read := func(name string, into *string) func(context.Context) error {
		return func(ctx context.Context) (err error) {
			*into, err = r.Account.IAM.RolePolicy(ctx, r.Name(), name)
			return IgnoreNotFound(err)
		}
	}
	err = common.Concurrently(ctx, read(spec.RolePolicyName(r.Account.Region), &p.Regional), read(spec.LegacyRolePolicyName(), &p.Legacy))
	return p, err
}

// PolicyFor returns the document for the region's policy. It keeps the keys that the present policy allows, because other credentials may need them.
func (r *Role) PolicyFor(found RolePolicies, id account.Identity, keys ...string) string {
	kept := append(spec.KeysIn(found.Regional), keys...)
	if spec.IsForRegion(found.Legacy, r.Account.Region) {
		kept = append(kept, spec.KeysIn(found.Legacy)...)
	}
	return spec.AccessPolicy(id, r.Account.Region, r.Account.Org, r.Cluster, append(kept, r.Account.KMSKeyID)...)
}

// SetPolicy returns the step that sets the region's policy, and deletes the legacy policy if that was this region's. The rollback restores the region's policy; it
// keeps the role, which others may need.
func (r *Role) SetPolicy(found RolePolicies, document string) saga.Step {
	name := spec.RolePolicyName(r.Account.Region)
	put := func(ctx context.Context, document string) error {
		return r.Account.Backoff.Retry(ctx, func() error { return r.Account.IAM.PutRolePolicy(ctx, r.Name(), name, document) }, common.RoleNotVisible)
	}
	return func(ctx context.Context) (saga.Rollback, error) {
		var rollback saga.Rollback
		if found.Regional != "" {
			rollback = func(ctx context.Context) error {
				return common.Wrapf(IgnoreNotFound(r.Account.IAM.PutRolePolicy(ctx, r.Name(), name, found.Regional)), "the policy of role %s", r.Name())
			}
		}
		if err := put(ctx, document); err != nil || !spec.IsForRegion(found.Legacy, r.Account.Region) {
			return rollback, err
		}
		return rollback, IgnoreNotFound(r.Account.IAM.DeleteRolePolicy(ctx, r.Name(), spec.LegacyRolePolicyName()))
	}
}

// Outdated says how the trust policy and the boundary of the role differ from those that it should have. For a role that is not ours it says nothing.
func (r *Role) Outdated(found *State, id account.Identity) (trust, boundary bool) {
	role := ValueOf[*awsiam.Role](found)
	if role == nil || !found.Tags.TaggedFor(r.Account.Org) {
		return false, false
	}
	document, err := url.PathUnescape(aws.StringValue(role.AssumeRolePolicyDocument))
	trust = err != nil || !spec.SameDocument(document, spec.TrustPolicy(id))
	return trust, r.lacksBoundary(role)
}

// lacksBoundary reports whether the role lacks the boundary of the account's config. It is false for nil.
func (r *Role) lacksBoundary(role *awsiam.Role) bool {
	if role == nil || r.Account.PermissionsBoundary == "" {
		return false
	}
	return role.PermissionsBoundary == nil || aws.StringValue(role.PermissionsBoundary.PermissionsBoundaryArn) != r.Account.PermissionsBoundary
}

// BringUpToDate returns the step that sets the boundary and the trust policy that roles should have. It sets the boundary first: if the account's config has one, our
// credentials may change only roles that have it. There is no rollback, because the old settings would not serve any service better.
func (r *Role) BringUpToDate(trust, boundary bool, id account.Identity) saga.Step {
	return saga.NoRollback(func(ctx context.Context) error {
		if boundary {
			if err := r.Account.IAM.PutRolePermissionsBoundary(ctx, r.Name(), r.Account.PermissionsBoundary); err != nil {
				return err
			}
		}
		if !trust {
			return nil
		}
		return r.Account.IAM.UpdateAssumeRolePolicy(ctx, r.Name(), spec.TrustPolicy(id))
	})
}
