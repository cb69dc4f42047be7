package api

import (
	"os"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"ecs-api/localaws"
	"ecs-api/orchestration/oneoff"
	"ecs-api/orchestration/teardown"
	"ecs-api/orchestration/transaction"
)

// TestTheGuideHasEveryKindOfOperation: callers tell operations apart by their kind.
func TestTheGuideHasEveryKindOfOperation(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../docs/callers.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(guide), "### Kinds of operations\n")
	section, _, _ = strings.Cut(section, "\n#")
	if !ok {
		t.Fatal("there is no such section")
	}
	kinds := map[string]bool{
		teardown.KindDelete: true, teardown.KindDeleteParams: true, teardown.KindDeleteTaskDefinition: true, teardown.KindRetire: true,
		transaction.KindRollback: true, oneoff.KindRun: true,
	}
	err = newHarness(t, localaws.New()).router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		if e, ok := route.GetHandler().(*endpoint); ok && e.kind != "" {
			kinds[e.kind] = true
		}
		return nil
	})
	if err != nil || len(kinds) < 15 {
		t.Fatalf("%v: %v", err, kinds)
	}
	for kind := range kinds {
		if !strings.Contains(section, "`"+kind+"`") {
			t.Errorf("the section lacks %s", kind)
		}
	}
}
