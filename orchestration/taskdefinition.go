package orchestration

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
)

// readTaskDefinition looks at the task definition that the service names, which must be there, or at the family that a new one is
// registered in, which must not be another org's.
func (c *creation) readTaskDefinition(ctx context.Context) error {
	name := aws.StringValue(c.in.Service.TaskDefinition)
	given := c.in.TaskDefinition != nil
	if given {
		name = aws.StringValue(c.in.TaskDefinition.Family)
	}
	found, err := c.ecs.TaskDefinition(ctx, name)
	switch {
	case given && common.Is(err, common.NotFound):
		return nil
	case err != nil:
		return absent(err, "task definition", name)
	case !ecs.ToTags(found.Tags).BelongsTo(c.account.Org) && given:
		return taken("task definition", name)
	case !ecs.ToTags(found.Tags).BelongsTo(c.account.Org):
		return theirs("task definition", name)
	case given:
		c.found.revision = found
		return nil
	case aws.StringValue(found.TaskDefinition.Status) != awsecs.TaskDefinitionStatusActive:
		return notActive(found.TaskDefinition)
	default:
		c.out.TaskDefinition, c.taskARN = found.TaskDefinition, aws.StringValue(found.TaskDefinition.TaskDefinitionArn)
	}
	return nil
}

// notActive is the Conflict for a revision that was deregistered.
func notActive(revision *awsecs.TaskDefinition) error {
	return common.Coded(common.CodeTaskDefinitionInactive, "task definition %s is not ACTIVE; name another revision", nameOf(aws.StringValue(revision.TaskDefinitionArn)))
}

// registerTaskDefinition makes a revision of the task definition, or takes the same one that an interrupted request left.
func (c *creation) registerTaskDefinition(ctx context.Context) (undo, error) {
	secrets := map[string]string{}
	for _, cred := range c.credentials {
		secrets[cred.container] = aws.StringValue(cred.out.ARN)
	}
	in := c.prepareTaskDefinition(c.in.TaskDefinition, c.service, logGroup{c.cluster, c.account.Region}, c.executionRoleARN(), secrets)
	marked := tokenPrefix(c.service) + digest(in) + "/"
	tags := c.tagsFor(ecs.ToTags(c.in.TaskDefinition.Tags)).With(common.Tag{Key: common.TagRequest, Value: marked + c.id})
	in.Tags = ecs.FromTags(tags)
	if r := c.found.revision; r != nil && sameRevision(ecs.ToTags(r.Tags), tags, marked) {
		c.out.TaskDefinition, c.taskARN = r.TaskDefinition, aws.StringValue(r.TaskDefinition.TaskDefinitionArn)
		back, err := c.adoptRevision(ctx, ecs.ToTags(r.Tags), marked+c.id)
		if !common.Is(err, common.BadRequest) && !common.Is(err, common.NotFound) { // deregistered since it was found: ECS tags only ACTIVE ones
			return back, err
		}
	}
	c.found.revision = nil
	registered, back, err := c.register(ctx, in, marked+c.id)
	if err == nil {
		c.out.TaskDefinition, c.taskARN = registered, aws.StringValue(registered.TaskDefinitionArn)
	}
	return back, err
}

// digest returns what tells a task definition, whatever its tags, from others: AWS fills in and rewrites what it shows of one.
func digest(in *awsecs.RegisterTaskDefinitionInput) string {
	untagged := *in
	untagged.Tags = nil
	text, err := json.Marshal(untagged)
	if err != nil {
		panic(err) // strings, numbers and lists of them
	}
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// sameRevision reports whether a revision with the tags have is one that a request for the same with the tags want has left: marked begins
// the token of each. What carries its mark was made for the service.
func sameRevision(have, want common.Tags, marked string) bool {
	value, _ := have.Get(common.TagRequest)
	return strings.HasPrefix(value, marked) && len(have) == len(want) && len(have.Without(common.TagRequest).Changed(want.Without(common.TagRequest))) == 0
}

// adoptRevision claims the revision that was found.
func (c *creation) adoptRevision(ctx context.Context, tags common.Tags, token string) (undo, error) {
	before, _ := tags.Get(common.TagRequest)
	mark := func(ctx context.Context, value string) error {
		return c.ecs.Tag(ctx, c.taskARN, common.Tags{{Key: common.TagRequest, Value: value}})
	}
	back := func(ctx context.Context) error {
		now, err := c.ecs.TaskDefinition(ctx, c.taskARN)
		if err == nil && slices.Contains(ecs.ToTags(now.Tags), common.Tag{Key: common.TagRequest, Value: token}) {
			err = mark(ctx, before)
		}
		return common.Wrapf(ignoreNotFound(err), "the tag %s of %s", common.TagRequest, nameOf(c.taskARN))
	}
	return back, mark(ctx, token)
}

// keepRevision looks whether the revision that the service runs is ACTIVE.
func (c *creation) keepRevision(ctx context.Context) error {
	var now *awsecs.DescribeTaskDefinitionOutput
	err := c.find(ctx, c.found.revision == nil, func() (err error) {
		now, err = c.ecs.TaskDefinition(ctx, c.taskARN)
		return err
	})
	if common.Is(err, common.NotFound) || err == nil && aws.StringValue(now.TaskDefinition.Status) != awsecs.TaskDefinitionStatusActive {
		return takenAway("task definition " + nameOf(c.taskARN))
	}
	return err
}

// logGroup is where containers log that do not say where.
type logGroup struct{ name, region string }

// prepareTaskDefinition returns in as it is registered for a service: for Fargate, with our execution role, with logs and with the
// secrets, by container, that images are pulled with.
func (o *Orchestrator) prepareTaskDefinition(in *awsecs.RegisterTaskDefinitionInput, service string, logs logGroup, roleARN string, secrets map[string]string) *awsecs.RegisterTaskDefinitionInput {
	out := *in
	out.RequiresCompatibilities = aws.StringSlice([]string{awsecs.CompatibilityFargate})
	out.NetworkMode = aws.String(awsecs.NetworkModeAwsvpc)
	out.ExecutionRoleArn = aws.String(roleARN)
	out.ContainerDefinitions = nil
	for _, container := range in.ContainerDefinitions {
		prepared := *container
		if prepared.LogConfiguration == nil {
			prepared.LogConfiguration = &awsecs.LogConfiguration{
				LogDriver: aws.String(awsecs.LogDriverAwslogs),
				Options: aws.StringMap(map[string]string{
					"awslogs-group": logs.name, "awslogs-region": logs.region, "awslogs-stream-prefix": service,
				}),
			}
		}
		if arn := secrets[aws.StringValue(prepared.Name)]; arn != "" {
			prepared.RepositoryCredentials = &awsecs.RepositoryCredentials{CredentialsParameter: aws.String(arn)}
		}
		out.ContainerDefinitions = append(out.ContainerDefinitions, &prepared)
	}
	return &out
}

// register makes a revision, which carries request as a tag. AWS makes one for each call, so after a lost answer it looks for it
// before it asks again.
func (o *Orchestrator) register(ctx context.Context, in *awsecs.RegisterTaskDefinitionInput, request string) (made *awsecs.TaskDefinition, back undo, err error) {
	const tries = 3
	for range tries {
		err = o.pace.Retry(ctx, func() error {
			out, err := o.ecs.RegisterTaskDefinition(ctx, in)
			if err == nil {
				made = out.TaskDefinition
			}
			return err
		}, common.NewRole)
		if err == nil || !common.Ambiguous(err) {
			break
		}
		found, lookErr := o.findRevision(ctx, aws.StringValue(in.Family), request)
		if lookErr != nil {
			break // asking again could make a second one
		}
		if found != nil {
			made, err = found, nil
			break
		}
	}
	back = func(ctx context.Context) error {
		name := "task definition " + aws.StringValue(in.Family)
		revision := made
		if revision == nil {
			var err error
			if revision, err = o.findRevision(ctx, aws.StringValue(in.Family), request); err != nil || revision == nil {
				return common.Wrapf(err, "perhaps a revision of %s", name)
			}
		}
		return common.Wrapf(o.deleteRevisions(ctx, []string{aws.StringValue(revision.TaskDefinitionArn)}), "%s", name)
	}
	if err != nil && !common.Ambiguous(err) {
		back = nil // AWS said no
	}
	return made, back, err
}

// findRevision returns the revision among the family's newest that carries request; nil if none does.
func (o *Orchestrator) findRevision(ctx context.Context, family, request string) (*awsecs.TaskDefinition, error) {
	arns, err := o.ecs.ListTaskDefinitions(ctx, family, awsecs.TaskDefinitionStatusActive)
	if err != nil {
		return nil, err
	}
	const newest = 5 // others may have registered meanwhile
	for _, arn := range arns[:min(len(arns), newest)] {
		out, err := o.ecs.TaskDefinition(ctx, arn)
		if err != nil {
			return nil, err
		}
		if slices.Contains(ecs.ToTags(out.Tags), common.Tag{Key: common.TagRequest, Value: request}) {
			return out.TaskDefinition, nil
		}
	}
	return nil, nil
}

// deleteRevisions deregisters revisions and then deletes them. AWS keeps those that tasks still use until they do not.
func (o *Orchestrator) deleteRevisions(ctx context.Context, arns []string) error {
	for _, arn := range arns {
		if _, err := o.ecs.DeregisterTaskDefinition(ctx, arn); err != nil && !common.Is(err, common.NotFound) {
			return err
		}
	}
	return o.ecs.DeleteTaskDefinitions(ctx, arns)
}
