package resource

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"

	"ecs-api/common"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/spec"
	"ecs-api/secretsmanager"
)

// labelCurrent is the staging label of the current version of a secret.
const labelCurrent = "AWSCURRENT"

// RestoreWindowDays is how long a secret that is scheduled for deletion can be restored.
const RestoreWindowDays = 30

// Credential is the adapter of a Secrets Manager secret with the repository credentials of a container.
type Credential struct {
	Account   *account.Account
	Container string
	Secret    string                        // AWS's name of it, or its ARN if the request only refers to it
	Input     *awssecrets.CreateSecretInput // to create it or to give it a new value; nil otherwise
	VersionID string                        // of the value that the request sets: its id
}

// Kind implements Thing.
func (c *Credential) Kind() Kind { return KindCredential }

// Name implements Thing.
func (c *Credential) Name() string { return c.Secret }

// Traits says what the caller can do if the name is taken.
func (c *Credential) Traits() Traits {
	return Traits{AdoptConcurrent: true, RetryCreate: []common.Retryable{common.SecretDeleted}, TakenHint: "choose another Name in credentials." + c.Container}
}

// Find returns the secret, even if it is scheduled for deletion.
func (c *Credential) Find(ctx context.Context) (*State, error) {
	secret, err := c.Account.Secrets.Secret(ctx, c.Secret)
	if err != nil {
		return nil, IgnoreNotFound(err)
	}
	return &State{ID: aws.StringValue(secret.ARN), Tags: secretsmanager.ToTags(secret.Tags), Value: secret}, nil
}

// Scheduled reports whether the secret was scheduled for deletion.
func Scheduled(s *State) bool {
	secret := ValueOf[*awssecrets.DescribeSecretOutput](s)
	return secret != nil && secret.DeletedDate != nil
}

// Create creates the secret, under the account's key unless the request names one.
func (c *Credential) Create(ctx context.Context, tags common.Tags) (*State, error) {
	in := *c.Input
	in.Name = aws.String(c.Secret)
	in.Tags = secretsmanager.FromTags(tags)
	in.ClientRequestToken = aws.String(c.VersionID)
	if in.KmsKeyId == nil && c.Account.KMSKeyID != "" {
		in.KmsKeyId = aws.String(c.Account.KMSKeyID)
	}
	out, err := c.Account.Secrets.CreateSecret(ctx, &in)
	if err != nil {
		return nil, c.keyProblem(err)
	}
	return &State{ID: aws.StringValue(out.ARN), Tags: tags, Value: &awssecrets.DescribeSecretOutput{ARN: out.ARN, Name: out.Name}}, nil
}

// keyProblem returns err, but a BadRequest if Secrets Manager may not use the key that the caller names.
func (c *Credential) keyProblem(err error) error {
	if c.Input.KmsKeyId == nil {
		return err
	}
	switch common.CodeOf(err) {
	case awssecrets.ErrCodeEncryptionFailure, awssecrets.ErrCodeDecryptionFailure, "AccessDeniedException":
		return common.Invalid(common.FieldError{Field: "credentials." + c.Container + ".KmsKeyId",
			Detail: "must be a key of this account and region that Secrets Manager may encrypt with"})
	}
	return err
}

// SetTags implements Thing.
func (c *Credential) SetTags(ctx context.Context, s *State, set common.Tags, remove []string) error {
	return setTags(ctx, s.ID, set, remove, c.Account.Secrets.Tag, c.Account.Secrets.Untag)
}

// Delete deletes the secret without a recovery window, because it contains only what the caller sent. A secret that is scheduled for deletion needs no call.
func (c *Credential) Delete(ctx context.Context, s *State) error {
	if Scheduled(s) {
		return nil
	}
	_, err := c.Account.Secrets.DeleteSecret(ctx, s.ID, 0)
	return err
}

// Adopt restores a secret that an interrupted request left, if it is scheduled for deletion, and gives it the value that the request wants.
func (c *Credential) Adopt(ctx context.Context, found *State) (saga.Rollback, error) {
	return saga.InOrder(c.Restore(found), c.SetValue(found))(ctx)
}

// Restore returns the step that restores a secret which is scheduled for deletion, because a task definition refers to it. The rollback schedules it again.
func (c *Credential) Restore(found *State) saga.Step {
	return func(ctx context.Context) (saga.Rollback, error) {
		if !Scheduled(found) {
			return nil, nil
		}
		rollback := func(ctx context.Context) error {
			_, err := c.Account.Secrets.DeleteSecret(ctx, found.ID, RestoreWindowDays)
			return common.Wrapf(IgnoreNotFound(err), "secret %s, which was scheduled for deletion", c.Secret)
		}
		return rollback, c.Account.Secrets.RestoreSecret(ctx, found.ID)
	}
}

// SetValue returns the step that gives the secret the request's value. The rollback makes the previous version current again, unless another request has set a
// value since.
func (c *Credential) SetValue(found *State) saga.Step {
	return func(ctx context.Context) (saga.Rollback, error) {
		before := currentVersion(ValueOf[*awssecrets.DescribeSecretOutput](found))
		rollback := func(ctx context.Context) error {
			return common.Wrapf(c.restoreVersion(ctx, found.ID, before), "the value of secret %s", c.Secret)
		}
		return rollback, c.Account.Backoff.Retry(ctx, func() error {
			_, err := c.Account.Secrets.PutSecretValue(ctx, &awssecrets.PutSecretValueInput{
				SecretId: aws.String(found.ID), SecretString: c.Input.SecretString, ClientRequestToken: aws.String(c.VersionID),
			})
			return err
		}, common.SecretNotVisible)
	}
}

// restoreVersion makes the version before current again, if the request's version is still the current one.
func (c *Credential) restoreVersion(ctx context.Context, arn, before string) error {
	changed := func() (bool, error) {
		secret, err := c.Account.Secrets.Secret(ctx, arn)
		if common.Is(err, common.NotFound) {
			return false, nil // the request that owns it now has deleted it
		}
		return err == nil && before != "" && currentVersion(secret) == c.VersionID, err
	}
	ours, err := changed()
	if err != nil || !ours {
		return err
	}
	err = c.Account.Secrets.MoveStage(ctx, arn, labelCurrent, before, c.VersionID)
	if err == nil {
		return nil
	}
	if ours, lookErr := changed(); lookErr == nil && !ours {
		return nil // somebody else gave it a value meanwhile
	}
	return err
}

// currentVersion returns the id of the current version.
func currentVersion(secret *awssecrets.DescribeSecretOutput) string {
	if secret == nil {
		return ""
	}
	return secretsmanager.VersionOf(secret, labelCurrent)
}

// CurrentVersion returns the id of the current version of a secret; empty if it has none.
func CurrentVersion(s *State) string {
	return currentVersion(ValueOf[*awssecrets.DescribeSecretOutput](s))
}

// Output returns what a response shows of the item after it was created or adopted.
func (c *Credential) Output(item *Item) *awssecrets.CreateSecretOutput {
	out := &awssecrets.CreateSecretOutput{VersionId: aws.String(c.VersionID), Name: aws.String(c.Secret)}
	if secret := ValueOf[*awssecrets.DescribeSecretOutput](item.Now); secret != nil {
		out.ARN, out.Name = secret.ARN, secret.Name
	}
	return out
}

// InSpace reports whether the secret belongs to the space and to our org.
func InSpace(s *State, org, cluster string) bool {
	secret := ValueOf[*awssecrets.DescribeSecretOutput](s)
	if secret == nil {
		return false
	}
	name, ok := strings.CutPrefix(aws.StringValue(secret.Name), spec.SecretPrefix(org, cluster))
	return ok && name != "" && s.Tags.TaggedFor(org)
}
