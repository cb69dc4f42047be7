package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"ecs-api/localaws"
)

// event is one event of a stream.
type event struct{ name, data string }

// step returns the step that the event tells of, and how it is.
func (e event) step(t *testing.T) string {
	t.Helper()
	var s struct{ Name, State string }
	if err := json.Unmarshal([]byte(e.data), &s); err != nil {
		t.Fatalf("%v in %s", err, e.data)
	}
	return s.Name + " " + s.State
}

// curlStream runs curl -N with the arguments and returns its events as they come.
func curlStream(t *testing.T, args ...string) <-chan event {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	args = append([]string{"-sSN", "-H", "X-Auth-Token: " + token, "-H", "Accept: text/event-stream"}, args...)
	cmd := exec.CommandContext(ctx, "curl", args...)
	out := must(cmd.StdoutPipe())(t)
	if err := cmd.Start(); err != nil {
		t.Fatal("the tests need curl: ", err)
	}
	events := make(chan event)
	done := make(chan struct{})
	t.Cleanup(func() {
		cancel()
		<-done
		_ = cmd.Wait() // it was ended
	})
	go func() {
		defer close(done)
		defer close(events)
		var e event
		for lines := bufio.NewScanner(out); lines.Scan(); {
			switch name, value, _ := strings.Cut(lines.Text(), ": "); name {
			case "event":
				e.name = value
			case "data":
				e.data = value
			case "":
				select {
				case events <- e:
				case <-ctx.Done():
					return
				}
				e = event{}
			}
		}
	}()
	return events
}

// TestCurlSeesTheStepsOfACreateAsTheyHappen streams a create, and its operation beside it, with curl -N. The call that creates the service is held until both have
// notified that it has begun.
func TestCurlSeesTheStepsOfACreateAsTheyHappen(t *testing.T) {
	if backEndName() != "localaws" {
		t.Skip("holds a call, which only localaws can; it runs without " + endpointVariable)
	}
	t.Parallel()
	sim := localaws.New()
	held := make(chan struct{})
	sim.Inject(localaws.Fault{Service: "ecs", Operation: "CreateService", Effect: localaws.Hook, Func: func() { <-held }})
	endpoint := httptest.NewServer(sim)
	defer endpoint.Close()
	s := launch(t, endpoint.URL)
	defer func() { _ = s.stop(t, syscall.SIGKILL) }()

	untilCreating := func(events <-chan event) (steps []string) {
		for e := range events {
			if e.name != "step" {
				t.Fatalf("%+v", e)
			}
			if steps = append(steps, e.step(t)); slices.Contains(steps, "create service running") {
				return steps
			}
		}
		t.Fatalf("the stream ends after %v", steps)
		return nil
	}
	write := curlStream(t, "-X", "POST", "--data", crashService, s.url+"/local/services")
	if steps := untilCreating(write); !slices.Contains(steps, "create cluster succeeded") {
		t.Errorf("the write tells %v", steps)
	}
	_, body, _ := s.ask(t, "GET", "/local/operations?state=running", "")
	var running []struct{ ID string }
	if err := json.Unmarshal([]byte(body), &running); err != nil || len(running) != 1 {
		t.Fatalf("%v in %s", err, body)
	}
	watch := curlStream(t, s.url+"/local/operations/"+running[0].ID)
	if steps := untilCreating(watch); !slices.Contains(steps, "create cluster succeeded") {
		t.Errorf("the operation tells %v", steps)
	}
	close(held)
	for name, events := range map[string]<-chan event{"the write": write, "the operation": watch} {
		var last event
		for e := range events {
			last = e
		}
		if last.name != "result" || !strings.Contains(last.data, `"ServiceName":"www"`) {
			t.Errorf("%s ends with %s %.200s", name, last.name, last.data)
		}
	}
}
