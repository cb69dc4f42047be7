package resource

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"ecs-api/common"
)

// TestMayBeRolledBack holds for as long as the request that created something may work, and roll back in the background.
func TestMayBeRolledBack(t *testing.T) {
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	created := time.Unix(id.Time().UnixTime())
	tags := common.Tags{{Key: common.TagRequest, Value: OwnerPrefix("www") + id.String()}}
	for after, want := range map[time.Duration]bool{
		0: true,
		RequestTime + RollbackTime + BackgroundRollbackTime: true,
		time.Hour: false,
	} {
		if got := MayBeRolledBack(tags, created.Add(after)); got != want {
			t.Errorf("after %s: %t, want %t", after, got, want)
		}
	}
	if !MayBeRolledBack(nil, created.Add(time.Hour)) {
		t.Error("without an ownership tag nothing says when it was created")
	}
}
