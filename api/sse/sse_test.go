package sse

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ecs-api/common"
	_ "ecs-api/racetest" // for what it does to a process of tests
)

// served is how a stream ended.
type served struct {
	begun bool
	err   error
}

// start serves run as a stream, to any number of callers; what Serve returns comes on the channel.
func start(t *testing.T, s *Streams, form Form, run func(context.Context, *Writer) error) (url string, ended <-chan served) {
	t.Helper()
	results := make(chan served, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun, err := s.Serve(w, r, form, run, func(err error) any { return map[string]string{"detail": err.Error()} })
		if !begun {
			w.WriteHeader(http.StatusTeapot)
		}
		results <- served{begun, err}
	}))
	t.Cleanup(server.Close)
	return server.URL, results
}

// get begins to read a stream.
func get(ctx context.Context, t *testing.T, url string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

func TestEventsAreWrittenAsTheStandardHasThem(t *testing.T) {
	url, ended := start(t, New(Limits{}), Events, func(_ context.Context, out *Writer) error {
		if err := out.Send(Event{ID: "7", Name: "status", Data: map[string]string{"State": "steady\nor not"}}); err != nil {
			return err
		}
		return out.Send(Event{Name: "two\nlines", Data: []int{1}})
	})
	response := get(t.Context(), t, url)
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	const want = "id: 7\nevent: status\ndata: {\"State\":\"steady\\nor not\"}\n\nevent: two lines\ndata: [1]\n\n"
	if string(body) != want {
		t.Errorf("got %q, want %q", body, want)
	}
	if got := response.Header.Get("Content-Type"); got != "text/event-stream" || response.StatusCode != http.StatusOK {
		t.Errorf("status %d, type %s", response.StatusCode, got)
	}
	if got := <-ended; !got.begun || got.err != nil {
		t.Errorf("%+v", got)
	}
}

func TestLinesAreWrittenAsTheyAre(t *testing.T) {
	url, _ := start(t, New(Limits{}), Lines, func(_ context.Context, out *Writer) error {
		for _, e := range []Event{{Name: "a", Text: func() string { return "one" }}, {Name: "b"}, {Name: "c", Text: func() string { return "two\nthree\n" }}} {
			if err := out.Send(e); err != nil {
				return err
			}
		}
		if err := out.Heartbeat(); err != nil {
			return err
		}
		return common.Errorf(common.NotFound, "gone")
	})
	body, err := io.ReadAll(get(t.Context(), t, url).Body)
	if err != nil {
		t.Fatal(err)
	}
	if want := "one\ntwo\nthree\nerror: gone\n"; string(body) != want {
		t.Errorf("got %q, want %q", body, want)
	}
}

func TestAnErrorBeforeTheFirstEventIsAResponseAndOneAfterIsAnEvent(t *testing.T) {
	wrong := errors.New("wrong")
	url, ended := start(t, New(Limits{}), Events, func(context.Context, *Writer) error { return wrong })
	if response := get(t.Context(), t, url); response.StatusCode != http.StatusTeapot {
		t.Errorf("status %d", response.StatusCode)
	}
	if got := <-ended; got.begun || !errors.Is(got.err, wrong) {
		t.Errorf("%+v", got)
	}
	url, ended = start(t, New(Limits{}), Events, func(_ context.Context, out *Writer) error {
		if err := out.Begin(); err != nil {
			return err
		}
		return wrong
	})
	body, err := io.ReadAll(get(t.Context(), t, url).Body)
	if want := "event: error\ndata: {\"detail\":\"wrong\"}\n\n"; err != nil || string(body) != want {
		t.Errorf("got %q, %v", body, err)
	}
	if got := <-ended; !got.begun || !errors.Is(got.err, wrong) {
		t.Errorf("%+v", got)
	}
}

// waits is a stream that sends one event and waits for its end.
func waits(ctx context.Context, out *Writer) error {
	if err := out.Send(Event{Name: "first"}); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

func TestAStreamEndsWithItsCallerItsTimeAndTheServer(t *testing.T) {
	t.Run("caller", func(t *testing.T) {
		url, ended := start(t, New(Limits{}), Events, waits)
		ctx, hangUp := context.WithCancel(t.Context())
		get(ctx, t, url)
		hangUp()
		if got := <-ended; !got.begun || got.err != nil {
			t.Errorf("%+v", got)
		}
	})
	t.Run("time", func(t *testing.T) {
		url, ended := start(t, New(Limits{Time: time.Millisecond}), Events, func(ctx context.Context, out *Writer) error {
			<-ctx.Done()
			return waits(ctx, out)
		})
		get(t.Context(), t, url)
		if got := <-ended; !got.begun || got.err != nil {
			t.Errorf("%+v", got)
		}
	})
	t.Run("server", func(t *testing.T) {
		s := New(Limits{})
		url, ended := start(t, s, Events, waits)
		get(t.Context(), t, url)
		s.Stop()
		s.Stop()
		if got := <-ended; !got.begun || got.err != nil || s.Open() != 0 {
			t.Errorf("%+v, %d open", got, s.Open())
		}
		if response := get(t.Context(), t, url); response.StatusCode != http.StatusTeapot {
			t.Errorf("a server that has stopped begins a stream: %d", response.StatusCode)
		}
		if got := <-ended; got.begun || !common.Is(got.err, common.Unavailable) {
			t.Errorf("%+v", got)
		}
	})
}

func TestStreamsAreBoundedInNumber(t *testing.T) {
	s := New(Limits{Number: 2})
	url, ended := start(t, s, Events, waits)
	get(t.Context(), t, url)
	get(t.Context(), t, url)
	if response := get(t.Context(), t, url); response.StatusCode != http.StatusTeapot {
		t.Errorf("the third stream: status %d", response.StatusCode)
	}
	if got := <-ended; got.begun || !common.Is(got.err, common.Unavailable) || s.Open() != 2 {
		t.Errorf("%+v, %d open", got, s.Open())
	}
}

func TestHeartbeatsKeepAnIdleStreamOpen(t *testing.T) {
	url, _ := start(t, New(Limits{Heartbeat: time.Microsecond}), Events, waits)
	lines := bufio.NewScanner(get(t.Context(), t, url).Body)
	beats := 0
	for beats < 3 && lines.Scan() {
		if lines.Text() == ": heartbeat" {
			beats++
		}
	}
	if beats != 3 {
		t.Errorf("%d heartbeats: %v", beats, lines.Err())
	}
}

// TestAStreamOutlivesTheServersReadTimeout: net/http ends a request's context when the time to read it is over, even if it has been read.
func TestAStreamOutlivesTheServersReadTimeout(t *testing.T) {
	const readTimeout = 20 * time.Millisecond
	s := New(Limits{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := s.Serve(w, r, Lines, func(ctx context.Context, out *Writer) error {
			text := "still here"
			select {
			case <-ctx.Done():
				text = "cut off"
			case <-time.After(5 * readTimeout): // as long as nothing ends it, which a broken server does much earlier
			}
			return out.Send(Event{Text: func() string { return text }})
		}, func(err error) any { return err })
		if err != nil {
			t.Error(err)
		}
	}))
	server.Config.ReadTimeout = readTimeout
	server.Start()
	defer server.Close()
	body, err := io.ReadAll(get(t.Context(), t, server.URL).Body)
	if err != nil || !strings.Contains(string(body), "still here") {
		t.Errorf("got %q, %v", body, err)
	}
}

// stuck is a response that takes nothing.
type stuck struct{ http.ResponseWriter }

func (stuck) Write([]byte) (int, error) { return 0, errors.New("i/o timeout") }

func TestACallerWhoDoesNotReadEndsTheStream(t *testing.T) {
	var sent []error
	begun, err := New(Limits{}).Serve(stuck{httptest.NewRecorder()}, httptest.NewRequest(http.MethodGet, "/", nil), Events, func(_ context.Context, out *Writer) error {
		for range 2 {
			sent = append(sent, out.Send(Event{Name: "x"}))
		}
		return sent[1]
	}, func(err error) any { return err })
	if !begun || err != nil || sent[0] == nil || sent[1] == nil {
		t.Errorf("begun %t, %v; sending: %v", begun, err, sent)
	}
}
