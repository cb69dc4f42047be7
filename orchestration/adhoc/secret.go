package adhoc

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"

	"ecs-api/common"
	"ecs-api/orchestration/account"
	"ecs-api/secretsmanager"
)

// Secrets are the org's secrets in an account. Values go in and never come out.
type Secrets struct{ account *account.Account }

// SecretVersion says which version a secret has now. VersionId is nil if its value did not change.
type SecretVersion struct{ ARN, Name, VersionId *string }

// What names and ids of secrets are made of. Secrets Manager takes an ARN without its random suffix as well.
var (
	secretName = common.NewPattern(512, `^[A-Za-z0-9/_+=.@!-]+$`)
	secretARN  = common.NewPattern(519, `^arn:[a-z0-9-]+:secretsmanager:[a-z0-9-]+:[0-9]+:secret:([A-Za-z0-9/_+=.@!-]+)$`)
)

const secretNameRule = "must be 1 to 512 letters, digits and / _ + = . @ -"

// CheckSecretID returns what is wrong with a reference to a secret, which is its name or its ARN.
func CheckSecretID(id string) error {
	if !secretName.MatchString(id) && !secretARN.MatchString(id) {
		return errors.New(secretNameRule + ", or a secret's ARN")
	}
	return checkSegments(id)
}

// checkSegments refuses the segments of a path that mean another place: policies match names as text.
func checkSegments(name string) error {
	for segment := range strings.SplitSeq(name, "/") {
		if segment == "." || segment == ".." {
			return errors.New(`must not hold "` + segment + `" as a segment`)
		}
	}
	return nil
}

// List returns the ARNs of the org's secrets that have all the tags.
func (s Secrets) List(ctx context.Context, tags common.Tags) ([]string, error) {
	found, err := s.account.Secrets.ListSecrets(ctx, secretFilters(orgTag(s.account), tags))
	if err != nil {
		return nil, err
	}
	var arns []string
	for _, secret := range found {
		if have := secretsmanager.ToTags(secret.Tags); have.TaggedFor(s.account.Org) && len(have.Changed(tags)) == 0 {
			arns = append(arns, aws.StringValue(secret.ARN))
		}
	}
	return arns, nil
}

// maxSecretFilters is how many filters ListSecrets takes.
const maxSecretFilters = 10

// filterText is what ListSecrets takes as the value of a filter, up to maxFilterText of it. It reads a ! in front as a negation: tags cannot hold one.
var filterText = regexp.MustCompile(`^[a-zA-Z0-9 :_@/+=.-]+$`)

const maxFilterText = 256

// secretFilters returns filters that leave out most of the secrets that lack one of the tags. They let others pass: AWS compares the
// beginnings of keys and values, and does not know which value belongs to which key.
func secretFilters(org common.Tag, tags common.Tags) []*awssecrets.Filter {
	var filters []*awssecrets.Filter
	add := func(name, value string) {
		if len(filters) < maxSecretFilters && len(value) <= maxFilterText && filterText.MatchString(value) {
			filters = append(filters, &awssecrets.Filter{Key: aws.String(name), Values: aws.StringSlice([]string{value})})
		}
	}
	for _, tag := range append(common.Tags{org}, tags.Without(org.Key)...) {
		add(awssecrets.FilterNameStringTypeTagKey, tag.Key)
		add(awssecrets.FilterNameStringTypeTagValue, tag.Value)
	}
	return filters
}

// Show returns what is known of the org's secret with the given name or ARN: one of another org, or of nobody, is NotFound. What is done to it must
// be done to its ARN: AWS may read what the caller wrote, a part of an ARN for one, as a different secret the next time.
func (s Secrets) Show(ctx context.Context, id string) (*awssecrets.DescribeSecretOutput, error) {
	secret, err := s.account.Secrets.Secret(ctx, id)
	if common.Is(err, common.NotFound) || err == nil && !secretsmanager.ToTags(secret.Tags).TaggedFor(s.account.Org) {
		return nil, common.Errorf(common.NotFound, "there is no secret %q", id)
	}
	return secret, err
}

// Delete deletes a secret, in as many days as the window has; 0 deletes it at once.
func (s Secrets) Delete(ctx context.Context, id string, window int64) (*awssecrets.DeleteSecretOutput, error) {
	secret, err := s.Show(ctx, id)
	if err != nil {
		return nil, err
	}
	if secret.DeletedDate != nil && window != 0 {
		return nil, scheduled(secret)
	}
	return s.account.Secrets.DeleteSecret(ctx, aws.StringValue(secret.ARN), window)
}

// scheduled is the Conflict for a secret that is scheduled for deletion.
func scheduled(secret *awssecrets.DescribeSecretOutput) error {
	return common.Coded(common.CodeScheduledForDeletion, "secret %q is scheduled for deletion: DELETE it with ?window=0 to remove it at once, or choose another name", aws.StringValue(secret.Name))
}

// keyRefused returns err, but as the caller's mistake if AWS could not encrypt with the key that the caller named in the field.
func keyRefused(err error, field, key string) error {
	if key == "" || !common.IsKeyRefused(err) {
		return err
	}
	return common.Invalid(common.FieldError{Field: field, Detail: "must be a KMS key that exists, is enabled, and that this server may encrypt with"})
}
