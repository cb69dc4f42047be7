package secretsmanager

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/secretsmanager"
	"github.com/google/uuid"

	"ecs-api/common"
)

// maxPage is the largest page of ListSecrets.
const maxPage = 100

// Secret returns what is known of a secret, by its name or ARN, without its value; NotFound if there is none. One that is being
// deleted is returned, with its DeletedDate.
func (c *Client) Secret(ctx context.Context, id string) (*secretsmanager.DescribeSecretOutput, error) {
	out, err := c.api.DescribeSecretWithContext(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String(id)})
	if err != nil {
		return nil, common.FromAWS(err, "describe secret %q", id)
	}
	return out, nil
}

// ListSecrets returns the secrets that pass all filters, without those that are being deleted. Beware: the filters match prefixes, and
// tag-key and tag-value independently of each other; the caller has to look again. The list may be minutes behind.
func (c *Client) ListSecrets(ctx context.Context, filters []*secretsmanager.Filter) ([]*secretsmanager.SecretListEntry, error) {
	var all []*secretsmanager.SecretListEntry
	in := &secretsmanager.ListSecretsInput{Filters: filters, MaxResults: aws.Int64(maxPage)}
	err := c.api.ListSecretsPagesWithContext(ctx, in, func(page *secretsmanager.ListSecretsOutput, _ bool) bool {
		all = append(all, page.SecretList...)
		return true
	})
	if err != nil {
		return nil, common.FromAWS(err, "list the secrets")
	}
	return all, nil
}

// CreateSecret creates a secret; a Conflict if there is one of that name, or one that is being deleted. A try whose response was lost does
// no harm: the SDK's next one carries the same token.
func (c *Client) CreateSecret(ctx context.Context, in *secretsmanager.CreateSecretInput) (*secretsmanager.CreateSecretOutput, error) {
	if in == nil {
		in = &secretsmanager.CreateSecretInput{}
	}
	out, err := c.api.CreateSecretWithContext(ctx, in)
	if err != nil {
		err = common.RedactSecrets(err, aws.StringValue(in.SecretString), string(in.SecretBinary))
		return nil, common.FromAWS(err, "create secret %q", aws.StringValue(in.Name))
	}
	return out, nil
}

// PutSecretValue adds a version. The same token with the same value is fine, as in a try after a lost response.
func (c *Client) PutSecretValue(ctx context.Context, in *secretsmanager.PutSecretValueInput) (*secretsmanager.PutSecretValueOutput, error) {
	if in == nil {
		in = &secretsmanager.PutSecretValueInput{}
	}
	out, err := c.api.PutSecretValueWithContext(ctx, in)
	if err != nil {
		err = common.RedactSecrets(err, aws.StringValue(in.SecretString), string(in.SecretBinary))
		return nil, common.FromAWS(err, "put a value into secret %q", aws.StringValue(in.SecretId))
	}
	return out, nil
}

// UpdateSecret changes a secret's description, key or value. Secrets Manager refuses a token that was used before even if the value is
// the same; if that is because an earlier try of this call lost its response, it is a success.
func (c *Client) UpdateSecret(ctx context.Context, in *secretsmanager.UpdateSecretInput) (*secretsmanager.UpdateSecretOutput, error) {
	var call secretsmanager.UpdateSecretInput
	if in != nil {
		call = *in
	}
	if call.ClientRequestToken == nil {
		call.ClientRequestToken = aws.String(uuid.NewString())
	}
	var tries common.Tries
	out, err := c.api.UpdateSecretWithContext(ctx, &call, tries.Watch)
	if err == nil {
		return out, nil
	}
	id := aws.StringValue(call.SecretId)
	err = common.FromAWS(common.RedactSecrets(err, aws.StringValue(call.SecretString), string(call.SecretBinary)), "update secret %q", id)
	if tries.Lost() && common.CodeOf(err) == secretsmanager.ErrCodeResourceExistsException {
		if now, lookErr := c.Secret(ctx, id); lookErr == nil && now.VersionIdsToStages[*call.ClientRequestToken] != nil {
			return &secretsmanager.UpdateSecretOutput{ARN: now.ARN, Name: now.Name, VersionId: call.ClientRequestToken}, nil
		}
	}
	return nil, err
}

// MoveStage puts the staging label stage on the version toVersion, taking it from fromVersion. An empty toVersion only takes it away,
// an empty fromVersion only puts it on; Secrets Manager refuses the latter while another version has the label. Once the label is where
// it should be, a call whose response was lost is a success.
func (c *Client) MoveStage(ctx context.Context, id, stage, toVersion, fromVersion string) error {
	in := &secretsmanager.UpdateSecretVersionStageInput{SecretId: aws.String(id), VersionStage: aws.String(stage)}
	if toVersion != "" {
		in.MoveToVersionId = aws.String(toVersion)
	}
	if fromVersion != "" {
		in.RemoveFromVersionId = aws.String(fromVersion)
	}
	var tries common.Tries
	_, err := c.api.UpdateSecretVersionStageWithContext(ctx, in, tries.Watch)
	err = common.FromAWS(err, "move stage %s of secret %q", stage, id)
	if common.Is(err, common.BadRequest) && tries.Lost() {
		if now, lookErr := c.Secret(ctx, id); lookErr == nil && VersionOf(now, stage) == toVersion {
			return nil
		}
	}
	return err
}

// VersionOf returns the id of the version of the secret that has the staging label; empty if none has.
func VersionOf(secret *secretsmanager.DescribeSecretOutput, stage string) string {
	for version, stages := range secret.VersionIdsToStages {
		for _, s := range stages {
			if aws.StringValue(s) == stage {
				return version
			}
		}
	}
	return ""
}

// DeleteSecret schedules a secret's deletion in windowDays days, 7 to 30; 0 deletes it at once, with no way back. Doing the latter to
// a secret that is not there is a success to Secrets Manager. One that is scheduled already is a Conflict, unless an earlier try of this
// call did it.
func (c *Client) DeleteSecret(ctx context.Context, id string, windowDays int64) (*secretsmanager.DeleteSecretOutput, error) {
	in := &secretsmanager.DeleteSecretInput{SecretId: aws.String(id)}
	if windowDays == 0 {
		in.ForceDeleteWithoutRecovery = aws.Bool(true)
	} else {
		in.RecoveryWindowInDays = aws.Int64(windowDays)
	}
	var tries common.Tries
	out, err := c.api.DeleteSecretWithContext(ctx, in, tries.Watch)
	if err == nil {
		return out, nil
	}
	err = common.FromAWS(err, "delete secret %q", id)
	if tries.Lost() && common.CodeOf(err) == secretsmanager.ErrCodeInvalidRequestException {
		if now, lookErr := c.Secret(ctx, id); lookErr == nil && now.DeletedDate != nil {
			date := time.Now().AddDate(0, 0, int(windowDays))
			return &secretsmanager.DeleteSecretOutput{ARN: now.ARN, Name: now.Name, DeletionDate: &date}, nil
		}
	}
	return nil, err
}

// RestoreSecret cancels a scheduled deletion. A secret with none is fine.
func (c *Client) RestoreSecret(ctx context.Context, id string) error {
	_, err := c.api.RestoreSecretWithContext(ctx, &secretsmanager.RestoreSecretInput{SecretId: aws.String(id)})
	return common.FromAWS(err, "restore secret %q", id)
}
