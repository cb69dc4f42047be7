package orchestration

import (
	"encoding/json"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
)

// patch applies a patch, as JSON, to the service www in cluster myclu. Nulls are the paths of its nulls.
func (w *world) patch(t *testing.T, body string, nulls ...string) (*UpdateOutput, error) {
	t.Helper()
	var in PatchInput
	if err := json.Unmarshal([]byte(body), &in); err != nil {
		t.Fatal(err)
	}
	in.SetNulls(nulls)
	return w.Patch(t.Context(), "myclu", "www", &in)
}

func TestAPatchSaysThatItBuildsOnADeploymentInProgress(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64 // how far the simulator's clock is ahead
	w := newWorld(t, localaws.New(localaws.WithLags(localaws.Lags{Provision: time.Minute}), localaws.Clock(func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) })))
	w.create(t, wholeService(t, "myclu", "www"))
	out, err := w.patch(t, `{"Containers": {"webserver": {"Environment": {"FIRST": "1"}}}}`)
	if err != nil || out.Unproven == "" { // the create's deployment has begun just now
		t.Fatalf("beside the create's deployment: unproven %q, %v", out.Unproven, err)
	}
	ahead.Store(int64(time.Hour))
	if out, err = w.patch(t, `{"Containers": {"webserver": {"Environment": {"SECOND": "2"}}}}`); err != nil || out.Unproven != "" {
		t.Errorf("after it: unproven %q, %v", out.Unproven, err)
	}
	if out, err = w.patch(t, `{"DesiredCount": 2}`); err != nil || out.Unproven != "" {
		t.Errorf("a count builds on nothing: unproven %q, %v", out.Unproven, err)
	}
}

func TestAPatchKeepsWhatItLeavesOutOfHealthCheckAndLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	in := wholeService(t, "myclu", "www")
	c := in.TaskDefinition.ContainerDefinitions[0]
	c.HealthCheck = &awsecs.HealthCheck{Command: aws.StringSlice([]string{"CMD", "true"}), Interval: aws.Int64(10), Retries: aws.Int64(2)}
	w.create(t, in)
	log := func(options map[string]string) *awsecs.LogConfiguration {
		return &awsecs.LogConfiguration{LogDriver: aws.String("awslogs"), Options: aws.StringMap(options)}
	}
	kept := map[string]string{"awslogs-group": "myclu", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "www"}
	added := map[string]string{"awslogs-group": "myclu", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "www", "mode": "non-blocking"}
	health := func(interval, retries *int64) *awsecs.HealthCheck {
		return &awsecs.HealthCheck{Command: aws.StringSlice([]string{"CMD", "true"}), Interval: interval, Retries: retries}
	}
	steps := []struct {
		patch, null string
		health      *awsecs.HealthCheck
		log         *awsecs.LogConfiguration
	}{
		{`{"HealthCheck": {"Interval": 20}}`, "", health(aws.Int64(20), aws.Int64(2)), log(kept)},
		{`{"HealthCheck": {"Retries": null}}`, "healthcheck.retries", health(aws.Int64(20), nil), log(kept)},
		{`{"LogConfiguration": {"Options": {"mode": "non-blocking"}}}`, "", health(aws.Int64(20), nil), log(added)},
		{`{"HealthCheck": null}`, "healthcheck", nil, log(added)},
		{`{"LogConfiguration": {"LogDriver": "splunk", "Options": {"splunk-url": "https://x"}}}`, "", nil,
			&awsecs.LogConfiguration{LogDriver: aws.String("splunk"), Options: aws.StringMap(map[string]string{"splunk-url": "https://x"})}},
	}
	for _, step := range steps {
		var nulls []string
		if step.null != "" {
			nulls = []string{"containers.webserver." + step.null}
		}
		out, err := w.patch(t, `{"Containers": {"webserver": `+step.patch+`}}`, nulls...)
		if err != nil {
			t.Fatalf("%s: %v", step.patch, err)
		}
		got := out.TaskDefinition.ContainerDefinitions[0]
		if diff := cmp.Diff(step.health, got.HealthCheck); diff != "" {
			t.Errorf("%s: health check (-want +got):\n%s", step.patch, diff)
		}
		if diff := cmp.Diff(step.log, got.LogConfiguration); diff != "" {
			t.Errorf("%s: log (-want +got):\n%s", step.patch, diff)
		}
	}
}

func TestAPatchThatChangesNothingStartsNoDeployment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, wholeService(t, "myclu", "www"))
	for _, body := range []string{
		`{"Containers": {"webserver": {}}}`, `{"Containers": {"webserver": {"Image": "nginx:alpine"}}}`, `{"Cpu": 256}`,
		`{"Containers": {"webserver": {"Environment": {"NONE": null}, "Secrets": {"NONE": null}, "DockerLabels": {"NONE": null}}}}`,
	} {
		out, err := w.patch(t, body)
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if out.Deployment != nil || aws.Int64Value(out.TaskDefinition.Revision) != 1 {
			t.Errorf("%s: deployment %+v of revision %d", body, out.Deployment, aws.Int64Value(out.TaskDefinition.Revision))
		}
	}
}

// TestAPatchIsRefusedByTheCallersNames sees that errors name fields as the request does: not by the task definition's indices.
func TestAPatchIsRefusedByTheCallersNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, wholeService(t, "myclu", "www"))
	tests := []struct {
		body   string
		fields []string
	}{
		{`{"Containers": {"webserver": {"HealthCheck": {}}}}`, []string{"Containers.webserver.healthcheck.command"}},
		{`{"Containers": {"webserver": {"Secrets": {"A": "/other/x"}}}}`, []string{"Containers.webserver.Secrets.A"}},
		{`{"Containers": {"api": {}}}`, []string{"Containers.api"}},
		{`{"Tags": {"a": "1", "aws:x": "1"}}`, []string{"Tags.aws:x"}},
		{`{"Tags": {"A": "1", "a": "2"}}`, []string{"Tags"}},
	}
	for _, tt := range tests {
		_, err := w.patch(t, tt.body)
		var fields []string
		for _, f := range common.Fields(err) {
			fields = append(fields, f.Field)
		}
		if !slices.Equal(fields, tt.fields) {
			t.Errorf("%s: %q, want %q: %v", tt.body, fields, tt.fields, err)
		}
	}
}
