package orchestration

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ecs-api/common"
	"ecs-api/localaws"
	"ecs-api/orchestration/spec"
)

// TestARollbackThatIsRepeatedReturnsItsDeployment repeats it as a caller does who has lost the response: what is waited for is the same deployment.
func TestARollbackThatIsRepeatedReturnsItsDeployment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New(localaws.WithLags(localaws.Lags{Provision: time.Hour})))
	w.create(t, wholeService(t, "myclu", "www"))
	if _, err := w.patch(t, `{"Containers": {"webserver": {"Image": "nginx:2"}}}`); err != nil {
		t.Fatal(err)
	}
	to := spec.Quantity("1")
	w.rollBackTwice(t, &RollbackInput{To: &to})
}

// TestARollbackWithoutToThatIsRepeatedReturnsItsDeployment has two revisions that succeeded: the rollback of a third one returns to the second, however
// often it is sent.
func TestARollbackWithoutToThatIsRepeatedReturnsItsDeployment(t *testing.T) {
	t.Parallel()
	for name, passes := range map[string]time.Duration{"that has succeeded": 2 * time.Hour, "in progress": 0} {
		t.Run(name, func(t *testing.T) {
			var now atomic.Int64 // nanoseconds after the test's begin
			begin := time.Now()
			clock := localaws.Clock(func() time.Time { return begin.Add(time.Duration(now.Load())) })
			w := newWorld(t, localaws.New(localaws.WithLags(localaws.Lags{Provision: time.Hour}), clock))
			w.create(t, wholeService(t, "myclu", "www"))
			for _, image := range []string{"nginx:2", "nginx:3"} {
				now.Add(int64(2 * time.Hour))
				if _, err := w.patch(t, `{"Containers": {"webserver": {"Image": "`+image+`"}}}`); err != nil {
					t.Fatal(err)
				}
			}
			now.Add(int64(passes))
			if got := w.rollBackTwice(t, &RollbackInput{}); !strings.HasSuffix(got, ":2") {
				t.Errorf("rolled back to %s, want revision 2", got)
			}
		})
	}
}

// rollBackTwice sends a rollback twice, and returns the revision that the service is on its way to.
func (w *world) rollBackTwice(t *testing.T, in *RollbackInput) string {
	t.Helper()
	first, err := w.Rollback(t.Context(), "myclu", "www", in)
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.Rollback(t.Context(), "myclu", "www", in)
	if err != nil {
		t.Fatal(err)
	}
	if first.Deployment == nil || again.Deployment == nil || first.Deployment.Id != again.Deployment.Id {
		t.Fatalf("deployment %+v, then %+v", first.Deployment, again.Deployment)
	}
	return *again.Service.TaskDefinition
}

func TestARollbackToWhatIsNoRevisionIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, wholeService(t, "myclu", "www"))
	for _, to := range []spec.Quantity{
		"", " ", "0", "-1", "+1", "01", "1.0", "1e0", "99999999999999999999", "latest", "www-task", "www-task:", ":1", "www-task:+1", "www-task:1:2", "../www-task:1", "www-task:1\x00",
		"arn::::::", "arn:aws:ecs:us-east-1:123456789012:service/www-task:1", "task-definition/www-task:1",
	} {
		_, err := w.Rollback(t.Context(), "myclu", "www", &RollbackInput{To: &to})
		if fields := common.Fields(err); len(fields) != 1 || fields[0].Field != "To" {
			t.Errorf("%q: %v", to, err)
		}
	}
}

func TestTheErrorsOfARollbackNameIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, wholeService(t, "myclu", "www"))
	for want, do := range map[string]func(*Write) error{
		"roll back service www in cluster myclu: ":         func(r *Write) error { _, err := r.Apply(t.Context()); return err },
		"plan to roll back service www in cluster myclu: ": func(r *Write) error { _, err := r.Plan(t.Context()); return err },
	} {
		request, err := w.Orchestrator.Rollback("myclu", "www", &RollbackInput{})
		if err != nil {
			t.Fatal(err)
		}
		if err := do(request); common.ResponseCode(err) != common.CodeNothingToRollBackTo || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestARollbackAfterARestart returns to the revision before the one that was restarted: restarting it made it no better.
func TestARollbackAfterARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, wholeService(t, "myclu", "www"))
	if _, err := w.patch(t, `{"Containers": {"webserver": {"Image": "nginx:2"}}}`); err != nil {
		t.Fatal(err)
	}
	restart, err := w.Orchestrator.Restart("myclu", "www")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := restart.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	out, err := w.Rollback(t.Context(), "myclu", "www", &RollbackInput{})
	if err != nil {
		t.Fatal(err)
	}
	if got := *out.Service.TaskDefinition; !strings.HasSuffix(got, ":1") {
		t.Errorf("rolled back to %s, want revision 1", got)
	}
}

func TestARollbackWhereAWSDoesNotLetUsReadDeployments(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, wholeService(t, "myclu", "www"))
	w.aws.Inject(localaws.Fault{Operation: "ListServiceDeployments", Times: -1, Effect: localaws.Refuse, Code: "AccessDeniedException", Message: "no"})
	if _, err := w.Rollback(t.Context(), "myclu", "www", &RollbackInput{}); common.ResponseCode(err) != common.CodeNothingToRollBackTo ||
		!strings.Contains(err.Error(), "ecs:ListServiceDeployments") {
		t.Errorf("%v, want one that names what AWS refused", err)
	}
	if _, err := w.patch(t, `{"Containers": {"webserver": {"Image": "nginx:2"}}}`); err != nil {
		t.Fatal(err)
	}
	to := spec.Quantity("1")
	if _, err := w.Rollback(t.Context(), "myclu", "www", &RollbackInput{To: &to}); err != nil {
		t.Errorf("to a revision that is named: %v", err)
	}
}

// TestARollbackWhereTheDeploymentsCannotBeReadNow fails as AWS does, so that the caller retries it.
func TestARollbackWhereTheDeploymentsCannotBeReadNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, wholeService(t, "myclu", "www"))
	w.aws.Inject(localaws.Fault{Operation: "ListServiceDeployments", Times: -1, Effect: localaws.Throttle})
	if _, err := w.Rollback(t.Context(), "myclu", "www", &RollbackInput{}); !common.Is(err, common.Throttled) {
		t.Errorf("%v, want that AWS throttles", err)
	}
}

// TestARollbackToAnotherSpacesRevision is refused, but for one that the service ran: families are not divided by spaces, so a mere number can name one.
func TestARollbackToAnotherSpacesRevision(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, wholeService(t, "theirs", "www"))
	w.create(t, wholeService(t, "myclu", "www"))
	to := spec.Quantity("1")
	_, err := w.Rollback(t.Context(), "myclu", "www", &RollbackInput{To: &to})
	if fields := common.Fields(err); len(fields) != 1 || fields[0].Field != "To" || !strings.Contains(fields[0].Detail, "space theirs") {
		t.Errorf("%v, want that To is of another space", err)
	}
}
