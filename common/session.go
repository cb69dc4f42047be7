package common

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/awserr"
	"github.com/aws/aws-sdk-go/aws/client"
	"github.com/aws/aws-sdk-go/aws/credentials"
	"github.com/aws/aws-sdk-go/aws/credentials/stscreds"
	"github.com/aws/aws-sdk-go/aws/endpoints"
	"github.com/aws/aws-sdk-go/aws/request"
	"github.com/aws/aws-sdk-go/aws/session"
)

// Access is what is needed to speak to one AWS account.
type Access struct {
	Region      string
	AccessKeyID string // empty: the SDK's default credential chain
	SecretKey   string
	Endpoint    string // empty: AWS's own
	RoleARN     string // assumed, if set
	ExternalID  string
	Retry       RetryPolicy // the zero value is DefaultRetryPolicy
	// Limits take the place of AWS's limits on calls, by the name of the rate bucket; see Buckets.
	Limits map[string]Limit
	// Transport takes the place of the network, if it is set.
	Transport http.RoundTripper
	// Waited is called with how long each try of a call waited for its rate bucket. Nil is fine.
	Waited func(bucket string, d time.Duration)
	// Batched is called with how many reads each call made that several shared. Nil is fine.
	Batched func(operation string, reads int)
	// Observe is called for every call that has ended, its retries included. Nil is fine.
	Observe func(context.Context, AWSCall)
}

// AWSCall is one call of an AWS operation that has ended, with its retries.
type AWSCall struct {
	Service, Operation string // "ecs", "CreateService"
	Code               string // AWS's error code, or our kind of error where our own limiter refused it; empty if the call succeeded
	Start              time.Time
	Duration           time.Duration
	Attempts           int
}

// maxIdleConns is how many connections to AWS are kept open for the next call, per account and host: as many as we have callers.
const maxIdleConns = 512

// Session is the session of an account, with the queues for its rate buckets.
type Session struct {
	*session.Session
	limiters limiters
	batched  func(operation string, reads int)
}

// Turn takes a place in the queue for a token of the operation, with the priority of ctx; nil if no bucket is known. A call waits in that queue by
// itself: this is for those who have to know when it is sent.
func (s *Session) Turn(ctx context.Context, service, name string) *Turn {
	l := s.limiters[operation{service, name}]
	if l == nil {
		return nil
	}
	return l.turn(PriorityOf(ctx))
}

// Batched counts the reads that shared a call.
func (s *Session) Batched(operation string, reads int) {
	if s.batched != nil {
		s.batched(operation, reads)
	}
}

// NewSession returns the account's session, which all its clients share: the calls of one account go through one connection pool. It
// makes no call.
func NewSession(a Access) (*Session, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone() // keeps ProxyFromEnvironment
	transport.DialContext = (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	transport.MaxIdleConns = 0 // no limit but the one per host
	transport.MaxIdleConnsPerHost = maxIdleConns
	transport.ResponseHeaderTimeout = 20 * time.Second

	cfg := &aws.Config{
		Region:              aws.String(a.Region),
		HTTPClient:          &http.Client{Transport: transport},
		Retryer:             retryer{a.Retry.orDefault()},
		STSRegionalEndpoint: endpoints.RegionalSTSEndpoint,
	}
	if a.Endpoint != "" {
		cfg.Endpoint = aws.String(a.Endpoint)
	}
	if a.AccessKeyID != "" {
		cfg.Credentials = credentials.NewStaticCredentials(a.AccessKeyID, a.SecretKey, "")
	}
	// The session loads AWS_CA_BUNDLE into the transport.
	sess, err := session.NewSession(cfg)
	if err != nil {
		return nil, FromAWS(err, "prepare a session for region %s", a.Region)
	}
	if a.Transport != nil {
		sess.Config.HTTPClient = &http.Client{Transport: a.Transport}
	}
	traceCalls(&sess.Handlers) // before the role's credentials take them over: to assume it is a call as well
	if a.RoleARN != "" {
		sess = sess.Copy(&aws.Config{Credentials: stscreds.NewCredentials(sess, a.RoleARN, func(p *stscreds.AssumeRoleProvider) {
			p.RoleSessionName = "ecs-api"
			p.ExpiryWindow = time.Minute
			if a.ExternalID != "" {
				p.ExternalID = aws.String(a.ExternalID)
			}
		})})
	}
	limiters := newLimiters(a.Limits, a.Waited)
	limiters.install(&sess.Handlers)
	if a.Observe != nil {
		sess.Handlers.Complete.PushBack(func(r *request.Request) {
			call := AWSCall{Service: r.ClientInfo.ServiceName, Operation: r.Operation.Name, Start: r.Time, Duration: time.Since(r.Time), Attempts: r.RetryCount + 1}
			if r.Error != nil {
				call.Code = ErrorType(r.Error)
			}
			a.Observe(r.Context(), call)
		})
	}
	return &Session{sess, limiters, a.Batched}, nil
}

// RetryPolicy says how often a call is tried again, and after how long. All waits double from try to try, with jitter.
type RetryPolicy struct {
	Throttled     int           // retries of a call that AWS throttled
	ThrottledWait time.Duration // before the first of them; at most 5 s before any
	Failed        int           // retries of a call that found AWS failing, or lost its response
	FailedWait    time.Duration // before the first of them
}

// DefaultRetryPolicy rides out an empty rate bucket for some 20 s, and a failing AWS for a second. The request's deadline ends it
// earlier.
var DefaultRetryPolicy = RetryPolicy{Throttled: 8, ThrottledWait: 200 * time.Millisecond, Failed: 4, FailedWait: 60 * time.Millisecond}

func (p RetryPolicy) orDefault() RetryPolicy {
	if p == (RetryPolicy{}) {
		return DefaultRetryPolicy
	}
	return p
}

// retryer is a RetryPolicy as the SDK wants it.
type retryer struct{ policy RetryPolicy }

var _ request.Retryer = retryer{}

// MaxRetries is the most that any error is retried; ShouldRetry says less for some.
func (r retryer) MaxRetries() int { return max(r.policy.Throttled, r.policy.Failed) }

// ShouldRetry reports whether the call is to be tried again: not if the request's deadline would pass while waiting.
func (r retryer) ShouldRetry(req *request.Request) bool {
	limit := r.policy.Failed
	if throttle(req) {
		limit = r.policy.Throttled
	} else if !responseLost(req) && !(client.DefaultRetryer{NumMaxRetries: limit}).ShouldRetry(req) {
		return false
	}
	if req.RetryCount >= limit {
		return false
	}
	deadline, ok := req.Context().Deadline()
	return !ok || time.Until(deadline) > r.longest(req)
}

// RetryRules returns how long to wait before the next try.
func (r retryer) RetryRules(req *request.Request) time.Duration {
	longest := r.longest(req)
	return longest/2 + jitter(longest/2)
}

// longest is the most that RetryRules returns for req.
func (r retryer) longest(req *request.Request) time.Duration {
	base := r.policy.FailedWait
	if throttle(req) {
		base = r.policy.ThrottledWait
	}
	return min(base<<min(req.RetryCount, 10), 5*time.Second)
}

// throttle reports whether AWS throttled the request: by its code, not by a 502, 503 or 504, which the SDK takes for the same.
func throttle(req *request.Request) bool {
	if ae, ok := req.Error.(awserr.Error); ok {
		return kindOfAWS(ae) == Throttled
	}
	return false
}

// responseLost reports whether the connection broke while the response was read. The SDK takes that for a response it does not understand.
func responseLost(req *request.Request) bool {
	ae, ok := req.Error.(awserr.Error)
	return ok && (ae.Code() == request.ErrCodeSerialization || ae.Code() == request.ErrCodeRead)
}

// OnlyOnce is a request option for calls that are not idempotent, as they create something new each time: it keeps the SDK from trying again after an
// response was lost. The error is Ambiguous then, and the caller has to look. Throttled calls are tried again: they took no effect.
func OnlyOnce(req *request.Request) {
	req.Retryer = onlyOnce{req.Retryer}
}

type onlyOnce struct{ request.Retryer }

func (o onlyOnce) ShouldRetry(req *request.Request) bool {
	return throttle(req) && o.Retryer.ShouldRetry(req)
}
