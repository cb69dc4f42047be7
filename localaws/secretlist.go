package localaws

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/secretsmanager"
)

// Limits of ListSecrets.
const (
	maxSecretFilters = 10
	maxFilterValues  = 10
)

// secretFilter reports whether a secret has what one filter asks for.
type secretFilter func(*secret) bool

// listSecrets lists by name. Real Secrets Manager does not say in which order it lists.
func listSecrets(r *request, in *secretsmanager.ListSecretsInput) (*secretsmanager.ListSecretsOutput, error) {
	limit, ok := pageLimit(in.MaxResults, 100, 100)
	if !ok {
		return nil, refuse(secretsmanager.ErrCodeInvalidParameterException, "MaxResults must be between 1 and 100.")
	}
	filters, err := secretFilters(in.Filters)
	if err != nil {
		return nil, err
	}
	page, next, err := r.secretPage(in, limit, func(s *secret) bool {
		if s.past(r.now) || s.scheduled() && !aws.BoolValue(in.IncludePlannedDeletion) || !r.visible(s.created) {
			return false
		}
		return !slices.ContainsFunc(filters, func(f secretFilter) bool { return !f(s) })
	})
	if err != nil {
		return nil, refuse(secretsmanager.ErrCodeInvalidNextTokenException, "The NextToken value is invalid.")
	}
	out := &secretsmanager.ListSecretsOutput{NextToken: next, SecretList: []*secretsmanager.SecretListEntry{}}
	for _, s := range page {
		out.SecretList = append(out.SecretList, &secretsmanager.SecretListEntry{
			ARN:                    aws.String(s.arn),
			CreatedDate:            aws.Time(s.created),
			DeletedDate:            s.deletedDate(),
			Description:            optional(s.description),
			KmsKeyId:               optional(s.keyID),
			LastAccessedDate:       s.lastAccessed(),
			LastChangedDate:        aws.Time(s.changed),
			Name:                   aws.String(s.name),
			SecretVersionsToStages: s.stages(),
			Tags:                   writeTags(s.tags, secretTag),
		})
	}
	return out, nil
}

func (r *request) secretPage(in *secretsmanager.ListSecretsInput, limit int, match secretFilter) ([]*secret, *string, error) {
	all := &r.region.secrets.secrets
	if aws.StringValue(in.SortOrder) != secretsmanager.SortOrderTypeDesc {
		return all.page(in.NextToken, limit, match)
	}
	var matches []*secret
	for _, s := range all.all() {
		if match(s) {
			matches = append(matches, s)
		}
	}
	slices.Reverse(matches)
	return pageOf(matches, in.NextToken, limit)
}

// secretFilters makes functions of filters. All must hold; of a filter's values one must.
func secretFilters(in []*secretsmanager.Filter) ([]secretFilter, error) {
	if len(in) > maxSecretFilters {
		return nil, refuse(secretsmanager.ErrCodeInvalidParameterException, "You can't use more than %d filters.", maxSecretFilters)
	}
	var out []secretFilter
	for _, f := range in {
		values := aws.StringValueSlice(f.Values)
		match, ok := secretMatchers[aws.StringValue(f.Key)]
		switch {
		case !ok:
			return nil, refuse("ValidationException", "1 validation error detected: Value '%s' at 'filters.1.member.key' failed to satisfy constraint: Member must satisfy enum value set: [description, name, tag-value, tag-key, primary-region, owning-service, all]", aws.StringValue(f.Key))
		case len(values) == 0 || len(values) > maxFilterValues:
			return nil, refuse(secretsmanager.ErrCodeInvalidParameterException, "A filter must have 1 to %d values.", maxFilterValues)
		}
		out = append(out, func(s *secret) bool {
			return slices.ContainsFunc(values, func(value string) bool {
				wanted, negated := strings.CutPrefix(value, "!")
				return match(s, wanted) != negated
			})
		})
	}
	return out, nil
}

// secretMatchers tell whether a secret has a value of a filter. Filters on tag keys and tag values know nothing of each other.
var secretMatchers = map[string]func(*secret, string) bool{
	secretsmanager.FilterNameStringTypeName: func(s *secret, v string) bool { return strings.HasPrefix(s.name, v) },
	secretsmanager.FilterNameStringTypeDescription: func(s *secret, v string) bool {
		return strings.HasPrefix(strings.ToLower(s.description), strings.ToLower(v))
	},
	secretsmanager.FilterNameStringTypeTagKey: func(s *secret, v string) bool {
		return slices.ContainsFunc(s.tags, func(t tagPair) bool { return strings.HasPrefix(t.key, v) })
	},
	secretsmanager.FilterNameStringTypeTagValue: func(s *secret, v string) bool {
		return slices.ContainsFunc(s.tags, func(t tagPair) bool { return strings.HasPrefix(t.value, v) })
	},
	secretsmanager.FilterNameStringTypePrimaryRegion: func(*secret, string) bool { return false }, // no secret is replicated
	secretsmanager.FilterNameStringTypeOwningService: func(*secret, string) bool { return false }, // nor managed by a service
	secretsmanager.FilterNameStringTypeAll: func(s *secret, v string) bool {
		text := strings.ToLower(s.name + " " + s.description)
		for _, t := range s.tags {
			text += " " + strings.ToLower(t.key+" "+t.value)
		}
		for word := range strings.FieldsSeq(strings.ToLower(v)) {
			if !strings.Contains(text, word) {
				return false
			}
		}
		return true
	},
}
