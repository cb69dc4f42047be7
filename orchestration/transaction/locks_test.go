package transaction

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ecs-api/common"
	"ecs-api/orchestration/operations"
)

func TestALockIsOneRequests(t *testing.T) {
	var l Locks
	first, err := l.Lock(t.Context(), "c/s", "service s in cluster c", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Lock(t.Context(), "c/other", "service other in cluster c", ""); err != nil {
		t.Errorf("another service: %v", err)
	}
	if _, err := l.Lock(t.Context(), "c2/s", "service s in cluster c2", ""); err != nil {
		t.Errorf("another cluster: %v", err)
	}
	if _, err := l.Lock(t.Context(), "c/s", "service s in cluster c", ""); common.ResponseCode(err) != common.CodeServiceBusy {
		t.Errorf("the same service: %v", err)
	}
	first.Operation(t.Context(), "op-7")
	if _, err := l.Lock(t.Context(), "c/s", "service s in cluster c", ""); err == nil || !common.Is(err, common.Conflict) || !strings.Contains(err.Error(), "operations/op-7") {
		t.Errorf("the error does not name the operation: %v", err)
	}
	first.Release()
	second, err := l.Lock(t.Context(), "c/s", "service s in cluster c", "")
	if err != nil {
		t.Fatal(err)
	}
	first.Release() // released twice, it is not the other's that is lost
	if _, err := l.Lock(t.Context(), "c/s", "service s in cluster c", ""); err == nil {
		t.Error("a lock was released by whoever had it before")
	}
	second.Release()
	var none *Lock
	none.Operation(t.Context(), "x")
	none.Release()
}

// The queue may give a job to a server before the request that submitted it has released its lock.
func TestAJobWaitsForTheLockOfItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Manager
		job := operations.Job{Target: "c/s", Operation: "op-7"}
		request, err := m.locks.Lock(t.Context(), "c/s", "service s in cluster c", "op-7")
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		time.AfterFunc(time.Second, request.Release)
		lock, err := m.lockJob(t.Context(), job)
		if err != nil || time.Since(began) < time.Second {
			t.Fatalf("%v after %v", err, time.Since(began))
		}
		lock.Operation(t.Context(), "op-8")
		began = time.Now()
		if _, err := m.lockJob(t.Context(), job); holder(err) != "op-8" || time.Since(began) > 0 {
			t.Errorf("another operation's: %v after %v", err, time.Since(began))
		}
		lock.Operation(t.Context(), "op-7")
		if _, err := m.lockJob(t.Context(), job); holder(err) != "op-7" || time.Since(began) > 10*time.Second {
			t.Errorf("one that is not released: %v after %v", err, time.Since(began))
		}
	})
}
