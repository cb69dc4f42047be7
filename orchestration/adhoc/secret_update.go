package adhoc

import (
	"cmp"
	"context"

	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"
	"github.com/google/uuid"

	"ecs-api/common"
	"ecs-api/secretsmanager"
)

// SecretChange is what changes of a secret. What is not given stays as it is.
type SecretChange struct {
	Secret             *string // the new value
	SecretString       *string // the same: what AWS calls it
	SecretBinary       []byte  // the new value, if it is no text
	Description        *string
	KmsKeyId           *string // empty for the account's key
	ClientRequestToken *string // the id of the new version
	Name, SecretId     *string // if given, of the secret that the path names
	Tags               []*awssecrets.Tag
}

// text returns the new value, if it is given as text.
func (c *SecretChange) text() string {
	return cmp.Or(aws.StringValue(c.Secret), aws.StringValue(c.SecretString))
}

// hasValue reports whether the secret gets a new value. An empty one is none: Secrets Manager keeps no empty secrets.
func (c *SecretChange) hasValue() bool { return c.text() != "" || len(c.SecretBinary) > 0 }

// hasMore reports whether more than tags change.
func (c *SecretChange) hasMore() bool {
	return c.hasValue() || c.Description != nil || c.KmsKeyId != nil
}

// check returns what is wrong with the change, whichever secret it is of.
func (c *SecretChange) check(org string) common.Problems {
	var p common.Problems
	secret, text := aws.StringValue(c.Secret), aws.StringValue(c.SecretString)
	if secret != "" && text != "" && secret != text {
		p.Add("SecretString", "must be the same as Secret, or be left out: both are the new value")
	}
	if c.text() != "" && len(c.SecretBinary) > 0 {
		p.Add("SecretBinary", "must not be given beside Secret or SecretString")
	}
	switch token := aws.StringValue(c.ClientRequestToken); {
	case c.ClientRequestToken != nil && !c.hasValue():
		p.Add("ClientRequestToken", "goes with a new value only: it is the id of the new version")
	case c.ClientRequestToken != nil && (len(token) < 32 || len(token) > 64):
		p.Add("ClientRequestToken", "must have 32 to 64 characters")
	}
	if !c.hasMore() && len(c.Tags) == 0 {
		p.Add("Secret", "or SecretString, SecretBinary, Description, KmsKeyId or Tags must be given")
	}
	return append(p, secretsmanager.ToTags(c.Tags).Validate("Tags", org)...)
}

// checkNames refuses names in the body that are not the secret's.
func (c *SecretChange) checkNames(secret *awssecrets.DescribeSecretOutput) common.Problems {
	var p common.Problems
	check := func(field string, name *string) {
		if name != nil && *name != aws.StringValue(secret.Name) && *name != aws.StringValue(secret.ARN) {
			p.Add(field, "must be left out, or be that of the path: a secret cannot be renamed")
		}
	}
	check("Name", c.Name)
	check("SecretId", c.SecretId)
	return p
}

// CheckChange returns what is wrong with a change, whichever secret it is of, as far as that can be decided without AWS.
func (s Secrets) CheckChange(c *SecretChange) common.Problems { return c.check(s.account.Org) }

// Update changes a secret. If a part of the change fails, the whole secret is as before. It returns nil if only tags were given.
func (s Secrets) Update(ctx context.Context, id string, c SecretChange) (*SecretVersion, error) {
	if err := s.CheckChange(&c).Err(); err != nil {
		return nil, err
	}
	secret, err := s.Show(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := c.checkNames(secret).Err(); err != nil {
		return nil, err
	}
	if secret.DeletedDate != nil {
		return nil, scheduled(secret)
	}
	var updated *SecretVersion
	of := tagged{s.account.Secrets, aws.StringValue(secret.ARN), "secret " + aws.StringValue(secret.Name), secretsmanager.ToTags(secret.Tags)}
	err = of.change(ctx, s.account, secretsmanager.ToTags(c.Tags), func() (err error) {
		if c.hasMore() {
			updated, err = s.update(ctx, of.id, &c)
		}
		return err
	})
	return updated, err
}

// update changes all but the tags, which is one call to AWS.
func (s Secrets) update(ctx context.Context, arn string, c *SecretChange) (*SecretVersion, error) {
	in := &awssecrets.UpdateSecretInput{SecretId: aws.String(arn), Description: c.Description, KmsKeyId: c.KmsKeyId}
	if aws.StringValue(in.KmsKeyId) == "" && in.KmsKeyId != nil {
		in.KmsKeyId = aws.String(s.account.KMSKeyID) // empty for AWS's own
	}
	if c.hasValue() {
		in.ClientRequestToken = aws.String(cmp.Or(aws.StringValue(c.ClientRequestToken), uuid.NewString()))
		if in.SecretBinary = c.SecretBinary; c.text() != "" {
			in.SecretString = aws.String(c.text())
		}
	}
	out, err := s.account.Secrets.UpdateSecret(ctx, in)
	if common.Ambiguous(err) {
		return s.findUpdated(ctx, in, err)
	}
	if err != nil {
		return nil, keyRefused(err, "KmsKeyId", aws.StringValue(c.KmsKeyId))
	}
	return &SecretVersion{out.ARN, out.Name, in.ClientRequestToken}, nil
}

// findUpdated looks whether an update that failed with err, its response lost, took effect all the same: that is a success.
func (s Secrets) findUpdated(ctx context.Context, in *awssecrets.UpdateSecretInput, err error) (*SecretVersion, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTime)
	defer cancel()
	now, lookErr := s.account.Secrets.Secret(ctx, aws.StringValue(in.SecretId))
	switch {
	case lookErr != nil:
		return nil, common.WithLeftBehind(err, "perhaps the change of secret "+aws.StringValue(in.SecretId))
	case in.ClientRequestToken != nil && now.VersionIdsToStages[*in.ClientRequestToken] == nil,
		in.Description != nil && aws.StringValue(now.Description) != *in.Description,
		in.KmsKeyId != nil && aws.StringValue(now.KmsKeyId) != *in.KmsKeyId:
		return nil, err
	}
	return &SecretVersion{now.ARN, now.Name, in.ClientRequestToken}, nil
}
