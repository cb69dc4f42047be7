package api

import (
	"net/http"
	"strings"
	"testing"

	"ecs-api/api/negotiation"
	"ecs-api/common"
	"ecs-api/localaws"
	"ecs-api/orchestration/saga"
)

// hold has the next call of an operation of AWS's wait until the returned function is called; reached is closed when it waits.
func (h *harness) hold(service, operation string) (reached chan struct{}, release func()) {
	reached, held := make(chan struct{}), make(chan struct{})
	h.aws.Inject(localaws.Fault{Service: service, Operation: operation, Effect: localaws.Hook, Func: func() {
		close(reached)
		<-held
	}})
	return reached, func() { close(held) }
}

// Whoever finds a service locked by a request that nobody waits for learns which operation to follow.
func TestServiceBusyNamesTheOperation(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	if resp, body := h.do(t, http.MethodPost, base+"/local/services", createFrom(insideImage)); resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	for _, w := range []struct{ operation, method, path, body string }{
		{"UpdateService", http.MethodPatch, oneService, `{"DesiredCount": 2}`},
		{"UpdateService", http.MethodPost, oneService + "/restart", ""},
		{"DeleteService", http.MethodDelete, oneService, ""},
	} {
		reached, release := h.hold("ecs", w.operation)
		resp, body := h.do(t, w.method, w.path, w.body, async)
		op := started(t, resp, body)
		<-reached
		busy, text := h.do(t, http.MethodPatch, oneService, `{"DesiredCount": 3}`)
		if p := problemOf(t, busy, text); p.Code != common.CodeServiceBusy || !strings.Contains(p.Detail, "operations/"+op.ID) || busy.Header.Get("Retry-After") == "" {
			t.Errorf("during %s %s: %+v %v", w.method, w.path, p, busy.Header)
		}
		release()
		if op := h.ended(t, op.ID); op.State != saga.Succeeded {
			t.Errorf("%+v %+v", op, op.Problem)
		}
	}
}

func TestATaskNeedNotBeWaitedFor(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	if resp, body := h.do(t, http.MethodPost, base+"/local/services", createFrom(insideImage)); resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	resp, body := h.do(t, http.MethodPost, oneService+"/run", `{"Command": ["sh", "-c", "echo hello"]}`, async)
	op := started(t, resp, body)
	if op.Kind != "start task" || op.Target != "myclu/www" {
		t.Errorf("%+v", op)
	}
	op = h.ended(t, op.ID)
	if result := decoded[struct{ Task string }](t, string(op.Result)); op.State != saga.Succeeded || result.Task == "" {
		t.Errorf("%+v %+v", op, op.Problem)
	}
	for _, w := range [][3]string{
		{http.MethodPost, oneService + "/run", `{"Command": ["sh", "-c", "echo hello"]}`},
		{http.MethodDelete, oneService, ""},
	} {
		_, body := h.do(t, w[0], w[1], w[2], "Accept: "+negotiation.Events)
		step, result := strings.Index(body, "event: step\n"), strings.Index(body, "event: result\n")
		if step < 0 || result < step {
			t.Errorf("%s %s sends %s", w[0], w[1], body)
		}
	}
	resp, body = h.do(t, http.MethodPost, oneService+"/run", `{"Command": []}`, async)
	if p := problemOf(t, resp, body); p.Status != http.StatusBadRequest {
		t.Errorf("%+v", p)
	}
}
