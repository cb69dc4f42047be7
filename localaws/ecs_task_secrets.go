package localaws

import (
	"encoding/json"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
)

// storedSecret reports whether a secret of a container is one of Secrets Manager, not a parameter.
func storedSecret(reference string) bool {
	return strings.HasPrefix(reference, "arn:") && strings.Contains(reference, ":secretsmanager:")
}

// inject gives the containers the values of their secrets, all of which can be fetched.
func (i initializer) inject() {
	for _, part := range i.task.parts {
		if len(part.definition.Secrets) == 0 {
			continue
		}
		values := map[string]string{}
		for _, s := range part.definition.Secrets {
			values[aws.StringValue(s.Name)] = i.value(aws.StringValue(s.ValueFrom))
		}
		part.load(i.task.out.Overrides, values)
	}
}

// value returns the value that a reference to a secret or a parameter means, as it is in the environment of a container.
func (i initializer) value(reference string) string {
	if !storedSecret(reference) {
		if _, p, _ := i.parameter(reference); p != nil {
			return p.value
		}
		return ""
	}
	ref := parseSecretReference(reference)
	r := i.request
	if ref.region != "" {
		r = r.in(ref.region)
	}
	s, err := r.secretNamed(&ref.id)
	if err != nil {
		return ""
	}
	v, _ := ref.of(s)
	switch {
	case v == nil:
		return ""
	case ref.key != "":
		return v.member(ref.key)
	case v.text == nil:
		return string(v.binary)
	}
	return *v.text
}

// member returns the value of a JSON key: a string as it is, anything else as JSON.
func (v *secretVersion) member(key string) string {
	var keys map[string]json.RawMessage
	if json.Unmarshal([]byte(aws.StringValue(v.text)), &keys) != nil {
		return ""
	}
	var text string
	if json.Unmarshal(keys[key], &text) == nil {
		return text
	}
	return string(keys[key])
}
