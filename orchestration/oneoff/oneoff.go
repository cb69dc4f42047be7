// Package oneoff runs one-off tasks of services: a migration, a look into a database, with what the service runs and in its network.
//
// It owns two rules. One request starts one task or none, whatever becomes of AWS's responses. And no task runs on for ever: each is stopped at its timeout,
// by the server that started it or, when that has ended meanwhile, by the next one that starts.
package oneoff

import (
	"context"
	"sync"
	"time"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/logs"
	"ecs-api/orchestration/observe"
	"ecs-api/orchestration/spec"
	"ecs-api/orchestration/transaction"
)

// Runner runs the one-off tasks of one account.
type Runner struct {
	account      *account.Account
	transactions *transaction.Manager
	logs         *logs.Reader
	show         Show
	now          func() time.Time
	wait         func(context.Context, time.Duration) error // between two looks at a task

	mu      sync.Mutex
	watched map[*run]bool // tasks that this server watches
}

// Show returns a service that exists for our callers.
type Show func(ctx context.Context, cluster, service string) (*awsecs.Service, error)

// Option is a setting of New.
type Option func(*Runner)

// WithClock makes the runner read the time from now, and wait with wait.
func WithClock(now func() time.Time, wait func(context.Context, time.Duration) error) Option {
	return func(r *Runner) { r.now, r.wait = now, wait }
}

// New returns what runs one-off tasks of the services that show returns.
func New(transactions *transaction.Manager, reader *logs.Reader, show Show, opts ...Option) *Runner {
	r := &Runner{account: transactions.Account, transactions: transactions, logs: reader, show: show, now: time.Now, wait: common.Sleep,
		watched: map[*run]bool{}}
	for _, opt := range opts {
		opt(r)
	}
	return r
}

// How long a one-off task may run, in seconds.
const (
	DefaultTimeout = 3600
	MaxTimeout     = 86400
)

// maxWatched is how many one-off tasks run at the same time in one account, as far as this server knows.
const maxWatched = 100

// lastLines is how many lines of its log a response shows.
const lastLines = 100

// Input says what is run.
type Input struct {
	Container   *string // default: the only one, or the first essential one
	Command     []*string
	Environment map[string]*string // beside, and instead of, that of the task definition
	Cpu         *spec.Quantity     // AWS's spelling
	Memory      *spec.Quantity     // of the task, as Cpu
	Timeout     *int64             // seconds
}

// Output is a one-off task.
type Output struct {
	Task           string // id
	TaskArn        *string
	TaskDefinition *string
	Container      string // that runs the command
	StartedBy      *string
	State          *string // AWS's last status of the task
	ExitCode       *int64  // of the container; nil until it has ended, or if it never started
	Reason         *string // AWS's words on why it has ended
	TimedOut       bool    // it was stopped because its time was over
	StopAt         time.Time
	Containers     []observe.Container
	Logs           []Line
	LogsProblem    *string `json:",omitempty"` // why Logs may lack lines

	Operation string `json:"-"` // that stops the task at its timeout
	Replayed  bool   `json:"-"` // an earlier request with the same Idempotency-Key started it
}

// Line is a line that the container has written.
type Line struct {
	Timestamp time.Time
	Message   string
}
