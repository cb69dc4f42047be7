package common

import (
	"container/list"
	"context"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go/aws/awserr"
	"github.com/aws/aws-sdk-go/aws/request"
	"golang.org/x/time/rate"
)

const (
	// leastShare is the least of its rate that a bucket is slowed down to.
	leastShare = 1.0 / 8
	// cutsApart is how far apart AWS's refusals are for the later one to slow a bucket down once more: calls in flight fail together.
	cutsApart = time.Second
	// easeAfter is how long AWS must have refused nothing for a bucket to be sped up again.
	easeAfter = 10 * time.Second
	// probes is how many calls are left in a bucket that AWS has found empty, so that the refused call's own retry need not wait for it.
	probes = 2
)

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
			name: name, limit: limit, waited: waited, share: 1,
			tokens: rate.NewLimiter(rate.Limit(limit.PerSecond), limit.Burst), reserve: reserve(limit.Burst), patience: patienceOf(limit.PerSecond),
		}
		for op := range strings.FieldsSeq(b.operations) {
			all[operation{b.service, op}] = one
		}
	}
	return all
}

// install makes every try of every call take a token, and learns from AWS's responses.
func (ls limiters) install(handlers *request.Handlers) {
	of := func(r *request.Request) *limiter { return ls[operation{r.ClientInfo.ServiceName, r.Operation.Name}] }
	handlers.Sign.PushFront(func(r *request.Request) { // what is signed later would be out of date
		switch l := of(r); {
		case l == nil:
		case r.RetryCount > 0:
			r.Error = l.again(PriorityOf(r.Context())).Wait(r.Context())
		case !l.takesTurn(r.Context()):
			r.Error = l.turn(PriorityOf(r.Context())).Wait(r.Context())
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

// limiter is one rate bucket, with those who wait for its tokens. It counts them with golang.org/x/time/rate, whose own queue has no priorities and keeps
// the place of who has left; no well-kept library has both.
type limiter struct {
	name     string
	limit    Limit
	reserve  [numPriorities]float64       // tokens that each priority leaves to higher ones
	patience [numPriorities]time.Duration // how long each lets higher ones go first
	waited   func(string, time.Duration)

	mu     sync.Mutex
	tokens *rate.Limiter
	queues [numPriorities]list.List // of turns, in the order of arrival
	served [numPriorities]time.Time // when one of each priority had its turn
	timer  *time.Timer              // set to when the next turn may come, if anybody waits

	share float64 // of the rate, which others who use the account leave us
	cut   time.Time
	eased time.Time
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

// speedUp gives a bucket more of its rate back when AWS has been content for a while. The lock must be held.
func (l *limiter) speedUp(now time.Time) {
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

// ended is the error of a call whose context has ended, as the SDK has it.
func ended(ctx context.Context) error {
	return awserr.New(request.CanceledErrorCode, "the request's context ended", ctx.Err())
}
