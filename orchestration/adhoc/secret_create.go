package adhoc

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"
	"github.com/google/uuid"

	"ecs-api/common"
	"ecs-api/secretsmanager"
)

// Create creates a secret that is the org's, encrypted with the account's key unless in names another.
func (s Secrets) Create(ctx context.Context, in awssecrets.CreateSecretInput) (*SecretVersion, error) {
	tags := secretsmanager.ToTags(in.Tags)
	if err := s.Check(&in).Err(); err != nil {
		return nil, err
	}
	in.Tags = secretsmanager.FromTags(tags.ForOrg(s.account.Org, common.CallerOf(ctx)))
	key := aws.StringValue(in.KmsKeyId)
	if key == "" {
		in.KmsKeyId = nil
		if s.account.KMSKeyID != "" {
			in.KmsKeyId = aws.String(s.account.KMSKeyID)
		}
	}
	var token string // ours alone: a version with it was created by this request
	if aws.StringValue(in.ClientRequestToken) == "" {
		token = uuid.NewString()
		in.ClientRequestToken = aws.String(token)
	}
	var created *SecretVersion
	err := s.account.Backoff.Retry(ctx, func() error {
		out, err := s.account.Secrets.CreateSecret(ctx, &in)
		if err == nil {
			created = &SecretVersion{out.ARN, out.Name, out.VersionId}
		} else if common.Is(err, common.Conflict) || common.Ambiguous(err) {
			created, err = s.findCreated(ctx, aws.StringValue(in.Name), token, err)
		}
		return err
	}, common.SecretDeleted)
	return created, keyRefused(err, "KmsKeyId", key)
}

// findCreated looks at the secret of a name under which a create failed with err. If this request created it all the same, that is a success.
func (s Secrets) findCreated(ctx context.Context, name, token string, err error) (*SecretVersion, error) {
	found, lookErr := s.account.Secrets.Secret(ctx, name)
	switch {
	case lookErr != nil: // one that is being deleted frees its name in a moment
		return nil, err
	case token != "" && found.VersionIdsToStages[token] != nil:
		return &SecretVersion{found.ARN, found.Name, aws.String(token)}, nil
	case found.DeletedDate == nil:
		return nil, err
	case secretsmanager.ToTags(found.Tags).TaggedFor(s.account.Org):
		return nil, scheduled(found)
	}
	return nil, common.Coded(common.CodeScheduledForDeletion, "a secret of this name is scheduled for deletion: choose another name")
}

// Check returns what is wrong with a new secret, as far as that can be decided without AWS.
func (s Secrets) Check(in *awssecrets.CreateSecretInput) common.Problems {
	p := checkSecret(s.account.Org, in)
	p = append(p, secretsmanager.ToTags(in.Tags).Validate("Tags", s.account.Org)...)
	p.AddSDK("", in)
	return p
}

// spaces is where every org has a path of its own, for the secrets of its services.
const spaces = "spinup/"

// checkSecret returns what is wrong with a new secret.
func checkSecret(org string, in *awssecrets.CreateSecretInput) common.Problems {
	var p common.Problems
	name := aws.StringValue(in.Name)
	if segments := checkSegments(name); !secretName.MatchString(name) {
		p.Add("Name", secretNameRule)
	} else if segments != nil {
		p.Add("Name", "%s", segments)
	} else if strings.HasPrefix(name, spaces) && !strings.HasPrefix(name, spaces+org+"/") {
		p.Add("Name", "must not begin with %s unless it is followed by %s/", spaces, org)
	}
	switch text, binary := aws.StringValue(in.SecretString) != "", len(in.SecretBinary) > 0; {
	case text && binary:
		p.Add("SecretBinary", "must not be given beside SecretString")
	case !text && !binary:
		p.Add("SecretString", "or SecretBinary must be given")
	}
	return p
}
