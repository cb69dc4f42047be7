package common

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go/aws/awserr"
	"github.com/aws/aws-sdk-go/aws/request"
	"golang.org/x/time/rate"
)

const (
	// patience is how long background work lets others go first; then its next call takes its place in the line.
	patience = 5 * time.Second
	// leastShare is the least of its rate that a bucket is slowed down to.
	leastShare = 1.0 / 8
	// cutsApart is how far apart AWS's refusals are for the later one to slow a bucket down once more: calls in flight fail together.
	cutsApart = time.Second
	// easeAfter is how long AWS must have refused nothing for a bucket to be sped up again.
	easeAfter = 10 * time.Second
	// probes is how many calls are left in a bucket that AWS has found empty, so that the refused call's own retry need not wait for it.
	probes = 2
)

type backgroundKey struct{}

// Background returns a context whose calls to AWS let those of others go first: for work that nobody waits for.
func Background(ctx context.Context) context.Context {
	return context.WithValue(ctx, backgroundKey{}, true)
}

// InBackground reports whether ctx is one of Background.
func InBackground(ctx context.Context) bool { return ctx.Value(backgroundKey{}) != nil }

// limiters hold the calls of one account in one region to AWS's rate buckets.
type limiters map[operation]*limiter

type operation struct{ service, name string }

// newLimiters returns full buckets. Limits take the place of the buckets' own, by name; waited is called with how long each call waited.
func newLimiters(limits map[string]Limit, waited func(bucket string, d time.Duration)) limiters {
	all := limiters{}
	for name, b := range buckets {
		limit := b.Limit
		if other, ok := limits[name]; ok {
			limit = other
		}
		one := &limiter{
			name: name, limit: limit, waited: waited, share: 1, turn: make(chan struct{}, 1),
			tokens: rate.NewLimiter(rate.Limit(limit.PerSecond), limit.Burst), reserve: float64((limit.Burst - 1) / 2),
		}
		for op := range strings.FieldsSeq(b.operations) {
			all[operation{b.service, op}] = one
		}
	}
	return all
}

// install makes every try of every call take a token, and learns from what AWS answers.
func (ls limiters) install(handlers *request.Handlers) {
	of := func(r *request.Request) *limiter { return ls[operation{r.ClientInfo.ServiceName, r.Operation.Name}] }
	handlers.Sign.PushFront(func(r *request.Request) { // what is signed later would be out of date
		if l := of(r); l != nil {
			r.Error = l.wait(r.Context())
		}
	})
	handlers.Sign.AfterEachFn = request.HandlerListStopOnError
	handlers.CompleteAttempt.PushBack(func(r *request.Request) {
		l := of(r)
		switch {
		case l == nil || r.Error == nil:
		case throttle(r):
			l.slowDown(time.Now())
		case Ambiguous(FromAWS(r.Error, "try")) && !neverLeft(r.Error):
			r.SetContext(context.WithValue(r.Context(), lostKey{}, true))
		}
	})
}

// lostKey marks the context of a call of which a try may have taken effect.
type lostKey struct{}

// limiter is one rate bucket.
type limiter struct {
	name    string
	limit   Limit
	tokens  *rate.Limiter
	reserve float64       // tokens that background work leaves to the others
	turn    chan struct{} // held by the one call of background work that waits for a token
	waited  func(string, time.Duration)

	mu    sync.Mutex
	share float64 // of the rate, which others who use the account leave us
	cut   time.Time
	eased time.Time
}

// wait takes a token, as soon as there is one. If there will be none before ctx ends it fails at once.
func (l *limiter) wait(ctx context.Context) error {
	start := time.Now()
	var err error
	if InBackground(ctx) {
		err = l.behind(ctx)
	} else {
		err = l.inLine(ctx, start)
	}
	if l.waited != nil {
		l.waited(l.name, time.Since(start))
	}
	return err
}

// inLine takes a token in the order of arrival.
func (l *limiter) inLine(ctx context.Context, now time.Time) error {
	l.speedUp(now)
	token := l.tokens.ReserveN(now, 1)
	delay := token.DelayFrom(now)
	if deadline, ok := ctx.Deadline(); ok && deadline.Sub(now) < delay {
		token.CancelAt(now)
		return l.refusal(ctx, delay)
	}
	if err := pause(ctx, delay); err != nil {
		token.Cancel()
		return err
	}
	return nil
}

// behind takes a token that the others can spare.
func (l *limiter) behind(ctx context.Context) error {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return ended(ctx)
	}
	for start := time.Now(); ; {
		now := time.Now()
		l.speedUp(now)
		missing := l.reserve + 1 - l.tokens.TokensAt(now)
		left := patience - now.Sub(start)
		switch {
		case missing <= 0 && l.tokens.AllowN(now, 1):
			return nil
		case left <= 0:
			return l.inLine(ctx, now)
		}
		refill := time.Duration(missing / float64(l.tokens.Limit()) * float64(time.Second))
		if err := pause(ctx, min(max(refill, time.Millisecond), left)); err != nil {
			return err
		}
	}
}

// refusal is the error of a call that would have to wait too long. If an earlier try of it may have taken effect, nobody must take it for
// a call that was never made.
func (l *limiter) refusal(ctx context.Context, delay time.Duration) error {
	kind := Throttled
	if ctx.Value(lostKey{}) != nil {
		kind = Unavailable
	}
	return &Error{Kind: kind, After: delay, msg: "AWS limits how often we may ask (rate bucket " + l.name + "), and others come first; try again later"}
}

// slowDown notes that AWS refused a call for which there was a token: others use the account too.
func (l *limiter) slowDown(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.cut) < cutsApart {
		return
	}
	l.cut, l.eased = now, now
	l.setShare(now, max(l.share/2, leastShare))
	if n := int(l.tokens.TokensAt(now)) - probes; n > 0 {
		l.tokens.AllowN(now, n)
	}
}

// speedUp gives a bucket more of its rate back when AWS has been content for a while.
func (l *limiter) speedUp(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.share < 1 && now.Sub(l.eased) >= easeAfter {
		l.eased = now
		l.setShare(now, min(l.share*2, 1))
	}
}

// setShare changes the rate. The lock must be held.
func (l *limiter) setShare(now time.Time, share float64) {
	l.share = share
	l.tokens.SetLimitAt(now, rate.Limit(l.limit.PerSecond*share))
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ended(ctx)
	}
}

// ended is the error of a call whose context has ended, as the SDK has it.
func ended(ctx context.Context) error {
	return awserr.New(request.CanceledErrorCode, "the request's context ended", ctx.Err())
}
