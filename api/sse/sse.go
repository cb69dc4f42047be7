// Package sse streams to callers: server-sent events, or lines of text for people with curl. Everything of the API that streams does it here:
// status, logs, operations, and writes that report their progress.
//
// Its rule is that a stream is bounded: in number, in time, and by how long it waits for a caller who does not read. A stream that fails
// before it has sent anything is an ordinary error response.
package sse

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"ecs-api/common"
)

// Event is one event of a stream.
type Event struct {
	ID   string        // what a caller who comes back sends as Last-Event-ID; may be empty
	Name string        // the event's type
	Data any           // encoded as JSON
	Text func() string // the event as text, of one line or several; nil for nothing
}

// Form is how a stream is written.
type Form int

// The forms.
const (
	Events Form = iota // server-sent events: text/event-stream
	Lines              // text/plain
)

// Limits bound the streams of a server. Zero values take the defaults.
type Limits struct {
	Number    int           // streams at the same time
	Time      time.Duration // that a stream lasts; EventSource connects again by itself
	Heartbeat time.Duration // between comments that keep idle connections open; negative for none
	Write     time.Duration // that a caller may take to read what one write sends
}

func (l Limits) orDefaults() Limits {
	set := func(d *time.Duration, unless time.Duration) {
		if *d == 0 {
			*d = unless
		}
	}
	set(&l.Time, time.Hour)
	set(&l.Heartbeat, 15*time.Second)
	set(&l.Write, 10*time.Second)
	if l.Number == 0 {
		l.Number = 1000
	}
	return l
}

// Streams are the streams of a server.
type Streams struct {
	limits  Limits
	stopped chan struct{}

	mu   sync.Mutex
	open int
	stop sync.Once
}

// New returns streams within the limits.
func New(limits Limits) *Streams {
	return &Streams{limits: limits.orDefaults(), stopped: make(chan struct{})}
}

// Stop ends all streams, and refuses new ones: a server that shuts down does not wait for callers who never leave.
func (s *Streams) Stop() { s.stop.Do(func() { close(s.stopped) }) }

// Open returns how many streams are open.
func (s *Streams) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

// take takes a place for a stream.
func (s *Streams) take() error {
	select {
	case <-s.stopped:
		return common.Errorf(common.Unavailable, "the server is shutting down; retry")
	default:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open >= s.limits.Number {
		return common.Errorf(common.Unavailable, "the server has %d streams open and takes no more; retry later", s.open)
	}
	s.open++
	return nil
}

func (s *Streams) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
}

// Serve runs a stream. Run sends until its context ends (the caller left, the time is over, the server stops) or it has no more to send. An
// error of its own is sent as an event "error", with what problem makes of it, if anything has been sent; else it is the error response's:
// begun is false, and w is untouched.
func (s *Streams) Serve(w http.ResponseWriter, r *http.Request, form Form, run func(context.Context, *Writer) error, problem func(error) any) (begun bool, err error) {
	if err := s.take(); err != nil {
		return false, err
	}
	defer s.leave()
	ctx, cancel := context.WithTimeout(r.Context(), s.limits.Time)
	defer cancel()
	out := &Writer{w: w, control: http.NewResponseController(w), form: form, limits: s.limits}
	// The server's ReadTimeout would end the request's context; a test's recorder has no deadline.
	_ = out.control.SetReadDeadline(time.Time{})
	var beats sync.WaitGroup
	beats.Go(func() { s.beat(ctx, cancel, out) })
	err = run(ctx, out)
	ended := ctx.Err() != nil
	cancel()
	beats.Wait()
	switch {
	case !out.begun:
		return false, err
	case err == nil, ended, errors.Is(err, errGone):
		return true, nil
	}
	_ = out.Send(Event{Name: "error", Data: problem(err), Text: func() string { return "error: " + common.Public(err) }}) // whoever left needs no error
	return true, err
}

// beat writes heartbeats until the stream ends, and ends it with the server.
func (s *Streams) beat(ctx context.Context, end context.CancelFunc, out *Writer) {
	var ticks <-chan time.Time
	if s.limits.Heartbeat > 0 {
		ticker := time.NewTicker(s.limits.Heartbeat)
		defer ticker.Stop()
		ticks = ticker.C
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.stopped:
			end()
			return
		case <-ticks:
			if out.Heartbeat() != nil {
				end()
				return
			}
		}
	}
}

// errGone is the error of sending to a caller who has left or does not read.
var errGone = errors.New("the caller has left or does not read")

// Writer sends the events of one stream. It may be used by several goroutines.
type Writer struct {
	w       http.ResponseWriter
	control *http.ResponseController
	form    Form
	limits  Limits

	mu    sync.Mutex
	begun bool
	err   error // the first error of a write; nothing is written after it
}

// Begin sends the head of the response, unless that has been sent: from here on errors are events. For a stream that may wait for its first
// event.
func (w *Writer) Begin() error { return w.write("", true) }

// Send sends an event.
func (w *Writer) Send(e Event) error {
	if w.form == Lines {
		if e.Text == nil {
			return nil
		}
		text := e.Text()
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		return w.write(text, true)
	}
	data, err := json.Marshal(e.Data)
	if err != nil {
		return common.Errorf(common.Internal, "encode an event: %w", err)
	}
	var b strings.Builder
	for _, field := range [][2]string{{"id", e.ID}, {"event", e.Name}, {"data", string(data)}} {
		if field[1] != "" {
			b.WriteString(field[0] + ": " + oneLine.Replace(field[1]) + "\n")
		}
	}
	return w.write(b.String()+"\n", true)
}

// oneLine keeps a field from being two.
var oneLine = strings.NewReplacer("\r", " ", "\n", " ")

// Heartbeat sends a comment, if the stream has begun and its form has comments.
func (w *Writer) Heartbeat() error {
	if w.form == Lines {
		return nil
	}
	return w.write(": heartbeat\n\n", false)
}

// write sends text at once. It begins the stream only if begin says so.
func (w *Writer) write(text string, begin bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil || !w.begun && !begin {
		return w.err
	}
	if !w.begun {
		w.begun = true
		h := w.w.Header()
		h.Set("Content-Type", map[Form]string{Events: "text/event-stream", Lines: "text/plain; charset=utf-8"}[w.form])
		h.Set("X-Accel-Buffering", "no") // nginx would keep the events until there are many
		w.w.WriteHeader(http.StatusOK)
	}
	_ = w.control.SetWriteDeadline(time.Now().Add(w.limits.Write)) // a test's recorder has none
	_, err := w.w.Write([]byte(text))
	if err == nil {
		err = w.control.Flush()
	}
	if err != nil {
		w.err = errGone
	}
	return w.err
}
