package respond

import (
	"testing"

	"ecs-api/common"
)

func TestEveryKindHasAStatusAndEveryStatusAKind(t *testing.T) {
	for _, kind := range common.Kinds() {
		if statuses[kind] == 0 {
			t.Errorf("%v has no status", kind)
		}
	}
	if len(common.Kinds()) != len(statuses) {
		t.Errorf("%d kinds, but %d statuses", len(common.Kinds()), len(statuses))
	}
}
