package spec

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/arn"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
)

// A Reference is one place in a task definition that names a secret or a parameter.
type Reference struct {
	Field string // its path in the task definition, such as containerdefinitions[0].secrets[1].valuefrom
	Value string // a name or an ARN, in any form that ECS takes
	// Credentials says that an image is pulled with it: it names a secret, where other references without an ARN name a parameter.
	Credentials bool
}

// References returns every reference of the containers to secrets and parameters.
func References(containers []*awsecs.ContainerDefinition) []Reference {
	var all []Reference
	add := func(field, value string, credentials bool) {
		if value != "" {
			all = append(all, Reference{field, value, credentials})
		}
	}
	for i, c := range containers {
		at := fmt.Sprintf("containerdefinitions[%d].", i)
		if c.RepositoryCredentials != nil {
			add(at+"repositorycredentials.credentialsparameter", strings.TrimSpace(aws.StringValue(c.RepositoryCredentials.CredentialsParameter)), true)
		}
		for j, s := range c.Secrets {
			add(fmt.Sprintf("%ssecrets[%d].valuefrom", at, j), aws.StringValue(s.ValueFrom), false)
		}
		if c.LogConfiguration != nil {
			for j, s := range c.LogConfiguration.SecretOptions {
				add(fmt.Sprintf("%slogconfiguration.secretoptions[%d].valuefrom", at, j), aws.StringValue(s.ValueFrom), false)
			}
		}
	}
	return all
}

// SecretIn returns the id of the secret that the reference names: a name, or an ARN without the key, stage and version that ECS lets follow it.
// It is empty for a parameter.
func (r Reference) SecretIn() string {
	parsed, err := arn.Parse(r.Value)
	if err != nil {
		if r.Credentials {
			return r.Value
		}
		return ""
	}
	name, ok := strings.CutPrefix(parsed.Resource, "secret:")
	if parsed.Service != "secretsmanager" || !ok {
		return ""
	}
	parsed.Resource = "secret:" + strings.SplitN(name, ":", 2)[0]
	return parsed.String()
}

// suffix is what Secrets Manager puts behind a secret's name in its ARN.
var suffix = regexp.MustCompile(`-[A-Za-z0-9]{6}$`)

// Names reports whether the id, as SecretIn returns it, names the secret that has the given ARN and name. It may be the name, the ARN, or the
// ARN without its suffix.
func Names(id, secretARN, name string) bool {
	return id != "" && (id == name || id == secretARN || id == suffix.ReplaceAllString(secretARN, ""))
}

// SecretName returns the name in a reference to a secret, which is its name or its ARN.
func SecretName(ref string) string {
	parsed, err := arn.Parse(ref)
	if err != nil {
		return ref
	}
	return suffix.ReplaceAllString(strings.TrimPrefix(parsed.Resource, "secret:"), "")
}

// SecretIDs returns the secrets that the containers refer to, each once, as SecretIn returns them.
func SecretIDs(containers []*awsecs.ContainerDefinition) []string {
	var ids []string
	for _, r := range References(containers) {
		if id := r.SecretIn(); id != "" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// CredentialIDs returns the secrets that the containers' images are pulled with.
func CredentialIDs(containers []*awsecs.ContainerDefinition) []string {
	var ids []string
	for _, r := range References(containers) {
		if r.Credentials {
			ids = append(ids, r.SecretIn())
		}
	}
	return ids
}

// RepositoryCredentials returns the secret that a container's image is pulled with; empty if there is none.
func RepositoryCredentials(containers []*awsecs.ContainerDefinition, container string) string {
	for _, c := range containers {
		if aws.StringValue(c.Name) == container && c.RepositoryCredentials != nil {
			return strings.TrimSpace(aws.StringValue(c.RepositoryCredentials.CredentialsParameter))
		}
	}
	return ""
}

// CheckReach returns the references that the execution role of the cluster cannot read: its policy allows the secrets and the parameters of the
// space alone, and AWS would say so only when a task starts. At is the path of the task definition in the request.
func CheckReach(at string, containers []*awsecs.ContainerDefinition, id account.Identity, region, org, cluster string) common.Problems {
	var p common.Problems
	secrets, params := SecretPrefix(org, cluster), ParameterPrefix(org, cluster)
	for _, r := range References(containers) {
		switch {
		case reaches(r, id, region, secrets, params):
		case r.plain():
			p.Add(at+r.Field, "must be the ARN of a secret, as POST and GET of secrets show it, or the whole name of a parameter, such as %sNAME: ECS takes a plain name for a parameter's. "+
				"The tasks' execution role reads the secrets %s* and the parameters %s*", params, secrets, params)
		default:
			p.Add(at+r.Field, "cannot be read by the tasks' execution role, which reads the secrets %s* and the parameters %s* of this account and region: "+
				"name a secret by its ARN, a parameter by its name, and create them below these", secrets, params)
		}
	}
	return p
}

// plain reports whether the reference is neither an ARN nor the whole name of a parameter, as when somebody gives a secret's name.
func (r Reference) plain() bool {
	return !r.Credentials && !strings.HasPrefix(r.Value, "arn:") && !strings.HasPrefix(r.Value, "/")
}

// reaches reports whether the reference is to a secret or a parameter of the space.
func reaches(r Reference, id account.Identity, region, secrets, params string) bool {
	parsed, err := arn.Parse(r.Value)
	if err != nil {
		if r.Credentials {
			return strings.HasPrefix(r.Value, secrets)
		}
		return strings.HasPrefix(r.Value, params)
	}
	if parsed.Partition != id.Partition || parsed.AccountID != id.Account || parsed.Region != region {
		return false
	}
	switch parsed.Service {
	case "secretsmanager":
		return strings.HasPrefix(parsed.Resource, "secret:"+secrets)
	case "ssm":
		return strings.HasPrefix(parsed.Resource, "parameter"+params)
	}
	return false
}
