package orchestration

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/spec"
)

// TestARevisionThatWasLeftIsAdopted asks for a service of which all is there but the service itself, as after a kill: the revision is taken if
// it is the same, and if not there is another one.
func TestARevisionThatWasLeftIsAdopted(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*CreateInput)
		want   string
	}{
		"the same":       {func(*CreateInput) {}, "www-task:1"},
		"another image":  {func(in *CreateInput) { in.TaskDefinition.ContainerDefinitions[0].Image = aws.String("nginx:2") }, "www-task:2"},
		"a setting less": {func(in *CreateInput) { in.TaskDefinition.ContainerDefinitions[0].PortMappings = nil }, "www-task:2"},
		"another tag":    {func(in *CreateInput) { in.Tags[0].Value = aws.String("you") }, "www-task:2"},
		"a tag less":     {func(in *CreateInput) { in.Tags = nil }, "www-task:2"},
		"a service of another name": {func(in *CreateInput) {
			in.Service.ServiceName, in.ServiceRegistry, in.Credentials = aws.String("api"), nil, nil
		}, "www-task:2"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, localaws.New())
			w.create(t, wholeService(t, "myclu", "www"))
			if _, _, err := w.Delete(t.Context(), "myclu", "www", false); err != nil {
				t.Fatal(err)
			}
			in := wholeService(t, "myclu", "www")
			test.change(in)
			out := w.create(t, in)
			if got := account.NameOf(aws.StringValue(out.Service.TaskDefinition)); got != test.want || account.NameOf(aws.StringValue(out.TaskDefinition.TaskDefinitionArn)) != got {
				t.Errorf("the service runs %s, want %s; the response says %s", got, test.want, aws.StringValue(out.TaskDefinition.TaskDefinitionArn))
			}
		})
	}
}

func TestARevisionThatIsDeletedBeforeItIsAdopted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, wholeService(t, "myclu", "www"))
	if _, _, err := w.Delete(t.Context(), "myclu", "www", false); err != nil {
		t.Fatal(err)
	}
	w.aws.Inject(localaws.Fault{Service: "ecs", Operation: "TagResource", Effect: localaws.Hook, Func: func() {
		if _, err := w.account.ECS.DeregisterTaskDefinition(context.Background(), "www-task:1"); err != nil {
			t.Error(err)
		}
	}})
	out := w.create(t, wholeService(t, "myclu", "www"))
	if got := account.NameOf(aws.StringValue(out.Service.TaskDefinition)); got != "www-task:2" {
		t.Errorf("the service runs %s", got)
	}
}

// TestTheRollbackOfAnAdoptedRevision makes the request fail that has taken it.
func TestTheRollbackOfAnAdoptedRevision(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, wholeService(t, "myclu", "www"))
	if _, _, err := w.Delete(t.Context(), "myclu", "www", false); err != nil {
		t.Fatal(err)
	}
	definitions := func() (lines []string) {
		for line := range strings.Lines(w.aws.Snapshot()) {
			if strings.HasPrefix(line, "ecs:task-definition") {
				lines = append(lines, line)
			}
		}
		return lines
	}
	before := definitions()
	w.aws.Inject(localaws.Fault{Service: "ecs", Operation: "CreateService", Effect: localaws.Refuse})
	if _, err := w.Create(t.Context(), wholeService(t, "myclu", "www")); err == nil {
		t.Error("the create succeeded")
	}
	if diff := cmp.Diff(before, definitions()); diff != "" || len(before) == 0 {
		t.Errorf("the revision (-before +after):\n%s", diff)
	}
}

func TestTheTokenOfARevisionFitsATag(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 255)
	tag := resource.OwnerPrefix(long) + spec.Digest(&awsecs.RegisterTaskDefinitionInput{}) + "/" + resource.NewID()
	if tags := (common.Tags{{Key: common.TagRequest, Value: tag}}); len(tags.Validate("tags", "")) > 0 || !resource.CreatedFor(tags, long) || resource.CreatedAfter(tags, resource.NewID()) {
		t.Errorf("the tag %q does not serve", tag)
	}
}
