package localaws_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws/awserr"
)

// refusal is a call and the error code it must get; an empty code means that it must succeed.
type refusal struct {
	name string
	call func() error
	code string
}

func testRefusals(t *testing.T, refusals []refusal) {
	t.Helper()
	for _, r := range refusals {
		t.Run(r.name, func(t *testing.T) {
			err := r.call()
			if got := codeOf(err); got != r.code {
				t.Errorf("got %q (%v), want %q", got, err, r.code)
			}
		})
	}
}

// codeOf returns the AWS error code of err, or nothing for nil.
func codeOf(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[awserr.Error](err); ok {
		return e.Code()
	}
	return fmt.Sprintf("not an AWS error: %v", err)
}

// failing drops the output of an SDK call.
func failing[O any](_ O, err error) error { return err }

// must returns a function that fails the test if the call it gets did.
func must[O any](t *testing.T) func(O, error) O {
	return func(out O, err error) O {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// fakeClock is a clock that is set by hand.
type fakeClock struct {
	mu  sync.Mutex
	now time.Time
}

func newFakeClock() *fakeClock { return &fakeClock{now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)} }

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
