package respond

import (
	"testing"

	"ecs-api/common"
	_ "ecs-api/racetest" // for what it does to a process of tests
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
