package api

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"ecs-api/api/negotiation"
	"ecs-api/api/openapi"
	"ecs-api/api/progress"
	"ecs-api/common"
	"ecs-api/localaws"
	"ecs-api/orchestration/saga"
)

const async = headerPrefer + ": respond-async"

// started returns the operation that a response of 202 shows.
func started(t *testing.T, resp *http.Response, body string) progress.Operation {
	t.Helper()
	var op progress.Operation
	if err := json.Unmarshal([]byte(body), &op); err != nil || resp.StatusCode != http.StatusAccepted {
		t.Fatalf("%d %s: %v", resp.StatusCode, body, err)
	}
	at := base + "/local/operations/" + op.ID
	if resp.Header.Get(headerOperation) != at || resp.Header.Get(headerFlywheel) != op.ID || resp.Header.Get(headerApplied) != "respond-async" {
		t.Errorf("%v", resp.Header)
	}
	return op
}

// ended waits for an operation.
func (h *harness) ended(t *testing.T, id string) progress.Operation {
	t.Helper()
	resp, body := h.do(t, http.MethodGet, base+"/local/operations/"+id+"?wait=60", "")
	var op progress.Operation
	if err := json.Unmarshal([]byte(body), &op); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s: %v", resp.StatusCode, body, err)
	}
	return op
}

func TestWritesOfAServiceNeedNotBeWaitedFor(t *testing.T) {
	t.Parallel() // it waits more than it works
	h := newHarness(t, localaws.New())
	const www = "/local/clusters/myclu/services/www"
	for _, w := range []struct{ method, path, body, kind string }{
		{"POST", "/local/services", openapi.CreateExample, "create service"},
		{"PUT", www, `{"ForceNewDeployment":true}`, "update service"},
		{"PUT", "/local/clusters/myclu/services", `{"ServiceName":"www","ForceNewDeployment":true}`, "update service"},
		{"PATCH", www, `{"Containers":{"webserver":{"Image":"nginx:1.29"}}}`, "patch service"},
		{"POST", www + "/rollback", `{"To":1}`, "roll back service"},
		{"POST", www + "/restart", ``, "restart service"},
		{"PUT", www + "/power", `{"state":"stop"}`, "start or stop service"},
		{"DELETE", www, ``, "delete service alone"},
		{"DELETE", www + "?recursive=true", ``, "delete service"},
	} {
		resp, body := h.do(t, w.method, base+w.path, w.body, async)
		op := started(t, resp, body)
		if op.Kind != w.kind || op.Target != "myclu/www" {
			t.Errorf("%s %s: %+v", w.method, w.path, op)
		}
		op = h.ended(t, op.ID)
		var result struct{ Service *struct{ ServiceName string } }
		if err := json.Unmarshal(op.Result, &result); err != nil || op.State != saga.Succeeded || result.Service.ServiceName != "www" || len(op.Steps) == 0 || op.Problem != nil {
			t.Errorf("%s %s: %v, %+v", w.method, w.path, err, op)
		}
	}
}

func TestWhatFailsBeforeItIsDecidedIsAProblemAtOnce(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	for _, prefer := range []string{async, "Accept: " + negotiation.Events} {
		for _, w := range []struct {
			method, path, body string
			status             int
		}{
			{"POST", "/local/services", `{"service":{"servicename":"x","desiredcuont":1}}`, 400},
			{"POST", "/local/services", `{"service":{"cluster":"none","servicename":"x","taskdefinition":"none:1"}}`, 404},
			{"PATCH", "/local/clusters/none/services/www", `{"DesiredCount":1}`, 404},
			{"DELETE", "/local/clusters/none/services/www?recursive=true", ``, 404},
		} {
			resp, body := h.do(t, w.method, base+w.path, w.body, prefer)
			if p := problemOf(t, resp, body); p.Status != w.status || resp.Header.Get(headerOperation) != "" {
				t.Errorf("%s %s with %s: %+v", w.method, w.path, prefer, p)
			}
		}
	}
	if _, body := h.do(t, http.MethodGet, base+"/local/operations", ""); body != "[]\n" {
		t.Errorf("operations: %s", body)
	}
}

func TestAnOperationThatFailsSaysWhy(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New(localaws.WithFaults(localaws.Fault{Service: "ecs", Operation: "CreateService", Effect: localaws.Refuse, Code: "InvalidParameterException", Message: "no such thing"})))
	resp, body := h.do(t, http.MethodPost, base+"/local/services", openapi.CreateExample, async, headerRequestID+": mine")
	op := h.ended(t, started(t, resp, body).ID)
	if op.State != saga.Failed || op.Problem == nil || op.Problem.Status != 400 || op.Problem.Code != "InvalidParameterException" || op.Problem.RequestID != "mine" || op.Error == "" || string(op.Result) != "null" {
		t.Errorf("%+v %+v", op, op.Problem)
	}
	for query, want := range map[string]int{"": 1, "?state=failed": 1, "?state=running": 0, "?target=myclu/www": 1, "?target=myclu/other&state=failed": 0} {
		_, body := h.do(t, http.MethodGet, base+"/local/operations"+query, "")
		var list []progress.Operation
		if err := json.Unmarshal([]byte(body), &list); err != nil || len(list) != want {
			t.Errorf("%q: %v %s", query, err, body)
		}
	}
	_, body = h.do(t, http.MethodGet, base+"/local/operations/"+op.ID, "", "Accept: "+negotiation.Events)
	if !strings.Contains(body, "event: step\n") || !strings.Contains(body, "event: error\ndata: {") || strings.Contains(body, "event: result") {
		t.Error(body)
	}
}

func TestTasksOfTheFlywheel(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	resp, body := h.do(t, http.MethodPost, base+"/local/services", openapi.CreateExample, async)
	op := h.ended(t, started(t, resp, body).ID)
	_, body = h.do(t, http.MethodGet, base+"/flywheel?task=none&task="+op.ID, "")
	var tasks map[string]progress.FlywheelTask
	if err := json.Unmarshal([]byte(body), &tasks); err != nil || len(tasks) != 1 {
		t.Fatal(err, body)
	}
	task := tasks[op.ID]
	if task.ID != op.ID || task.Status != "completed" || task.CompletedAt == nil || task.FailedAt != nil || !task.CheckinAt.Equal(*op.EndedAt) || !task.CreatedAt.Equal(op.StartedAt) {
		t.Errorf("%+v", task)
	}
	for _, event := range task.Events {
		at, text, _ := strings.Cut(event, " ")
		if _, err := time.Parse(time.RFC3339Nano, at); err != nil || text == "" {
			t.Errorf("event %q: %v", event, err)
		}
	}
	if n := len(task.Events); n < 4 || !strings.HasSuffix(task.Events[0], " create service myclu/www") || !strings.HasSuffix(task.Events[n-1], " completed") {
		t.Errorf("%q", task.Events)
	}
	if _, body := h.do(t, http.MethodGet, base+"/flywheel", ""); body != "{}\n" {
		t.Errorf("no task: %s", body)
	}
	if resp, _ := h.do(t, http.MethodGet, base+"/flywheel?"+strings.Repeat("task=x&", maxTasks+1), ""); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("too many: %d", resp.StatusCode)
	}
}

// held is AWS that does not create services until it may; the channel says that one is to be created.
func held(*testing.T) (aws *localaws.AWS, reached <-chan struct{}, release func()) {
	begun, may := make(chan struct{}, 1), make(chan struct{})
	release = sync.OnceFunc(func() { close(may) })
	return localaws.New(localaws.WithFaults(localaws.Fault{Service: "ecs", Operation: "CreateService", Effect: localaws.Hook, Func: func() {
		begun <- struct{}{}
		<-may
	}})), begun, release
}

// TestCurlSeesTheStepsOfACreateAsTheyHappen reads a step that is running while AWS has not responded yet.
func TestCurlSeesTheStepsOfACreateAsTheyHappen(t *testing.T) {
	t.Parallel()
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Fatal("the tests need curl: ", err)
	}
	aws, _, release := held(t)
	defer release()
	h := newHarness(t, aws)
	server := httptest.NewServer(h.Handler())
	t.Cleanup(server.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // as long as nothing is broken it takes much less
	defer cancel()
	cmd := exec.CommandContext(ctx, curl, "-sSN", "-X", "POST", "-H", headerToken+": "+testToken, "-H", "Accept: "+negotiation.Events, "-H", headerKey+": curl", "--data", openapi.CreateExample, server.URL+base+"/local/services")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines, name, events, waited := bufio.NewScanner(out), "", []string{}, false
	lines.Buffer(nil, 1<<20)
	var result, running string
	for lines.Scan() {
		if event, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			name = event
		}
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		events = append(events, name)
		if name == "result" {
			result = data
			continue
		}
		var step saga.StepReport
		if err := json.Unmarshal([]byte(data), &step); err != nil {
			t.Errorf("%s: %v", data, err)
		}
		if step.Name == "create service" && step.State == saga.Running {
			running, waited = data, true
			release() // only now
		}
	}
	if err := cmd.Wait(); err != nil || !waited {
		t.Fatalf("%v; the step was seen: %t; events %q", err, waited, events)
	}
	if events[len(events)-1] != "result" || strings.Count(strings.Join(events, " "), "result") != 1 || !strings.Contains(result, `"ServiceName":"www"`) {
		t.Errorf("events %q, running %s, result %s", events, running, result)
	}
	resp, body := h.do(t, http.MethodPost, base+"/local/services", openapi.CreateExample, headerKey+": curl")
	if resp.Header.Get(headerReplayed) != "true" || strings.TrimSpace(body) != result {
		t.Errorf("repeated: %d %v %s", resp.StatusCode, resp.Header, body)
	}
}

func TestAWriteWhoseStreamIsLeftContinues(t *testing.T) {
	t.Parallel()
	aws, reached, release := held(t)
	defer release()
	h := newHarness(t, aws)
	server := httptest.NewServer(h.Handler())
	t.Cleanup(server.Close)
	ctx, hangUp := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+base+"/local/services", strings.NewReader(openapi.CreateExample))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(headerToken, testToken)
	r.Header.Set("Accept", negotiation.Events)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	<-reached
	hangUp()
	if resp, body := h.do(t, http.MethodPatch, base+"/local/clusters/myclu/services/www", `{"DesiredCount":1}`); problemOf(t, resp, body).Code != common.CodeServiceBusy {
		t.Errorf("meanwhile: %s", body)
	}
	release()
	if op := h.ended(t, resp.Header.Get(headerFlywheel)); op.State != saga.Succeeded {
		t.Errorf("%+v", op)
	}
}
