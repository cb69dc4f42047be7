package orchestration

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
	"ecs-api/orchestration/adhoc"
	"ecs-api/orchestration/etag"
	"ecs-api/orchestration/logs"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/taskdefs"
	"ecs-api/orchestration/teardown"
	"ecs-api/secretsmanager"
)

// orphan is the secret of service www, whose credentials others read.
const orphan = "secretsmanager:secret spinup/localdev/myclu/www-cred"

// readers are the ways in which a container refers to a secret that was created for another service.
var readers = map[string]func(c *awsecs.ContainerDefinition, secret string){
	"environment": func(c *awsecs.ContainerDefinition, secret string) {
		c.Secrets = []*awsecs.Secret{{Name: aws.String("PASSWORD"), ValueFrom: aws.String(secret + ":password::")}}
	},
	"log options": func(c *awsecs.ContainerDefinition, secret string) {
		c.LogConfiguration = &awsecs.LogConfiguration{LogDriver: aws.String(awsecs.LogDriverSplunk), Options: aws.StringMap(map[string]string{"splunk-url": "https://splunk.example.com"}),
			SecretOptions: []*awsecs.Secret{{Name: aws.String("splunk-token"), ValueFrom: aws.String(secret)}}}
	},
	"image": func(c *awsecs.ContainerDefinition, secret string) {
		c.RepositoryCredentials = &awsecs.RepositoryCredentials{CredentialsParameter: aws.String(secret)}
	},
}

// reader is a request for a service that refers to the secret and has no credentials of its own.
func reader(t testing.TB, service, secret string, refer func(*awsecs.ContainerDefinition, string)) *CreateInput {
	in := wholeService(t, "myclu", service)
	in.Credentials = nil
	refer(in.TaskDefinition.ContainerDefinitions[0], secret)
	return in
}

// TestASecretGoesWithItsSpace tears down a service whose credentials another one reads, then a third that does not, and then the reader: the secret stays as long as
// the reader does, and goes with the space. The plan of the last delete names it.
func TestASecretGoesWithItsSpace(t *testing.T) {
	t.Parallel()
	for how, refer := range readers {
		t.Run(how, func(t *testing.T) {
			w := newWorld(t, localaws.New())
			secret := aws.StringValue(w.create(t, wholeService(t, "myclu", "www")).Credentials["webserver"].ARN)
			w.create(t, reader(t, "api", secret, refer))
			w.create(t, wholeService(t, "myclu", "third"))
			for _, service := range []string{"www", "third"} {
				w.tearDown(t, "myclu", service)
				if !slices.Contains(inventory(w.aws), orphan) {
					t.Fatalf("the secret is gone with service %s, and the other service reads it", service)
				}
			}
			plan := reads(t, w.aws, func(ctx context.Context) (*resource.Preview, error) {
				return w.PlanDelete(ctx, "myclu", "api", teardown.Scope{Recursive: true}, etag.Condition{})
			})
			if !slices.Contains(steps(plan), "delete credential spinup/localdev/myclu/www-cred") {
				t.Errorf("the plan does not have the secret: %q", steps(plan))
			}
			w.tearDown(t, "myclu", "api")
			if diff := cmp.Diff(remains, inventory(w.aws)); diff != "" {
				t.Errorf("what is left (-want +got):\n%s", diff)
			}
			if _, _, err := w.Delete(t.Context(), "myclu", "api", true); !common.Is(err, common.NotFound) {
				t.Errorf("the same request when nothing is left: %v, want NotFound", err)
			}
		})
	}
}

// TestTheSecretOfAManagedTaskDefinitionGoesWithItsSpace deletes a managed task definition whose credentials a service reads, and then the service.
func TestTheSecretOfAManagedTaskDefinitionGoesWithItsSpace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	work := taskdefs.New(w.transactions, adhoc.New(w.transactions).Tasks, w.Deleter(), logs.New(w.account))
	var in taskdefs.CreateInput
	if err := json.Unmarshal([]byte(`{
		"cluster": {"clustername": "myclu"},
		"taskdefinition": {"family": "report", "cpu": "256", "memory": "512", "containerdefinitions": [{"name": "report", "image": "nginx:alpine"}]},
		"credentials": {"report": {"Name": "www-cred", "SecretString": "{\"username\": \"u\", \"password\": \"p\"}"}}
	}`), &in); err != nil {
		t.Fatal(err)
	}
	made, err := work.Create(t.Context(), &in)
	if err != nil {
		t.Fatal(err)
	}
	w.create(t, reader(t, "api", aws.StringValue(made.Credentials["report"].ARN), readers["environment"]))
	if _, _, err := work.Delete(t.Context(), "myclu", "report", true, false, etag.Condition{}); err != nil {
		t.Fatal(err)
	}
	w.wait()
	if !slices.Contains(inventory(w.aws), orphan) {
		t.Fatal("the secret is gone with the managed task definition, and the service reads it")
	}
	w.tearDown(t, "myclu", "api")
	if diff := cmp.Diff(remains, inventory(w.aws)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
}

// requestAt is the id of a request that began then.
func requestAt(begin time.Time) string {
	id := uuid.Must(uuid.NewV7())
	for i, ms := 0, begin.UnixMilli(); i < 6; i++ {
		id[i] = byte(ms >> (40 - 8*i))
	}
	return id.String()
}

// TestSecretsThatAreNotOrphaned stay when a space is torn down: of other orgs and spaces, made by hand, those that a request at work may have created a moment ago, and
// those of a later one. What an old request created for a service that ECS has forgotten goes. A secret that is scheduled for deletion can still be restored.
func TestSecretsThatAreNotOrphaned(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, wholeService(t, "myclu", "www"))
	long, soon := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	tags := func(org, space, owner string) common.Tags {
		return common.Tags{{Key: common.TagOrg, Value: org}, {Key: common.TagSpace, Value: space}, {Key: common.TagRequest, Value: owner}}
	}
	for name, tags := range map[string]common.Tags{
		"old": tags("localdev", "myclu", "gone/"+requestAt(long)), "old-job": tags("localdev", "myclu", "task:gone/"+requestAt(long)),
		"scheduled": tags("localdev", "myclu", "gone/"+requestAt(long)), "created-now": tags("localdev", "myclu", "new/"+requestAt(time.Now())),
		"created-now-for-a-job": tags("localdev", "myclu", "task:new/"+requestAt(time.Now())), "later": tags("localdev", "myclu", "new/"+requestAt(soon)),
		"another-org": tags("another", "myclu", "gone/"+requestAt(long)), "another-space": tags("localdev", "another", "gone/"+requestAt(long)),
		"by-hand": {{Key: common.TagOrg, Value: "localdev"}}, "without-time": tags("localdev", "myclu", "gone/1"),
	} {
		in := &awssecrets.CreateSecretInput{Name: aws.String("spinup/localdev/myclu/" + name), SecretString: aws.String("hunter22"), Tags: secretsmanager.FromTags(tags)}
		if _, err := w.account.Secrets.CreateSecret(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.account.Secrets.DeleteSecret(t.Context(), "spinup/localdev/myclu/scheduled", 7); err != nil {
		t.Fatal(err)
	}
	w.tearDown(t, "myclu", "www")
	left := []string{}
	for _, line := range inventory(w.aws) {
		if name, ok := strings.CutPrefix(line, "secretsmanager:secret spinup/localdev/myclu/"); ok {
			left = append(left, name)
		}
	}
	want := []string{"another-org", "another-space", "by-hand", "created-now", "created-now-for-a-job", "later", "without-time"}
	if diff := cmp.Diff(want, left); diff != "" {
		t.Errorf("the secrets that are left (-want +got):\n%s", diff)
	}
	if err := w.account.Secrets.RestoreSecret(t.Context(), "spinup/localdev/myclu/scheduled"); err != nil {
		t.Error(err)
	}
}
