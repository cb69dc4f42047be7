package space

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/spec"
	"ecs-api/secretsmanager"
)

// TagChecks checks the tags of a request: of it as a whole, and of its things, which come over those of the whole.
type TagChecks struct {
	Org     string
	Callers common.Tags
}

// Of adds what is wrong with the tags of one thing.
func (t TagChecks) Of(p *common.Problems, field string, own common.Tags) {
	wrong := own.Validate(field, t.Org)
	*p = append(*p, wrong...)
	if all := t.Callers.With(own...); len(wrong) == 0 && !t.Callers.TooMany() && all.TooMany() {
		p.Add(field, "has, along with those of the whole request, %d tags: too many", len(all))
	}
}

// Request adds what is wrong with the tags of the whole request. IAM, if its role gets them too, does not tell upper case from lower case in keys.
func (t TagChecks) Request(p *common.Problems, ofRole bool) {
	*p = append(*p, t.Callers.Validate("tags", t.Org)...)
	if !ofRole {
		return
	}
	seen := map[string]string{}
	for _, key := range spec.Tags(t.Org, "", "", "", t.Callers...).Keys() {
		if other, ok := seen[strings.ToLower(key)]; ok {
			p.Add("tags", "have the keys %q and %q, which IAM does not tell apart", other, key)
		}
		seen[strings.ToLower(key)] = key
	}
}

// CheckTaskDefinition adds what is wrong with a task definition of the request. Its execution role is ours.
func CheckTaskDefinition(p *common.Problems, a account.Settings, cluster string, in *awsecs.RegisterTaskDefinitionInput) {
	*p = append(*p, spec.CheckTaskDefinition(a, "taskdefinition.", in)...)
	if role := aws.StringValue(in.ExecutionRoleArn); role != "" && account.NameOf(role) != spec.RoleName(cluster) {
		p.Add("taskdefinition.executionrolearn", "must be %s, or left out: the tasks get the execution role of their cluster", spec.RoleName(cluster))
	}
}

// CheckSDKTaskDefinition adds what the SDK finds wrong with a task definition whose images are pulled with the credentials.
func CheckSDKTaskDefinition(p *common.Problems, in *awsecs.RegisterTaskDefinitionInput, credentials map[string]*awssecrets.CreateSecretInput) {
	secrets := map[string]string{}
	for container := range credentials {
		secrets[container] = container // stands for the ARN that it will have
	}
	p.AddSDK("taskdefinition", spec.Definition{Credentials: secrets}.Complete(in))
}

// secretName is one segment of what Secrets Manager allows as a name.
var secretName = common.NewPattern(256, `^[A-Za-z0-9_+=.@-]+$`)

func checkSecretName(p *common.Problems, field, name string) {
	if !secretName.MatchString(name) || strings.Trim(name, ".") == "" {
		p.Add(field, "must have 1 to 256 letters, digits and _ + = . @ -")
	}
}

// CheckNewCredentials adds what is wrong with credentials that are to be created for containers of the task definition.
func CheckNewCredentials(p *common.Problems, credentials map[string]*awssecrets.CreateSecretInput,
	definition *awsecs.RegisterTaskDefinitionInput, tags TagChecks) {
	if tooManyCredentials(p, credentials) {
		return
	}
	names := map[string]string{}
	for _, container := range slices.Sorted(maps.Keys(credentials)) {
		in, at := credentials[container], "credentials."+container
		if in == nil {
			p.Add(at, "must not be null")
			continue
		}
		if definition == nil || !spec.HasContainer(definition.ContainerDefinitions, container) {
			p.Add(at, "names no container of the task definition in this request")
		}
		name := aws.StringValue(in.Name)
		checkSecretName(p, at+".Name", name)
		if names[name] != "" {
			p.Add(at+".Name", "is %q, as that of %s", name, names[name])
		}
		names[name] = container
		tags.Of(p, at+".tags", secretsmanager.ToTags(in.Tags))
		checkCredential(p, at, container, in)
	}
}

// tooManyCredentials adds that there are more credentials than a task definition may have containers, and reports it. What is wrong with each is not
// looked at: there may be thousands.
func tooManyCredentials(p *common.Problems, credentials map[string]*awssecrets.CreateSecretInput) bool {
	if len(credentials) <= spec.MaxContainers {
		return false
	}
	p.Add("credentials", "are for %d containers; ECS allows %d", len(credentials), spec.MaxContainers)
	return true
}

// CheckChangedCredentials adds what is wrong with credentials that are new, or new values of those that containers have: these need no name.
func CheckChangedCredentials(p *common.Problems, credentials map[string]*awssecrets.CreateSecretInput, tags TagChecks) {
	if tooManyCredentials(p, credentials) {
		return
	}
	for _, container := range slices.Sorted(maps.Keys(credentials)) {
		cred, at := credentials[container], "credentials."+container
		if cred == nil {
			p.Add(at, "must not be null")
			continue
		}
		if cred.Name != nil {
			checkSecretName(p, at+".Name", *cred.Name)
		}
		checkCredential(p, at, container, cred)
		tags.Of(p, at+".tags", secretsmanager.ToTags(cred.Tags))
	}
}

// checkCredential adds what is wrong with one credential, but for its name.
func checkCredential(p *common.Problems, at, container string, in *awssecrets.CreateSecretInput) {
	var login struct{ Username, Password *string }
	switch value := aws.StringValue(in.SecretString); {
	case value == "" && len(in.SecretBinary) > 0:
		p.Add(at+".SecretBinary", "must be left out: ECS reads repository credentials from SecretString")
	case json.Unmarshal([]byte(value), &login) != nil || aws.StringValue(login.Username) == "" || login.Password == nil:
		p.Add(at+".SecretString", `must be {"username": "…", "password": "…"} as a string`)
	}
	sent := *in
	sent.Name = cmp.Or(in.Name, aws.String(container)) // an update may leave it out
	sent.ClientRequestToken = nil                      // ours takes its place
	p.AddSDK(at, &sent)
}

// WithoutCredentials returns the containers without the repository credentials of those that the request has credentials for.
func WithoutCredentials(containers []*awsecs.ContainerDefinition, credentials map[string]*awssecrets.CreateSecretInput) []*awsecs.ContainerDefinition {
	out := make([]*awsecs.ContainerDefinition, len(containers))
	for i, c := range containers {
		out[i] = c
		if _, ok := credentials[aws.StringValue(c.Name)]; ok {
			copied := *c
			copied.RepositoryCredentials = nil
			out[i] = &copied
		}
	}
	return out
}
