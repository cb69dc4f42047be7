package orchestration

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"

	"ecs-api/common"
	"ecs-api/secretsmanager"
)

// stageCurrent is the stage of the version of a secret that counts.
const stageCurrent = "AWSCURRENT"

// secretPrefix begins the names of a space's secrets.
func secretPrefix(org, cluster string) string { return "spinup/" + org + "/" + cluster + "/" }

// secretName returns the name of a secret of a space.
func secretName(org, cluster, name string) string { return secretPrefix(org, cluster) + name }

// credential is the repository credentials of one container, kept in a secret.
type credential struct {
	container string
	in        *awssecrets.CreateSecretInput
	found     *awssecrets.DescribeSecretOutput // nil if there was none
	out       *awssecrets.CreateSecretOutput
}

// outputs returns what the containers' secrets are, by container.
func outputs(credentials []*credential) map[string]*awssecrets.CreateSecretOutput {
	out := map[string]*awssecrets.CreateSecretOutput{}
	for _, cred := range credentials {
		out[cred.container] = cred.out
	}
	return out
}

// current returns the id of the version that is current.
func current(secret *awssecrets.DescribeSecretOutput) string {
	for id, stages := range secret.VersionIdsToStages {
		if slices.Contains(aws.StringValueSlice(stages), stageCurrent) {
			return id
		}
	}
	return ""
}

// nameOfSecret returns the name of the secret that the request wants for a container.
func (c *work) nameOfSecret(cred *credential) string {
	return secretName(c.account.Org, c.cluster, aws.StringValue(cred.in.Name))
}

// readCredential looks for the secret.
func (c *work) readCredential(cred *credential) step {
	return named("read credentials", read(func(ctx context.Context) error {
		secret, err := c.secrets.Secret(ctx, c.nameOfSecret(cred))
		if err != nil {
			return ignoreNotFound(err)
		}
		return c.adoptable(cred, secret)
	}))
}

// adoptable makes the secret the one that was found, if there is one. It must be what an interrupted request for this service left.
func (c *work) adoptable(cred *credential, secret *awssecrets.DescribeSecretOutput) error {
	if secret == nil {
		return nil
	}
	tags := secretsmanager.ToTags(secret.Tags)
	switch {
	case !tags.BelongsTo(c.account.Org):
		return taken("secret", c.nameOfSecret(cred))
	case !tags.OwnedBy(c.account.Org) || !madeFor(tags, c.service):
		return common.Coded(common.CodeNameTaken, "secret %s exists and is not service %s's; choose another Name in credentials.%s", c.nameOfSecret(cred), c.service, cred.container)
	}
	cred.found = secret
	return nil
}

// makeCredential makes the secret, or brings the one that was left up to date.
func (c *work) makeCredential(cred *credential) step {
	return named("credentials", func(ctx context.Context) (undo, error) {
		in := *cred.in
		in.Name = aws.String(c.nameOfSecret(cred))
		in.Tags = secretsmanager.FromTags(c.tagsFor(secretsmanager.ToTags(in.Tags)))
		in.ClientRequestToken = aws.String(c.id)
		if in.KmsKeyId == nil && c.account.KMSKeyID != "" {
			in.KmsKeyId = aws.String(c.account.KMSKeyID)
		}
		if cred.found != nil {
			return c.adoptSecret(ctx, cred, &in)
		}
		made := false // AWS has answered so
		back := func(ctx context.Context) error { return c.undoSecret(ctx, aws.StringValue(in.Name), &made) }
		err := c.pace.Retry(ctx, func() (err error) {
			cred.out, err = c.secrets.CreateSecret(ctx, &in)
			return err
		}, common.SecretDeleted)
		if err == nil {
			made = true
			return back, nil
		}
		if cred.in.KmsKeyId != nil && common.CodeOf(err) == awssecrets.ErrCodeEncryptionFailure {
			return nil, common.Invalid(common.FieldError{Field: "credentials." + cred.container + ".KmsKeyId", Detail: "must be a key that Secrets Manager can encrypt with"})
		}
		if !common.Is(err, common.Conflict) {
			return back, err
		}
		// It is there after all: made by this call, whose first answer was lost, or by another request at the same moment.
		secret, lookErr := c.secrets.Secret(ctx, aws.StringValue(in.Name))
		if lookErr != nil {
			return back, err
		}
		tags := secretsmanager.ToTags(secret.Tags)
		switch {
		case c.mine(tags):
			cred.out = &awssecrets.CreateSecretOutput{ARN: secret.ARN, Name: secret.Name, VersionId: aws.String(c.id)}
			return back, nil
		case !tags.OwnedBy(c.account.Org) || !madeFor(tags, c.service):
			return nil, err
		}
		cred.found = secret
		return c.adoptSecret(ctx, cred, &in)
	})
}

// adoptSecret gives a secret that an interrupted request left the tags and the value that this request wants.
func (c *work) adoptSecret(ctx context.Context, cred *credential, in *awssecrets.CreateSecretInput) (undo, error) {
	before := cred.found
	arn := aws.StringValue(before.ARN)
	var undos []undo
	if before.DeletedDate != nil {
		if err := c.secrets.RestoreSecret(ctx, arn); err != nil {
			return nil, err
		}
		undos = append(undos, func(ctx context.Context) error {
			_, err := c.secrets.DeleteSecret(ctx, arn, secretWindowDays)
			return common.Wrapf(ignoreNotFound(err), "secret %s, which was scheduled for deletion", aws.StringValue(before.Name))
		})
	}
	if err := c.secrets.Tag(ctx, arn, secretsmanager.ToTags(in.Tags)); err != nil {
		return latestFirst(undos), err
	}
	version, back, err := c.changeSecret(ctx, before, aws.StringValue(in.SecretString), c.id)
	if back != nil {
		undos = append(undos, back)
	}
	cred.out = &awssecrets.CreateSecretOutput{ARN: before.ARN, Name: before.Name, VersionId: aws.String(version)}
	return latestFirst(undos), err
}

// secretWindowDays is how long a secret that somebody may want back can be restored.
const secretWindowDays = 30

// changeSecret gives a secret a new value and returns its version's id. Undo makes the version current that was.
func (o *Orchestrator) changeSecret(ctx context.Context, before *awssecrets.DescribeSecretOutput, value, id string) (version string, back undo, err error) {
	arn, old := aws.StringValue(before.ARN), current(before)
	back = func(ctx context.Context) error {
		return common.Wrapf(o.restoreSecret(ctx, arn, id, old), "the value of secret %s", aws.StringValue(before.Name))
	}
	err = o.pace.Retry(ctx, func() error {
		_, err := o.secrets.PutSecretValue(ctx, &awssecrets.PutSecretValueInput{
			SecretId: aws.String(arn), SecretString: aws.String(value), ClientRequestToken: aws.String(id),
		})
		return err
	}, common.NewSecret)
	return id, back, err
}

// restoreSecret makes the old version of a secret current again, if the one with the given id still is.
func (o *Orchestrator) restoreSecret(ctx context.Context, arn, id, old string) error {
	changed := func() (bool, error) {
		secret, err := o.secrets.Secret(ctx, arn)
		if common.Is(err, common.NotFound) {
			return false, nil // whoever it belongs to now has deleted it
		}
		return err == nil && old != "" && current(secret) == id, err
	}
	ours, err := changed()
	if err != nil || !ours {
		return err
	}
	err = o.secrets.MoveStage(ctx, arn, stageCurrent, old, id)
	if err == nil {
		return nil
	}
	if ours, lookErr := changed(); lookErr == nil && !ours {
		return nil // somebody else gave it a value meanwhile
	}
	return err
}

// keepCredential looks whether the secret that the service needs is there.
func (c *work) keepCredential(ctx context.Context, cred *credential) error {
	var secret *awssecrets.DescribeSecretOutput
	err := c.find(ctx, cred.found == nil, func() (err error) {
		secret, err = c.secrets.Secret(ctx, aws.StringValue(cred.out.ARN))
		return err
	})
	if common.Is(err, common.NotFound) || err == nil && secret.DeletedDate != nil {
		return takenAway("secret " + c.nameOfSecret(cred))
	}
	return err
}

// undoSecret deletes a secret at once if this request made it, and nobody claimed it since. Made says whether it is known to be made.
func (c *work) undoSecret(ctx context.Context, name string, made *bool) error {
	var secret *awssecrets.DescribeSecretOutput
	err := c.find(ctx, *made, func() (err error) {
		secret, err = c.secrets.Secret(ctx, name)
		return err
	})
	if err == nil && (!c.mine(secretsmanager.ToTags(secret.Tags)) || secret.DeletedDate != nil) {
		return nil
	}
	if err == nil {
		_, err = c.secrets.DeleteSecret(ctx, aws.StringValue(secret.ARN), 0)
	}
	*made = *made && ignoreNotFound(err) != nil
	return common.Wrapf(ignoreNotFound(err), "secret %s", name)
}
