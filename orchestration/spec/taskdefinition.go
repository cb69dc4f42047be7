package spec

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/registry"
)

// CheckRole adds a problem if the account does not let callers name the role.
func CheckRole(p *common.Problems, a account.Settings, field string, arn *string) {
	if role := aws.StringValue(arn); role != "" && (a.AllowsRole == nil || !a.AllowsRole(role)) {
		p.Add(field, "is not a role that this account allows; ask its operator to add it to taskRoles")
	}
}

// CheckTaskDefinition returns what is wrong with a task definition for Fargate, by paths below at, such as "taskdefinition.".
func CheckTaskDefinition(a account.Settings, at string, in *awsecs.RegisterTaskDefinitionInput) common.Problems {
	var p common.Problems
	account.CheckName(&p, at+"family", aws.StringValue(in.Family))
	if n := len(in.ContainerDefinitions); n == 0 {
		p.Add(at+"containerdefinitions", "must have at least one container")
	} else if n > MaxContainers {
		p.Add(at+"containerdefinitions", "has %d containers; ECS allows %d", n, MaxContainers)
	}
	seen := map[string]bool{}
	for i, container := range in.ContainerDefinitions {
		at := fmt.Sprintf("%scontainerdefinitions[%d].", at, i)
		name := aws.StringValue(container.Name)
		account.CheckName(&p, at+"name", name)
		if seen[name] {
			p.Add(at+"name", "is %q, as another container's", name)
		}
		seen[name] = true
		if image := aws.StringValue(container.Image); image == "" {
			p.Add(at+"image", "is required")
		} else if wrong := registry.WrongReference(image); wrong != "" { // ECS takes most of these, and no task starts
			p.Add(at+"image", "%s", wrong)
		}
		CheckContainer(&p, at, container)
	}
	CheckContainers(&p, at, in.ContainerDefinitions)
	CheckSizes(&p, at, in)
	checkPlatform(&p, at, in.RuntimePlatform)
	CheckRole(&p, a, at+"taskrolearn", in.TaskRoleArn)
	if mode := aws.StringValue(in.NetworkMode); mode != "" && mode != awsecs.NetworkModeAwsvpc {
		p.Add(at+"networkmode", "must be awsvpc, or left out: Fargate has no other")
	}
	if given := aws.StringValueSlice(in.RequiresCompatibilities); len(given) > 0 && !slices.Contains(given, awsecs.CompatibilityFargate) {
		p.Add(at+"requirescompatibilities", "must have FARGATE in it, or be left out")
	}
	return p
}

// HasContainer reports whether one of the containers has the name.
func HasContainer(containers []*awsecs.ContainerDefinition, name string) bool {
	return slices.ContainsFunc(containers, func(c *awsecs.ContainerDefinition) bool { return aws.StringValue(c.Name) == name })
}

// Definition is how a task definition is completed: with the execution role, with logs for containers that do not say where they log, and with
// the secrets, by container, that images are pulled with.
type Definition struct {
	RoleARN     string
	LogGroup    string
	LogRegion   string
	LogPrefix   string
	Credentials map[string]string
}

// Complete returns in as it is registered.
func (d Definition) Complete(in *awsecs.RegisterTaskDefinitionInput) *awsecs.RegisterTaskDefinitionInput {
	out := *in
	if len(out.RequiresCompatibilities) == 0 {
		out.RequiresCompatibilities = aws.StringSlice([]string{awsecs.CompatibilityFargate})
	}
	out.NetworkMode = aws.String(awsecs.NetworkModeAwsvpc)
	out.ExecutionRoleArn = aws.String(d.RoleARN)
	out.ContainerDefinitions = nil
	for _, container := range in.ContainerDefinitions {
		completed := *container
		if completed.LogConfiguration == nil {
			completed.LogConfiguration = &awsecs.LogConfiguration{
				LogDriver: aws.String(awsecs.LogDriverAwslogs),
				Options: aws.StringMap(map[string]string{
					"awslogs-group": d.LogGroup, "awslogs-region": d.LogRegion, "awslogs-stream-prefix": d.LogPrefix,
				}),
			}
		}
		if arn := d.Credentials[aws.StringValue(completed.Name)]; arn != "" {
			completed.RepositoryCredentials = &awsecs.RepositoryCredentials{CredentialsParameter: aws.String(arn)}
		}
		out.ContainerDefinitions = append(out.ContainerDefinitions, &completed)
	}
	return &out
}

// Digest returns what tells a task definition, whatever its tags, from others: AWS completes and rewrites what it shows of one.
func Digest(in *awsecs.RegisterTaskDefinitionInput) string {
	untagged := *in
	untagged.Tags = nil
	text, err := json.Marshal(untagged)
	if err != nil {
		panic(err) // strings, numbers and lists of them
	}
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// LogGroups returns the names of the log groups in the region that a task definition's containers log to, sorted.
func LogGroups(region string, def *awsecs.TaskDefinition) []string {
	groups := []string{}
	for _, c := range def.ContainerDefinitions {
		if l := c.LogConfiguration; l != nil && aws.StringValue(l.LogDriver) == awsecs.LogDriverAwslogs {
			options := aws.StringValueMap(l.Options)
			if options["awslogs-group"] != "" && (options["awslogs-region"] == region || options["awslogs-region"] == "") {
				groups = append(groups, options["awslogs-group"])
			}
		}
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}
