package transaction

import (
	"strings"
	"testing"

	"ecs-api/common"
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
