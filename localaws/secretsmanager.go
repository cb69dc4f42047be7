package localaws

import (
	"iter"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/secretsmanager"
)

// secretsState is a region's secrets by name.
type secretsState struct {
	secrets ordered[*secret]
	taken   map[string]time.Time // names of force-deleted secrets, until when they cannot be used again
}

// secret is one secret. It holds its versions in the order of their making.
type secret struct {
	name, arn, description, keyID string
	tags                          tagList
	created, changed, accessed    time.Time
	gone                          time.Time // when it is deleted for good; zero unless it is scheduled for deletion
	versions                      []*secretVersion
}

// secretVersion is one value of a secret. A version without stages is deprecated.
type secretVersion struct {
	id      string
	text    *string // or binary
	binary  []byte
	created time.Time
	stages  []string
}

// The staging labels that Secrets Manager moves by itself.
const (
	stageCurrent  = "AWSCURRENT"
	stagePrevious = "AWSPREVIOUS"
)

func newSecretsState() secretsState { return secretsState{taken: map[string]time.Time{}} }

// inventory lists the secrets that are not scheduled for deletion.
func (s *secretsState) inventory() iter.Seq[string] {
	return func(yield func(string) bool) {
		for name, sec := range s.secrets.all() {
			if !sec.scheduled() && !yield("secret "+name) {
				return
			}
		}
	}
}

// tagged ranges over the secrets that the tagging API finds.
func (s *secretsState) tagged() tagged {
	return func(yield func(string, tagList) bool) {
		for _, sec := range s.secrets.all() {
			if !sec.scheduled() && !yield(sec.arn, sec.tags) {
				return
			}
		}
	}
}

func secretsmanagerOperations() map[string]operation {
	return map[string]operation{
		"CreateSecret":             op(createSecret),
		"DeleteSecret":             op(deleteSecret),
		"DescribeSecret":           op(describeSecret),
		"GetSecretValue":           op(getSecretValue),
		"ListSecretVersionIds":     op(listSecretVersionIDs),
		"ListSecrets":              op(listSecrets),
		"PutSecretValue":           op(putSecretValue),
		"RestoreSecret":            op(restoreSecret),
		"TagResource":              op(tagSecret),
		"UntagResource":            op(untagSecret),
		"UpdateSecret":             op(updateSecret),
		"UpdateSecretVersionStage": op(updateSecretVersionStage),
	}
}

func secretTag(key, value *string) *secretsmanager.Tag {
	return &secretsmanager.Tag{Key: key, Value: value}
}
func secretPair(t *secretsmanager.Tag) (key, value *string) { return t.Key, t.Value }

func (s *secret) scheduled() bool { return !s.gone.IsZero() }

// deletedDate returns when the secret is scheduled to be deleted, or nil.
func (s *secret) deletedDate() *time.Time {
	if !s.scheduled() {
		return nil
	}
	return aws.Time(s.gone)
}

// lastAccessed returns the day of the last access, or nil: Secrets Manager does not tell the time of day.
func (s *secret) lastAccessed() *time.Time {
	if s.accessed.IsZero() {
		return nil
	}
	return aws.Time(s.accessed.UTC().Truncate(24 * time.Hour))
}

func noSuchSecret() error {
	return refuse(secretsmanager.ErrCodeResourceNotFoundException, "Secrets Manager can't find the specified secret.")
}

// maybeSuffix matches a name that ends in what an ARN has after the name.
var maybeSuffix = regexp.MustCompile(`-[A-Za-z0-9]{6}$`)

// secretNamed returns the secret that id names: by name, ARN, or an ARN without its random end. Those whose time has come are gone.
func (r *request) secretNamed(id *string) (*secret, error) {
	name := aws.StringValue(id)
	if rest, ok := strings.CutPrefix(name, r.arn("secretsmanager", "secret:")); ok {
		name = rest
		if maybeSuffix.MatchString(rest) {
			if s := r.liveSecret(rest[:len(rest)-7]); s != nil && s.arn == *id {
				return s, nil
			}
		}
	}
	if s := r.liveSecret(name); s != nil {
		return s, nil
	}
	return nil, noSuchSecret()
}

// liveSecret returns the secret with the name, or nil; it buries the one whose time has come.
func (r *request) liveSecret(name string) *secret {
	s, ok := r.region.secrets.secrets.get(name)
	if ok && s.past(r.now) {
		r.region.secrets.secrets.delete(name)
		return nil
	}
	return s
}

func (s *secret) past(now time.Time) bool { return s.scheduled() && !now.Before(s.gone) }

// usableSecret returns the secret that id names unless it is scheduled for deletion.
func (r *request) usableSecret(id *string) (*secret, error) {
	s, err := r.secretNamed(id)
	if err == nil && s.scheduled() {
		return nil, refuse(secretsmanager.ErrCodeInvalidRequestException, "You can't perform this operation on the secret because it was marked for deletion.")
	}
	return s, err
}

// secretName is what a secret may be called.
var secretName = atMost(512, `^[A-Za-z0-9/_+=.@!-]+$`)

// Sizes that Secrets Manager allows: of a value in bytes, of a description in characters.
const (
	maxSecret            = 65536
	maxSecretDescription = 2048
)

func checkSecretDescription(text *string) error {
	if len(aws.StringValue(text)) > maxSecretDescription {
		return refuse("ValidationException", "1 validation error detected: Value at 'description' failed to satisfy constraint: Member must have length less than or equal to %d", maxSecretDescription)
	}
	return nil
}

func checkSecretName(name string) error {
	if !secretName.MatchString(name) {
		return refuse(secretsmanager.ErrCodeInvalidParameterException, "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
	}
	return nil
}

// checkSecretTags refuses tags that Secrets Manager would.
func checkSecretTags(tags tagList) error {
	if problem := tags.problem(); problem != "" {
		return refuse(secretsmanager.ErrCodeInvalidParameterException, "%s", problem)
	}
	if len(tags) > maxTags {
		return refuse(secretsmanager.ErrCodeInvalidParameterException, "A secret can have no more than %d tags.", maxTags)
	}
	return nil
}

func describeSecret(r *request, in *secretsmanager.DescribeSecretInput) (*secretsmanager.DescribeSecretOutput, error) {
	s, err := r.secretNamed(in.SecretId)
	if err != nil {
		return nil, err
	}
	if !r.visible(s.created) {
		return nil, noSuchSecret()
	}
	return &secretsmanager.DescribeSecretOutput{
		ARN:                aws.String(s.arn),
		CreatedDate:        aws.Time(s.created),
		DeletedDate:        s.deletedDate(),
		Description:        optional(s.description),
		KmsKeyId:           optional(s.keyID),
		LastAccessedDate:   s.lastAccessed(),
		LastChangedDate:    aws.Time(s.changed),
		Name:               aws.String(s.name),
		Tags:               writeTags(s.tags, secretTag),
		VersionIdsToStages: s.stages(),
	}, nil
}

// stages returns the versions that have stages, with them.
func (s *secret) stages() map[string][]*string {
	out := map[string][]*string{}
	for _, v := range s.versions {
		if len(v.stages) > 0 {
			out[v.id] = aws.StringSlice(v.stages)
		}
	}
	return out
}

func tagSecret(r *request, in *secretsmanager.TagResourceInput) (*secretsmanager.TagResourceOutput, error) {
	s, err := r.usableSecret(in.SecretId)
	if err != nil {
		return nil, err
	}
	given := readTags(in.Tags, secretPair)
	if err := checkSecretTags(given); err != nil {
		return nil, err
	}
	merged := s.tags.with(given)
	if err := checkSecretTags(merged); err != nil {
		return nil, err
	}
	s.tags, s.changed = merged, r.now
	return &secretsmanager.TagResourceOutput{}, nil
}

func untagSecret(r *request, in *secretsmanager.UntagResourceInput) (*secretsmanager.UntagResourceOutput, error) {
	s, err := r.usableSecret(in.SecretId)
	if err != nil {
		return nil, err
	}
	s.tags, s.changed = s.tags.without(in.TagKeys), r.now
	return &secretsmanager.UntagResourceOutput{}, nil
}

// Windows of deletion, in days.
const (
	minWindow, maxWindow = 7, 30
)

func deleteSecret(r *request, in *secretsmanager.DeleteSecretInput) (*secretsmanager.DeleteSecretOutput, error) {
	force := aws.BoolValue(in.ForceDeleteWithoutRecovery)
	window := int64(maxWindow)
	if in.RecoveryWindowInDays != nil {
		window = *in.RecoveryWindowInDays
		switch {
		case force:
			return nil, refuse(secretsmanager.ErrCodeInvalidParameterException, "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
		case window < minWindow || window > maxWindow:
			return nil, refuse(secretsmanager.ErrCodeInvalidParameterException, "The RecoveryWindowInDays value must be between %d and %d days (inclusive).", minWindow, maxWindow)
		}
	}
	s, err := r.secretNamed(in.SecretId)
	switch {
	case err != nil && force: // Secrets Manager does not tell a typo from a success
		name := strings.TrimPrefix(aws.StringValue(in.SecretId), r.arn("secretsmanager", "secret:"))
		return &secretsmanager.DeleteSecretOutput{
			ARN: aws.String(r.arn("secretsmanager", "secret:"+name)), Name: aws.String(name), DeletionDate: aws.Time(r.now),
		}, nil
	case err != nil:
		return nil, err
	case force:
		r.region.secrets.secrets.delete(s.name)
		r.region.secrets.taken[s.name] = r.now.Add(r.aws.lags.Secret)
		return &secretsmanager.DeleteSecretOutput{ARN: aws.String(s.arn), Name: aws.String(s.name), DeletionDate: aws.Time(r.now)}, nil
	case s.scheduled():
		return nil, refuse(secretsmanager.ErrCodeInvalidRequestException, "You can't perform this operation on the secret because it was already scheduled for deletion.")
	}
	s.gone = r.now.AddDate(0, 0, int(window))
	return &secretsmanager.DeleteSecretOutput{ARN: aws.String(s.arn), Name: aws.String(s.name), DeletionDate: s.deletedDate()}, nil
}

func restoreSecret(r *request, in *secretsmanager.RestoreSecretInput) (*secretsmanager.RestoreSecretOutput, error) {
	s, err := r.secretNamed(in.SecretId)
	if err != nil {
		return nil, err
	}
	s.gone = time.Time{}
	return &secretsmanager.RestoreSecretOutput{ARN: aws.String(s.arn), Name: aws.String(s.name)}, nil
}
