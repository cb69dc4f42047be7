package diagnosis

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	awsecs "ecs-api/ecs/sdk/ecs"
)

// message is a row of the collection of what AWS really writes, with the code it stands for: "" if it reports no problem.
type message struct {
	Row             int    `json:"row"`
	Code            Code   `json:"code"`
	StopCode        string `json:"stopCode"`
	StoppedReason   string `json:"stoppedReason"`
	ContainerReason string `json:"containerReason"`
	HealthStatus    string `json:"healthStatus"`
	ExitCode        *int64 `json:"exitCode"`
	LastLine        string `json:"lastLine"`
	Event           string `json:"event"`
}

// messages returns the collection.
func messages(t *testing.T) []message {
	t.Helper()
	text, err := os.ReadFile("testdata/messages.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []message
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// The time of the tests, and what they are about.
var now = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

const (
	newer = "ecs-svc/2222222222222222222"
	older = "ecs-svc/1111111111111111111"
	image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/www:1.2.3"
)

// deploying returns a service with one task of the older deployment running, and none of the newer one yet.
func deploying() *awsecs.Service {
	return &awsecs.Service{
		Status: new("ACTIVE"), DesiredCount: new(int64(1)), RunningCount: new(int64(1)), PendingCount: new(int64(0)), TaskDefinition: new("arn:aws:ecs:eu-west-1:111122223333:task-definition/www:2"),
		Deployments: []*awsecs.Deployment{
			{Id: new(newer), Status: new("PRIMARY"), RolloutState: new("IN_PROGRESS"), CreatedAt: new(now.Add(-5 * time.Minute)), DesiredCount: new(int64(1)), FailedTasks: new(int64(1))},
			{Id: new(older), Status: new("ACTIVE"), RolloutState: new("COMPLETED"), CreatedAt: new(now.Add(-time.Hour)), RunningCount: new(int64(1))},
		},
	}
}

// task returns a task of the newer deployment that stopped as the message says.
func (m message) task() *awsecs.Task {
	c := &awsecs.Container{Name: new("web"), Image: new(image), ExitCode: m.ExitCode}
	if m.ContainerReason != "" {
		c.Reason = new(m.ContainerReason)
	}
	if m.HealthStatus != "" {
		c.HealthStatus = new(m.HealthStatus)
	}
	return &awsecs.Task{
		TaskArn: new("arn:aws:ecs:eu-west-1:111122223333:task/myclu/0123456789abcdef0123456789abcdef"), StartedBy: new(newer),
		LastStatus: new("STOPPED"), DesiredStatus: new("STOPPED"), StoppedAt: new(now.Add(-time.Minute)), StopCode: new(m.StopCode), StoppedReason: new(m.StoppedReason),
		Containers: []*awsecs.Container{c},
	}
}

func TestEveryKnownMessageHasItsCode(t *testing.T) {
	t.Parallel()
	rows := map[int]bool{}
	for _, m := range messages(t) {
		rows[m.Row] = true
		if m.StoppedReason != "" {
			t.Run(fmt.Sprintf("row %d, a task", m.Row), func(t *testing.T) {
				e := Evidence{Now: now, Service: deploying(), Tasks: []*awsecs.Task{m.task()}}
				if m.LastLine != "" {
					e.LastLines = map[LogKey]string{{"0123456789abcdef0123456789abcdef", "web"}: m.LastLine}
				}
				expect(t, e, m, true)
			})
		}
		if m.Event != "" {
			t.Run(fmt.Sprintf("row %d, an event", m.Row), func(t *testing.T) {
				service := deploying()
				service.Events = []*awsecs.ServiceEvent{{CreatedAt: new(now.Add(-time.Minute)), Message: new(m.Event)}}
				expect(t, Evidence{Now: now, Service: service}, m, false)
			})
		}
	}
	for row := 1; row <= 53; row++ {
		if !rows[row] {
			t.Errorf("row %d of the collection is not tested", row)
		}
	}
}

// expect compares the only problem of the evidence with what a message stands for, in AWS's words and with something to do.
func expect(t *testing.T, e Evidence, m message, ofTask bool) {
	t.Helper()
	problems := Diagnose(e).Problems
	if m.Code == "" {
		if len(problems) != 0 {
			t.Errorf("%+v reports no problem, and got %+v", m, problems)
		}
		return
	}
	if len(problems) != 1 {
		t.Fatalf("got %+v, want one problem", problems)
	}
	p := problems[0]
	if p.Code != m.Code || p.Count != 1 || p.Action == "" || strings.Contains(p.Action, "{") && !strings.Contains(p.Action, "{org}") {
		t.Errorf("got %+v, want %s with something to do", p, m.Code)
	}
	words := m.StoppedReason
	if !ofTask {
		words = unwrap(m.Event)
	}
	if !strings.HasPrefix(p.Detail, cutAt(words, maxDetail)) {
		t.Errorf("the detail is %q, not AWS's %q", p.Detail, words)
	}
	if (p.Task != nil) != ofTask || p.Since == nil || !p.Since.Equal(now.Add(-time.Minute)) {
		t.Errorf("task %v, since %v", p.Task, p.Since)
	}
}

// cutAt returns the first n bytes of s at most.
func cutAt(s string, n int) string { return s[:min(len(s), n)] }

func TestEveryRuleIsReachedByAMessage(t *testing.T) {
	t.Parallel()
	reached := map[int]bool{}
	for _, m := range messages(t) {
		for _, text := range []string{m.StoppedReason, m.ContainerReason, m.LastLine, m.Event} {
			if r := classify(text); text != "" && r != nil {
				reached[r.row] = true
			}
		}
	}
	for _, r := range rules {
		if r.row != 0 && !reached[r.row] {
			t.Errorf("no message reaches the rule of row %d: one above takes its messages", r.row)
		}
	}
}

// TestWordsVary holds what the collection says of how AWS's texts differ: versions, cuts, apostrophes, SDKs.
func TestWordsVary(t *testing.T) {
	t.Parallel()
	for text, code := range map[string]Code{
		"CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref docker.io/library/www:9: docker.io/library/www:9: not found":                                                                                              ImageNotFound,
		"ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): retrieved secret from Secrets Manager did not contain json key K": SecretMissing,
		"ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secrets from ssm: service call has been retried 5 time(s): RequestCanceled: request context canceled caused by: context dead":                                    EndpointUnreachable,
		"service www was unable to place a task. Reason: You've reached the limit on the number of tasks you can run concurrently":                                                                                                                                 QuotaExceeded,
		"service (www) was unable to place a task. Reason: Capacity is unavailable at this time.":                                                                                                                                                                  NoCapacity,
		"ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: MissingEndpoint: 'Endpoint' configuration is required for this service":                                      LogConfiguration,
		"(service www) failed to launch a task with (error The security group 'sg-1' does not exist).":                                                                                                                                                             NetworkInterface,
		"(service www) was unable to reach steady state. Reason: The number of protected tasks are more than the desired count of tasks":                                                                                                                           DeploymentBlocked,
		"CannotPullContainerError: ref pull has been retried 1 time(s): failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/www/manifests/sha256:01: 500 Internal Server Error":                                    "",
		"CannotStartContainerError: failed to create shim task: exec: \"./run\": permission denied: unknown":                                                                                                                                                       ContainerExited,
		"Timeout waiting for EphemeralStorage provisioning to complete.":                                                                                                                                                                                           "",
	} {
		got := Code("")
		if r := classify(text); r != nil {
			got = r.code
		}
		if got != code {
			t.Errorf("%q is %q, want %q", text, got, code)
		}
	}
}
