package operations

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ecs-api/common"
	"ecs-api/orchestration/saga"
	_ "ecs-api/racetest" // for what it does to a process of tests
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newGroup returns a group that is shut down with the test.
func newGroup(t *testing.T, o Options) *Group {
	t.Helper()
	g := NewGroup(o)
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		cancel()
		g.Shutdown(ctx)
	})
	return g
}

// attempt attempts work of the kind "change" in the account "a".
func attempt(t *testing.T, g *Group, work func(context.Context) (json.RawMessage, error)) (*Operation, error) {
	t.Helper()
	return g.Attempt(t.Context(), Operation{Kind: "change", Account: "a"}, time.Minute, work)
}

// ended returns the operation once it has ended.
func ended(t *testing.T, g *Group, id string) Operation {
	t.Helper()
	o, err := g.Await(t.Context(), "a", id, time.Minute)
	if err != nil || !o.Ended() {
		t.Fatalf("%+v, %v", o, err)
	}
	return o
}

func TestWorkThatEndsBeforeItHasDecidedIsNoOperation(t *testing.T) {
	g := newGroup(t, Options{Observe: func(o Operation) { t.Errorf("observed %+v", o) }})
	wrong := common.Errorf(common.BadRequest, "no")
	for name, work := range map[string]struct {
		do   func(context.Context) (json.RawMessage, error)
		want func(error) bool
	}{
		"fine":   {func(context.Context) (json.RawMessage, error) { return nil, nil }, func(err error) bool { return err == nil }},
		"wrong":  {func(context.Context) (json.RawMessage, error) { return nil, wrong }, func(err error) bool { return errors.Is(err, wrong) }},
		"panics": {func(context.Context) (json.RawMessage, error) { panic("on purpose") }, func(err error) bool { return err != nil }},
	} {
		if op, err := attempt(t, g, work.do); op != nil || !work.want(err) {
			t.Errorf("%s: %+v, %v", name, op, err)
		}
	}
	if all := g.Operations(t.Context(), "a"); len(all) != 0 {
		t.Errorf("%+v", all)
	}
}

func TestWorkIsAnOperationFromItsDecisionOn(t *testing.T) {
	wrong := common.Errorf(common.Conflict, "too late")
	for name, fails := range map[string]error{"succeeds": nil, "fails": wrong} {
		t.Run(name, func(t *testing.T) {
			var observed []saga.State
			g := newGroup(t, Options{Observe: func(o Operation) { observed = append(observed, o.State) }})
			goOn := make(chan struct{})
			op, err := attempt(t, g, func(ctx context.Context) (json.RawMessage, error) {
				if WasAccepted(ctx) {
					t.Error("it has decided before it has")
				}
				var locked []string
				OnAccepted(ctx, func(id string) { locked = append(locked, id) })
				AcceptNow(ctx, "clu/www")
				AcceptNow(ctx, "clu/other") // the first decision counts
				OnAccepted(ctx, func(id string) { locked = append(locked, id) })
				if !WasAccepted(ctx) || len(locked) != 2 || locked[0] == "" || locked[1] != locked[0] {
					t.Errorf("it has not decided: %v", locked)
				}
				<-goOn
				return json.RawMessage(`{"done":true}`), fails
			})
			if err != nil || op == nil || op.Target != "clu/www" || op.State != saga.Running || op.Ended() {
				t.Fatalf("%+v, %v", op, err)
			}
			if running, err := g.Operation(t.Context(), "a", op.ID); err != nil || running.State != saga.Running {
				t.Errorf("%+v, %v", running, err)
			}
			if _, err := g.Operation(t.Context(), "b", op.ID); !common.Is(err, common.NotFound) {
				t.Errorf("in another account: %v", err)
			}
			close(goOn)
			o := ended(t, g, op.ID)
			if fails == nil && (o.State != saga.Succeeded || string(o.Result) != `{"done":true}` || o.Err != nil) {
				t.Errorf("%+v", o)
			}
			if fails != nil && (o.State != saga.Failed || o.Result != nil || !errors.Is(o.Err, wrong) || o.Error == "") {
				t.Errorf("%+v", o)
			}
			if len(observed) != 2 || observed[1] != o.State {
				t.Errorf("observed %v", observed)
			}
		})
	}
}

func TestARequestThatIsWaitedForNeverDecides(t *testing.T) {
	OnAccepted(t.Context(), func(string) { t.Error("it has decided") })
	AcceptNow(t.Context(), "clu/www")
	if WasAccepted(t.Context()) {
		t.Error("it has decided")
	}
}

// A caller who hangs up ends the request, not the operation.
func TestAnOperationOutlivesItsRequest(t *testing.T) {
	g := newGroup(t, Options{})
	ctx, hangUp := context.WithCancel(t.Context())
	gone := make(chan struct{})
	op, err := g.Attempt(ctx, Operation{Kind: "change", Account: "a"}, time.Minute, func(ctx context.Context) (json.RawMessage, error) {
		AcceptNow(ctx, "clu/www")
		<-gone
		return nil, ctx.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	hangUp()
	close(gone)
	if o := ended(t, g, op.ID); o.State != saga.Succeeded {
		t.Errorf("%+v", o)
	}
}

func TestWatchSeesEachStep(t *testing.T) {
	g := newGroup(t, Options{})
	next := make(chan struct{})
	op, err := attempt(t, g, func(ctx context.Context) (json.RawMessage, error) {
		AcceptNow(ctx, "clu/www")
		step := saga.Named("create service", saga.NoRollback(func(context.Context) error { <-next; return nil }))
		_, err := step(ctx)
		<-next
		return json.RawMessage(`1`), err
	})
	if err != nil {
		t.Fatal(err)
	}
	var seen []saga.State // of the step, each once
	err = g.Watch(t.Context(), "a", op.ID, func(o Operation) error {
		if len(o.Steps) == 0 {
			return nil
		}
		if state := o.Steps[0].State; len(seen) == 0 || seen[len(seen)-1] != state {
			seen = append(seen, state)
			next <- struct{}{}
		}
		return nil
	})
	if err != nil || len(seen) != 2 || seen[0] != saga.Running || seen[1] != saga.Succeeded {
		t.Errorf("%v, %v", seen, err)
	}
}

func TestAWatchEndsWithItsContextAndItsFunction(t *testing.T) {
	g := newGroup(t, Options{})
	held := make(chan struct{})
	op, err := attempt(t, g, func(ctx context.Context) (json.RawMessage, error) {
		AcceptNow(ctx, "clu/www")
		<-held
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := g.Watch(ctx, "a", op.ID, func(Operation) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("its context has ended: %v", err)
	}
	enough := errors.New("enough")
	if err := g.Watch(t.Context(), "a", op.ID, func(Operation) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("its function has failed: %v", err)
	}
	if err := g.Watch(t.Context(), "a", "none", func(Operation) error { return nil }); !common.Is(err, common.NotFound) {
		t.Errorf("there is none: %v", err)
	}
	g.Stop() // the server begins to shut down
	if o, err := g.Await(t.Context(), "a", op.ID, time.Hour); err != nil || o.Ended() {
		t.Errorf("%+v, %v", o, err)
	}
	close(held)
}

func TestAShutDownGroupTakesNoWorkAndWaitsForWhatRuns(t *testing.T) {
	g := NewGroup(Options{})
	started := make(chan struct{})
	op, err := attempt(t, g, func(ctx context.Context) (json.RawMessage, error) {
		AcceptNow(ctx, "clu/www")
		close(started)
		<-ctx.Done()
		return nil, ctx.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	<-started
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // no grace
	if n := g.Shutdown(ctx); n != 1 {
		t.Errorf("%d were cancelled", n)
	}
	if o, err := g.Operation(t.Context(), "a", op.ID); err != nil || !o.Ended() || o.State == saga.Succeeded || !common.Is(o.Err, common.Unavailable) {
		t.Errorf("%+v, %v", o, err)
	}
	select {
	case <-g.Closing():
	default:
		t.Error("whoever watches gets no change")
	}
	if _, err := attempt(t, g, nil); !common.Is(err, common.Unavailable) {
		t.Errorf("an attempt: %v", err)
	}
	if _, err := g.Start(t.Context(), Operation{Account: "a"}, time.Minute, nil, nil); !common.Is(err, common.Unavailable) {
		t.Errorf("a start: %v", err)
	}
	if n := g.Shutdown(ctx); n != 0 {
		t.Errorf("once more: %d were cancelled", n)
	}
}
