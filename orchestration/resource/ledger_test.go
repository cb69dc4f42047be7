package resource

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/orchestration/saga"
	_ "ecs-api/racetest" // for what it does to a process of tests
)

// rollbacks records which rollbacks ran.
type rollbacks []string

func (r *rollbacks) of(name string) saga.Rollback {
	return func(context.Context) error { *r = append(*r, name); return nil }
}

// TestTheLastOfThoseWhoFailRollsBack plays requests that use one shared thing, in the order in which they leave.
func TestTheLastOfThoseWhoFailRollsBack(t *testing.T) {
	type leave struct {
		succeeded bool
		created   string // whose rollback the request has; empty for none
	}
	for name, test := range map[string]struct {
		leaves []leave
		want   rollbacks
	}{
		"one that succeeds":                           {[]leave{{true, "a"}}, nil},
		"one that fails":                              {[]leave{{false, "a"}}, rollbacks{"a"}},
		"one that fails and created nothing":          {[]leave{{false, ""}}, nil},
		"the creator fails first, the other fails":    {[]leave{{false, "a"}, {false, ""}}, rollbacks{"a"}},
		"the creator fails first, the other succeeds": {[]leave{{false, "a"}, {true, ""}}, nil},
		"two creators fail":                           {[]leave{{false, "a"}, {false, "b"}}, rollbacks{"b", "a"}},
		"a success between two failures":              {[]leave{{false, "a"}, {true, ""}, {false, ""}}, nil},
		"the creator fails last, after a success":     {[]leave{{true, ""}, {false, "a"}}, rollbacks{"a"}}, // its ownership tag says whether the other adopted the thing
	} {
		t.Run(name, func(t *testing.T) {
			var l Ledger
			var ran rollbacks
			for range test.leaves {
				if err := l.Enter(t.Context(), "role/x"); err != nil {
					t.Fatal(err)
				}
			}
			for i, leave := range test.leaves {
				var back saga.Rollback
				if leave.created != "" {
					back = ran.of(leave.created)
				}
				run, reservation := l.Leave("role/x", leave.succeeded, back)
				if (run != nil) != (reservation != nil) || run != nil && i < len(test.leaves)-1 {
					t.Fatalf("request %d: it rolls back: %v, and reservations the thing: %v", i, run != nil, reservation != nil)
				}
				if run != nil {
					if err := run(t.Context()); err != nil {
						t.Error(err)
					}
					reservation.Release()
				}
			}
			if diff := cmp.Diff(test.want, ran); diff != "" {
				t.Errorf("rollbacks (-want +got):\n%s", diff)
			}
			if len(l.uses) > 0 {
				t.Errorf("the ledger remembers %v", l.uses)
			}
		})
	}
}

func TestWhoeverComesWhileAThingIsDeletedWaits(t *testing.T) {
	var l Ledger
	thing := &Role{Cluster: "x"}
	reservation, ok := l.ReserveUnused(thing)
	if !ok {
		t.Fatal("the thing is in use, and nobody uses it")
	}
	if _, ok := l.ReserveUnused(thing); ok {
		t.Error("two delete it at once")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Enter(ended, ledgerKey(thing)); !errors.Is(err, context.Canceled) {
		t.Errorf("a request whose time has ended: %v", err)
	}
	entered := make(chan error, 1)
	go func() { entered <- l.Enter(context.Background(), ledgerKey(thing)) }()
	reservation.Release()
	if err := <-entered; err != nil {
		t.Error(err)
	}
	if _, ok := l.ReserveUnused(thing); ok {
		t.Error("it can be deleted while a request uses it")
	}
	if run, reservation := l.Leave(ledgerKey(thing), true, nil); run != nil || reservation != nil {
		t.Error("a success rolls back")
	}
}

// TestADeletionThatContinuesInTheBackgroundIsReportedAtOnce reservations for whoever waits already, and for whoever comes then.
func TestADeletionThatContinuesInTheBackgroundIsReportedAtOnce(t *testing.T) {
	var l Ledger
	thing := &Cluster{Cluster: "x"}
	reservation, _ := l.ReserveUnused(thing)
	waits := make(chan error, 1)
	go func() { waits <- l.Enter(context.Background(), ledgerKey(thing)) }()
	reservation.Busy(common.Coded(common.CodeServiceBusy, "operation op-1 is working on %s", reservation.What()))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, err := range []error{l.Enter(ctx, ledgerKey(thing)), <-waits} {
		if !common.Is(err, common.Conflict) || common.ResponseCode(err) != common.CodeServiceBusy {
			t.Errorf("got %v, want %s", err, common.CodeServiceBusy)
		}
	}
	reservation.Release()
	if err := l.Enter(ctx, ledgerKey(thing)); err != nil {
		t.Errorf("after it has ended: %v", err)
	}
}
