package common

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Retryable is a case of eventual consistency: AWS refuses for now what it will accept in a while, because it is not done with something else. The SDK
// retries none of these by itself.
type Retryable struct {
	codes  []string      // none for all that say that there is no such thing
	words  string        // in AWS's message; empty for any
	budget time.Duration // how long it is worth trying, from the first refusal on
}

// The refusals of AWS that are worth a retry, from the field's experience (hashicorp/terraform-provider-aws retries the same ones).
var (
	// ServiceLinkedRole: the first use of ECS in an account creates a role, and does not wait for it.
	ServiceLinkedRole = Retryable{[]string{"InvalidParameterException"}, "assume the service linked role", 2 * time.Minute}
	// ClusterNotVisible: a cluster that was created a moment ago cannot be found yet.
	ClusterNotVisible = Retryable{[]string{"ClusterNotFoundException"}, "", time.Minute}
	// NotVisible: what AWS confirmed to have created a moment ago cannot be found yet, whatever it is.
	NotVisible = Retryable{nil, "", 30 * time.Second}
	// ServiceNotVisible: a service that was created a moment ago cannot be found yet.
	ServiceNotVisible = Retryable{[]string{"ServiceNotFoundException"}, "", 30 * time.Second}
	// Draining: a service of the same name was deleted, and its tasks are still stopping.
	Draining = Retryable{[]string{"InvalidParameterException"}, "still Draining", 4 * time.Minute}
	// RoleNotPassable: a role that was created a moment ago cannot be passed yet.
	RoleNotPassable = Retryable{[]string{"AccessDeniedException", "AccessDenied"}, "iam:PassRole", time.Minute}
	// RoleNotAssumable: RunTask cannot assume a role that was created a moment ago.
	RoleNotAssumable = Retryable{[]string{"ClientException"}, "unable to assume the role", time.Minute}
	// RoleNotVisible: IAM cannot find a role that was created a moment ago.
	RoleNotVisible = Retryable{[]string{"NoSuchEntity"}, "", 30 * time.Second}
	// RoleInUse: IAM still sees the policies that were taken from a role.
	RoleInUse = Retryable{[]string{"DeleteConflict", "ConcurrentModification"}, "", 2 * time.Minute}
	// RoleBusy: two changes of one role at the same moment.
	RoleBusy = Retryable{[]string{"ConcurrentModification"}, "", 30 * time.Second}
	// SecretDeleted: the secret that had this name was deleted for good a moment ago. One that can be restored is seen by DescribeSecret.
	SecretDeleted = Retryable{[]string{"InvalidRequestException"}, "delet", time.Minute} // "was deleted", "scheduled for deletion"
	// SecretNotVisible: a secret that was created a moment ago cannot be found yet.
	SecretNotVisible = Retryable{[]string{"ResourceNotFoundException"}, "", 30 * time.Second}
	// ParameterBusy: two updates of one parameter at the same moment.
	ParameterBusy = Retryable{[]string{"TooManyUpdates"}, "", 30 * time.Second}
	// ParameterDeleted: the parameter that had this name was deleted a moment ago; AWS asks for 30 seconds before another one is created.
	// The client of Parameter Store sees that there is none.
	ParameterDeleted = Retryable{[]string{"ParameterAlreadyExists"}, "was deleted a moment ago", 45 * time.Second}
	// CloudMapServiceInUse: the instances of a Cloud Map service are still leaving.
	CloudMapServiceInUse = Retryable{[]string{"ResourceInUse"}, "", 5 * time.Minute}
	// CloudMapServiceNotVisible: ECS cannot find a Cloud Map service that was created a moment ago.
	CloudMapServiceNotVisible = Retryable{[]string{"ClientException"}, "service registry could not be validated", 30 * time.Second}
	// Deploying: a service cannot be stopped while it is being deployed.
	Deploying = Retryable{[]string{"InvalidParameterException"}, "deployments are active", 5 * time.Minute}
	// ClusterBusy: the cluster is being changed.
	ClusterBusy = Retryable{[]string{"UpdateInProgressException", "ResourceInUseException"}, "", 5 * time.Minute}
	// ClusterInUse: the cluster still holds what is being taken out of it.
	ClusterInUse = Retryable{[]string{"ClusterContainsServicesException", "ClusterContainsTasksException"}, "", 5 * time.Minute}
	// LogGroupBusy: two changes of one log group at the same moment.
	LogGroupBusy = Retryable{[]string{"OperationAbortedException"}, "", time.Minute}
	// LogGroupNotVisible: a log group that was created a moment ago cannot be found yet.
	LogGroupNotVisible = Retryable{[]string{"ResourceNotFoundException"}, "", 30 * time.Second}
)

// Is reports whether err is the refusal.
func (r Retryable) Is(err error) bool {
	if len(r.codes) == 0 {
		return Is(err, NotFound)
	}
	code := CodeOf(err)
	if e, ok := errors.AsType[*Error](err); ok && code == "" { // a client of ours has seen through AWS's words
		code = string(e.Code)
	}
	return slices.Contains(r.codes, code) && strings.Contains(err.Error(), r.words)
}

// Backoff says how long Retry waits: First before the second try, then half as long again each time, up to Most, with jitter. A
// refusal's budget is multiplied with Budget, so that tests need not wait for the end of one. The zero value is DefaultBackoff.
type Backoff struct {
	First, Most time.Duration
	Budget      float64
}

// DefaultBackoff suits AWS's rate limits.
var DefaultBackoff = Backoff{First: 250 * time.Millisecond, Most: 5 * time.Second, Budget: 1}

func (b Backoff) orDefault() Backoff {
	if b == (Backoff{}) {
		return DefaultBackoff
	}
	return b
}

// Retry calls do until it does not end in one of the retryable refusals, or that one's budget is used up, or ctx is about to end. It returns
// do's last error.
func (b Backoff) Retry(ctx context.Context, do func() error, retryable ...Retryable) error {
	b = b.orDefault()
	start := time.Now()
	for wait := b.First; ; wait = min(wait+wait/2, b.Most) {
		err := do()
		if err == nil {
			return nil
		}
		i := slices.IndexFunc(retryable, func(r Retryable) bool { return r.Is(err) })
		if i < 0 || time.Since(start)+wait > time.Duration(float64(retryable[i].budget)*b.Budget) || Sleep(ctx, wait) != nil {
			return err
		}
	}
}

// Until calls done until it returns true or an error, or ctx ends. It returns ctx's error then.
func (b Backoff) Until(ctx context.Context, done func() (bool, error)) error {
	b = b.orDefault()
	for wait := b.First; ; wait = min(wait+wait/2, b.Most) {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		if err := Sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// Sleep is Pause for d, jittered by a fifth.
func Sleep(ctx context.Context, d time.Duration) error {
	return Pause(ctx, d-d/5+jitter(d*2/5))
}

// Pause waits for d, or until ctx ends; it returns ctx's error at once if ctx would end before d has passed.
func Pause(ctx context.Context, d time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < d {
		return context.DeadlineExceeded
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// jitter returns a random duration from 0 up to d.
func jitter(d time.Duration) time.Duration {
	return time.Duration(rand.Float64() * float64(d))
}

// Scaled returns a pause that is d with the DefaultBackoff, and as much shorter as its waits are.
func (b Backoff) Scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) * float64(b.orDefault().First) / float64(DefaultBackoff.First))
}

// BudgetFactor is what a refusal's budget is multiplied with.
func (b Backoff) BudgetFactor() float64 { return b.orDefault().Budget }
