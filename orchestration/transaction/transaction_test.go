package transaction

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws/awserr"
	"go.uber.org/goleak"

	"ecs-api/common"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
	_ "ecs-api/racetest" // for what it does to a process of tests
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newManager(t *testing.T) *Manager {
	t.Helper()
	group := operations.NewGroup(operations.Options{})
	t.Cleanup(func() { group.Shutdown(context.Background()) })
	a := account.New(account.Settings{Name: "local", Org: "localdev"}, account.Clients{}, common.Backoff{First: time.Millisecond, Most: time.Millisecond, Budget: 1})
	return New(a, group)
}

// begin locks service c/s for a request that uses the cluster and the role.
func begin(t *testing.T, m *Manager) *Transaction {
	t.Helper()
	r := &resource.Request{Org: "localdev", Cluster: "c", Service: "s", Backoff: m.Account.Backoff, Ledger: &m.Ledger}
	tx, err := m.Begin(t.Context(), ServiceTarget("c", "s"), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Use(t.Context(), &resource.Cluster{Account: m.Account, Cluster: "c"}, &resource.Role{Account: m.Account, Cluster: "c"}); err != nil {
		t.Fatal(err)
	}
	return tx
}

// free fails the test unless the service is free, and nobody uses or holds what it shares.
func free(t *testing.T, m *Manager) {
	t.Helper()
	tx, err := m.Begin(t.Context(), ServiceTarget("c", "s"), nil)
	if err != nil {
		t.Errorf("the service is locked: %v", err)
		return
	}
	tx.Succeed()
	for _, thing := range []resource.Thing{&resource.Cluster{Cluster: "c"}, &resource.Role{Cluster: "c"}} {
		hold, ok := m.Ledger.ReserveUnused(thing)
		if !ok {
			t.Errorf("%s is in use or held", thing.Name())
			continue
		}
		hold.Release()
	}
}

var errRefused = errors.New("refused")

// passing is what AWS does not let us do for the moment.
func passing(what string) error {
	return common.FromAWS(awserr.New("ThrottlingException", "Rate exceeded for arn:aws:iam::123456789012:user/us", nil), "delete %s", what)
}

func TestATransactionEndsInEveryWay(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *Transaction){
		"it succeeds": func(_ *testing.T, tx *Transaction) { tx.Succeed() },
		"it is refused": func(t *testing.T, tx *Transaction) {
			if err := tx.Fail(t.Context(), errRefused, nil); !errors.Is(err, errRefused) {
				t.Errorf("got %v", err)
			}
		},
		"it fails, and is rolled back": func(t *testing.T, tx *Transaction) {
			ran := false
			err := tx.Fail(t.Context(), errRefused, func(context.Context) error { ran = true; return nil })
			if !errors.Is(err, errRefused) || !ran {
				t.Errorf("got %v; rolled back: %v", err, ran)
			}
		},
		"it fails, and so does the rollback": func(t *testing.T, tx *Transaction) {
			err := tx.Fail(t.Context(), errRefused, func(context.Context) error { return common.Errorf(common.BadRequest, "no") })
			if e, ok := errors.AsType[*common.Error](err); !ok || len(e.LeftBehind) != 1 || e.LeftBehind[0] != "no" {
				t.Errorf("got %v", err)
			}
		},
		"the rollback panics": func(t *testing.T, tx *Transaction) {
			if err := tx.Fail(t.Context(), errRefused, func(context.Context) error { panic("rollback") }); !errors.Is(err, errRefused) {
				t.Errorf("got %v", err)
			}
		},
		"it panics outside a step": func(t *testing.T, tx *Transaction) {
			defer func() {
				if recover() == nil {
					t.Error("the panic is lost")
				}
			}()
			defer tx.End()
			panic("outside a step")
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newManager(t)
			tx := begin(t, m)
			end(t, tx)
			tx.End() // as the deferred one does
			m.Background.Wait()
			free(t, m)
		})
	}
}

// TestARollbackContinuesInTheBackground fails with a rollback that AWS does not allow for now: the locks stay until it is done, and whoever comes gets the
// operation at once.
func TestARollbackContinuesInTheBackground(t *testing.T) {
	m := newManager(t)
	tx := begin(t, m)
	// The rollback of something shared is kept in the request's ledger, as that of the role here.
	if err := m.Ledger.Enter(t.Context(), "role/c-ecsTaskExecution"); err != nil {
		t.Fatal(err)
	}
	allowed := make(chan struct{})
	roleBack := func(context.Context) error {
		select {
		case <-allowed:
			return nil
		default:
			return passing("role")
		}
	}
	m.Ledger.Leave("role/c-ecsTaskExecution", false, roleBack) // another request, that failed
	err := tx.Fail(t.Context(), errRefused, func(context.Context) error { return passing("secret") })
	close(allowed)
	var left *common.Error
	if !errors.As(err, &left) || len(left.LeftBehind) != 3 {
		t.Fatalf("got %v", err)
	}
	for _, text := range left.LeftBehind {
		if strings.Contains(text, "arn:aws") {
			t.Errorf("a caller reads %q", text)
		}
	}
	ops := m.Background.Operations(t.Context(), "local")
	if len(ops) != 1 || ops[0].Kind != KindRollback || ops[0].State != saga.Running {
		t.Fatalf("operations %+v", ops)
	}
	if _, err := m.Begin(t.Context(), ServiceTarget("c", "s"), nil); common.ResponseCode(err) != common.CodeServiceBusy || !strings.Contains(err.Error(), ops[0].ID) {
		t.Errorf("the service: %v, want %s with the operation", err, common.CodeServiceBusy)
	}
	r := &resource.Request{Ledger: &m.Ledger}
	if err := r.Use(t.Context(), &resource.Role{Cluster: "c"}); common.ResponseCode(err) != common.CodeServiceBusy || !strings.Contains(err.Error(), ops[0].ID) {
		t.Errorf("the role: %v, want %s with the operation", err, common.CodeServiceBusy)
	}
	if err := m.Background.Shutdown(ended()); err != 1 {
		t.Errorf("%d operations were cancelled, want the rollback", err)
	}
	free(t, m)
	done, err := m.Background.Operation(t.Context(), "local", ops[0].ID)
	if err != nil || done.State != saga.Interrupted || strings.Contains(done.Error, "arn:aws") {
		t.Errorf("the operation: %+v, %v", done, err)
	}
}

// ended returns a context that has ended.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// TestAnOperationReadsEndedWhenItsLockIsFree asks for an operation until it reads ended, and locks its service then.
func TestAnOperationReadsEndedWhenItsLockIsFree(t *testing.T) {
	m := newManager(t)
	m.Handle("work", func(context.Context, operations.Job) (json.RawMessage, error) { return nil, nil })
	for range 200 {
		tx, err := m.Begin(t.Context(), ServiceTarget("c", "s"), nil)
		if err != nil {
			t.Fatal(err)
		}
		job, running, err := tx.Job(t.Context(), "work", time.Minute, nil)
		if err != nil || running != nil {
			t.Fatal(running, err)
		}
		op, err := tx.HandOver(t.Context(), job, nil)
		if err != nil {
			t.Fatal(err)
		}
		tx.End() // the operation has the lock
		for {
			now, err := m.Background.Operation(t.Context(), "local", op.ID)
			if err != nil {
				t.Fatal(err)
			}
			if now.State == saga.Succeeded {
				break
			}
		}
		free(t, m)
	}
}

// TestASuccessIsNoReasonForWhatItDoesNotNeed leaves the rollbacks of another request, that failed, to one that succeeds and needs the cluster alone.
func TestASuccessIsNoReasonForWhatItDoesNotNeed(t *testing.T) {
	m := newManager(t)
	tx := begin(t, m)
	rolledBack := map[string]bool{}
	for _, key := range []string{"cluster/c", "role/c-ecsTaskExecution"} {
		if err := m.Ledger.Enter(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		m.Ledger.Leave(key, false, func(context.Context) error { rolledBack[key] = true; return nil })
	}
	tx.request.NotNeeded(&resource.Role{Account: m.Account, Cluster: "c"})
	tx.Succeed()
	m.Background.Wait()
	if rolledBack["cluster/c"] || !rolledBack["role/c-ecsTaskExecution"] {
		t.Errorf("rolled back: %v, want the role alone", rolledBack)
	}
	free(t, m)
}
