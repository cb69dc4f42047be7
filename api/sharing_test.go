package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ecs-api/localaws"
)

// gate is an endpoint that a test holds: it returns what state was when it began, once it is let through.
type gate struct {
	state atomic.Int64
	began chan struct{}
	open  chan struct{}
	ended chan error // how the context of each read was when it had been let through, or had ended
}

func newGate() *gate {
	return &gate{began: make(chan struct{}, 100), open: make(chan struct{}), ended: make(chan error, 100)}
}

// routes adds GET, HEAD and PUT of /{account}/gate.
func (g *gate) routes(h *harness) {
	v1 := h.v1()
	v1.Handle("/{account}/gate", handle(h.Server, http.StatusOK, func(c call, _ none) (int64, error) {
		seen := g.state.Load()
		g.began <- struct{}{}
		select {
		case <-g.open:
		case <-c.Context().Done():
		}
		g.ended <- c.Context().Err()
		c.header.Set("X-Seen", fmt.Sprint(seen))
		return seen, c.Context().Err()
	})).Methods(http.MethodGet)
	v1.Handle("/{account}/gate", handle(h.Server, http.StatusOK, func(call, none) (none, error) {
		g.state.Add(1)
		return none{}, nil
	})).Methods(http.MethodPut)
}

// read sends a GET in the background, and returns where its response will come.
func (h *harness) read(ctx context.Context, target string, headers ...string) <-chan *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil).WithContext(ctx)
	r.Header.Set(headerToken, testToken)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
	}
	responded := make(chan *httptest.ResponseRecorder, 1)
	go func() {
		w := httptest.NewRecorder()
		h.Handler().ServeHTTP(w, r)
		responded <- w
	}()
	return responded
}

const gatePath = "/v1/ecs/local/gate"

func TestIdenticalReadsShareOneRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, g := newInProcessHarness(t, localaws.New(), Options{}), newGate()
		g.routes(h)
		var responses []<-chan *httptest.ResponseRecorder
		for range 16 {
			responses = append(responses, h.read(t.Context(), gatePath))
		}
		<-g.began
		synctest.Wait()
		other := h.read(t.Context(), gatePath+"?_x=1")
		private := h.read(t.Context(), gatePath, headerRegistry+": abc")
		<-g.began // a different query
		<-g.began // a header that the response depends on
		close(g.open)
		ids := map[string]bool{}
		for _, responded := range append(responses, other, private) {
			w := <-responded
			if w.Code != http.StatusOK || w.Body.String() != "0\n" || w.Header().Get("X-Seen") != "0" || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("got %d %v %s", w.Code, w.Header(), w.Body)
			}
			ids[w.Header().Get(headerRequestID)] = true
		}
		if len(ids) != 18 {
			t.Errorf("%d request ids for 18 requests", len(ids))
		}
		if n := strings.Count(h.log.String(), `"shared":true`); n != 15 {
			t.Errorf("%d shared responses in the log, want 15: %s", n, h.log)
		}
		if n := len(g.ended); n != 3 {
			t.Errorf("%d reads, want 3", n)
		}
	})
}

func TestAReadThatBeginsAfterAWriteSharesNoneFromBeforeIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, path := range []string{gatePath, "/v1/ecs/local/failing"} { // a write that fails may have changed something
			h, g := newInProcessHarness(t, localaws.New(), Options{}), newGate()
			g.routes(h)
			h.v1().Handle("/{account}/failing", handle(h.Server, http.StatusOK, func(call, none) (none, error) {
				g.state.Add(1)
				panic("half way")
			})).Methods(http.MethodPut)
			before := h.read(t.Context(), gatePath)
			<-g.began
			h.do(t, http.MethodPut, path, "")
			after := h.read(t.Context(), gatePath)
			synctest.Wait()
			if len(g.began) == 0 {
				t.Errorf("after %s: a read shared one from before the write", path)
			}
			close(g.open)
			if w := <-before; w.Body.String() != "0\n" {
				t.Errorf("the read from before the write returned %s", w.Body)
			}
			if w := <-after; w.Body.String() != "1\n" {
				t.Errorf("the read that began after the response to the write got %s", w.Body)
			}
		}
	})
}

func TestACallerWhoHangsUpDoesNotFailTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, g := newInProcessHarness(t, localaws.New(), Options{}), newGate()
		g.routes(h)
		ctx, hangUp := context.WithCancel(t.Context())
		first := h.read(ctx, gatePath)
		<-g.began
		second := h.read(t.Context(), gatePath)
		synctest.Wait()
		hangUp() // the one whose request began the read
		if w := <-first; w.Code == http.StatusOK {
			t.Errorf("who hung up was returned %d", w.Code)
		}
		close(g.open)
		if w := <-second; w.Code != http.StatusOK || w.Body.String() != "0\n" {
			t.Errorf("who stayed was returned %d %s", w.Code, w.Body)
		}
		if err := <-g.ended; err != nil {
			t.Errorf("the read was cancelled: %v", err)
		}
	})
}

func TestAReadThatAllCallersHaveLeftIsCancelledAndSharedWithNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, g := newInProcessHarness(t, localaws.New(), Options{}), newGate()
		g.routes(h)
		ctx, hangUp := context.WithCancel(t.Context())
		first, second := h.read(ctx, gatePath), h.read(ctx, gatePath)
		<-g.began
		synctest.Wait()
		hangUp()
		<-first
		<-second
		if err := <-g.ended; err != context.Canceled {
			t.Errorf("the read continued: %v", err)
		}
		late := h.read(t.Context(), gatePath)
		<-g.began
		close(g.open)
		if w := <-late; w.Code != http.StatusOK {
			t.Errorf("a new read was returned %d %s", w.Code, w.Body)
		}
	})
}

func TestAPanicOfASharedReadIsA500EachAndOneStack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newInProcessHarness(t, localaws.New(), Options{})
		began, open := make(chan struct{}), make(chan struct{})
		h.v1().Handle("/{account}/panic", handle(h.Server, http.StatusOK, func(call, none) (none, error) {
			close(began)
			<-open
			panic("a bug")
		})).Methods(http.MethodGet)
		first, second := h.read(t.Context(), "/v1/ecs/local/panic"), h.read(t.Context(), "/v1/ecs/local/panic")
		<-began
		synctest.Wait()
		close(open)
		for _, responded := range []<-chan *httptest.ResponseRecorder{first, second} {
			w := <-responded
			if p := problemOf(t, w.Result(), w.Body.String()); p.Status != http.StatusInternalServerError || strings.Contains(w.Body.String(), "a bug") {
				t.Errorf("got %s", w.Body)
			}
		}
		if logged := h.log.String(); !strings.Contains(logged, "sharing_test.go") {
			t.Errorf("the log lacks the stack: %s", logged)
		}
	})
}

// slowResponses passes calls on to AWS and holds the response to the first of one operation, which is from before what happens meanwhile.
type slowResponses struct {
	aws       http.Handler
	operation string
	armed     atomic.Bool
	read      chan struct{}
	release   chan struct{}
}

func (s *slowResponses) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), "."+s.operation) || !s.armed.CompareAndSwap(true, false) {
		s.aws.ServeHTTP(w, r)
		return
	}
	resp := httptest.NewRecorder()
	s.aws.ServeHTTP(resp, r)
	s.read <- struct{}{}
	<-s.release
	for name, values := range resp.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(resp.Code)
	_, _ = io.Copy(w, resp.Body)
}

func TestARealReadSeesTheWriteThatHadItsResponseBeforeIt(t *testing.T) {
	t.Parallel()
	aws := localaws.New(localaws.Latency(2 * time.Millisecond))
	slow := &slowResponses{aws: aws, operation: "ListTagsForResource", read: make(chan struct{}), release: make(chan struct{})}
	h := newHarnessBehind(t, aws, slow)
	const param = "/v1/ecs/local/params/app/colour"
	h.do(t, http.MethodPost, "/v1/ecs/local/params/app", `{"Name": "colour", "Value": "red", "Tags": [{"Key": "shade", "Value": "old"}]}`)

	slow.armed.Store(true)
	before := h.read(t.Context(), param)
	<-slow.read
	if resp, body := h.do(t, http.MethodPut, param, `{"Tags": [{"Key": "shade", "Value": "new"}]}`); resp.StatusCode != http.StatusOK {
		t.Fatalf("the write returned %d %s", resp.StatusCode, body)
	}
	for range 3 {
		if resp, body := h.do(t, http.MethodGet, param, ""); resp.StatusCode != http.StatusOK || !strings.Contains(body, `"new"`) {
			t.Errorf("after the write: %d %s", resp.StatusCode, body)
		}
	}
	close(slow.release)
	if w := <-before; !strings.Contains(w.Body.String(), `"old"`) {
		t.Errorf("the read from before the write returned %d %s: this test would catch nothing", w.Code, w.Body)
	}
}

func TestNobodyReadsWhatWasBeforeTheirOwnWrite(t *testing.T) {
	t.Parallel() // it waits more than it works
	h := newHastyHarness(t, localaws.New(localaws.Latency(2*time.Millisecond)))
	const param = "/v1/ecs/local/params/app/count"
	h.do(t, http.MethodPost, "/v1/ecs/local/params/app", `{"Name": "count", "Value": "x"}`)
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					h.do(t, http.MethodGet, param, "")
				}
			}
		})
	}
	for n := range 30 {
		if resp, body := h.do(t, http.MethodPut, param, fmt.Sprintf(`{"Tags": [{"Key": "n", "Value": "n-%d"}]}`, n)); resp.StatusCode != http.StatusOK {
			t.Fatalf("write %d returned %d %s", n, resp.StatusCode, body)
		}
		if _, body := h.do(t, http.MethodGet, param, ""); !strings.Contains(body, fmt.Sprintf(`"n-%d"`, n)) {
			t.Errorf("read %d returned %s", n, body)
		}
	}
	close(stop)
	readers.Wait()
	if !strings.Contains(h.log.String(), `"shared":true`) {
		t.Error("no two reads shared a result: this test would catch nothing")
	}
}
