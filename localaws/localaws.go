// Package localaws is the embedded AWS: an in-memory simulator of the parts of AWS that ecs-api uses, for development and tests.
//
// It speaks the real wire protocols, so that the unchanged SDK clients talk to it over HTTP; it keeps state, paginates and batches as
// AWS does, and refuses what AWS refuses. It is a development tool: it checks no signature, keeps nothing on disk and is never
// started unless somebody asks for it.
//
// A service is a table of operations (see operation); an operation is a short function on the SDK's own typed input and output.
// Everything an operation touches is guarded by one lock, so that each operation is atomic.
package localaws

import (
	"fmt"
	"iter"
	"net/http"
	"sort"
	"strings"
	"sync"
	"time"
)

// AWS is a simulated AWS: an http.Handler that serves all services of all accounts.
type AWS struct {
	now      func() time.Time
	sleep    func(time.Duration)
	latency  time.Duration // guarded by mu once the simulator serves
	lags     Lags
	limits   bool               // guarded by mu once the simulator serves
	services map[string]service // by signing name, as in a request's credential scope
	quirks   quirks

	mu       sync.Mutex // guards everything below
	accounts map[string]*account
	sessions map[string]session // by the access key that AssumeRole issued
	calls    callLog
	faults   []*activeFault
	ids      int // source of unique, reproducible ids
	buckets  map[string]*tokenBucket
}

// Lags say how long AWS takes for what it does not do at once. The zero value makes everything happen at the next request.
type Lags struct {
	Provision time.Duration // a task from PROVISIONING to RUNNING
	Drain     time.Duration // a deleted service from DRAINING to INACTIVE, and its tasks to STOPPED
	Register  time.Duration // a stopped task's instance to leave its Cloud Map service
	Role      time.Duration // a new IAM role until other services can use it
	Cluster   time.Duration // a new cluster until services can be created in it
	Secret    time.Duration // a force-deleted secret's name until it is free again
	Visible   time.Duration // a new resource until reads see it
	Deleted   time.Duration // a deleted service until reads stop showing it as it was before, ACTIVE
	Parameter time.Duration // a deleted parameter's name until it is free again: AWS asks callers to wait for 30 seconds
	Providers time.Duration // a cluster with capacity providers in PROVISIONING before it is ACTIVE, and in DEPROVISIONING before it is INACTIVE
	Tagging   time.Duration // a change of tags until the tagging API's index shows it
	RoleTags  time.Duration // a change of a role's tags until GetRole shows it: reads are those of a replica, which gets the changes in their order
	Healthy   time.Duration // a registered target until its load balancer finds it healthy

	Check      time.Duration // a running container's health check until its result
	Retry      time.Duration // until a service's scheduler tries again after a failure, twice as long each time; 0 stands for ECS's own 30 s
	Stage      time.Duration // each lifecycle stage of a blue/green, linear or canary deployment, and until a requested stop or rollback begins
	BakeMinute time.Duration // each minute of bake time of such a deployment
}

// Option is a setting of New.
type Option func(*AWS)

// Clock makes the simulator read the time from now instead of time.Now.
func Clock(now func() time.Time) Option { return func(a *AWS) { a.now = now } }

// Latency makes every call take d, half of it before and half of it after it takes effect.
func Latency(d time.Duration) Option { return func(a *AWS) { a.latency = d } }

// SetLatency makes every call from now on take d; see Latency.
func (a *AWS) SetLatency(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.latency = d
}

// WithLags sets how long AWS takes for what it does not do at once.
func WithLags(l Lags) Option { return func(a *AWS) { a.lags = l } }

// RateLimits makes the simulator enforce AWS's rate buckets.
func RateLimits() Option { return func(a *AWS) { a.limits = true } }

// EnforceRates makes the simulator enforce AWS's rate buckets from now on, full ones, or none.
func (a *AWS) EnforceRates(on bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.limits = on
	clear(a.buckets)
}

// WithFaults injects faults from the start; see Inject.
func WithFaults(f ...Fault) Option { return func(a *AWS) { a.inject(f) } }

// New returns an AWS that holds what a new account has, and the network of network.go.
func New(opts ...Option) *AWS {
	a := &AWS{
		now:      time.Now,
		sleep:    time.Sleep,
		accounts: map[string]*account{},
		sessions: map[string]session{},
		buckets:  map[string]*tokenBucket{},
		services: allServices(),
	}
	for _, opt := range opts {
		opt(a)
	}
	return a
}

// DefaultAccount is the account that access keys belong to which the simulator has not issued.
const DefaultAccount = "123456789012"

// account is one AWS account: IAM's roles, which are global, and a region's state for each region that was asked for.
type account struct {
	id      string
	iam     iamState
	regions map[string]*region
}

// region is all regional state of one account.
type region struct {
	name             string
	ecs              ecsState
	secrets          secretsState
	parameters       ssmState
	servicediscovery servicediscoveryState
	logs             logsState
	network          networkState
	tags             tagIndex
	elb              elbState
}

// account returns the account with the given id, made new on first sight. The lock must be held.
func (a *AWS) account(id string) *account {
	acc := a.accounts[id]
	if acc == nil {
		acc = &account{id: id, iam: newIAMState(), regions: map[string]*region{}}
		a.accounts[id] = acc
	}
	return acc
}

// region returns the account's state in the named region, made new on first sight. The lock must be held.
func (acc *account) region(name string) *region {
	r := acc.regions[name]
	if r == nil {
		r = &region{
			name:             name,
			ecs:              newECSState(),
			secrets:          newSecretsState(),
			parameters:       newSSMState(),
			servicediscovery: newServicediscoveryState(acc.id, name),
			logs:             newLogsState(),
			network:          newNetworkState(),
		}
		acc.regions[name] = r
	}
	return r
}

// Inventory lists what exists, one line a resource, sorted: "ecs:service myclu/www", "iam:role …". Things that AWS keeps a record of
// after they are gone (INACTIVE clusters, services and revisions, secrets scheduled for deletion) are not listed, nor is what a new
// account has.
func (a *AWS) Inventory() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []string
	for _, acc := range a.accounts {
		for name := range acc.iam.inventory() {
			all = append(all, "iam:"+name)
		}
		for _, r := range acc.regions {
			a.settle(acc, r)
			for prefix, names := range map[string]iter.Seq[string]{
				"ecs:": r.ecs.inventory(), "secretsmanager:": r.secrets.inventory(), "ssm:": r.parameters.inventory(),
				"servicediscovery:": r.servicediscovery.inventory(), "logs:": r.logs.inventory(), "elasticloadbalancing:": r.elb.inventory(),
			} {
				for name := range names {
					all = append(all, prefix+name)
				}
			}
		}
	}
	sort.Strings(all)
	return all
}

// settle lets time take effect: tasks start and stop, services drain, instances leave. It runs before every operation. The lock must
// be held.
func (a *AWS) settle(acc *account, r *region) {
	r.ecs.settle(a, acc, r)
}

// id returns a new id with the given prefix: unique within a, and the same in every run that makes the same calls. The lock must be held.
func (a *AWS) id(format string) string {
	a.ids++
	return fmt.Sprintf(format, a.ids)
}

// uuid returns a new id of a UUID's shape. The lock must be held.
func (a *AWS) uuid() string { return a.id("00000000-0000-4000-8000-%012x") }

// arn returns an ARN of the account in the region.
func (r *request) arn(service, resource string) string {
	return strings.Join([]string{"arn", "aws", service, r.region.name, r.account.id, resource}, ":")
}

// Transport returns a RoundTripper that hands requests to the simulator in this process, for any host.
func (a *AWS) Transport() http.RoundTripper { return inProcess{a} }
