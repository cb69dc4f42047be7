package orchestration

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
	"ecs-api/orchestration/saga"
)

// TestARollbackContinuesWithWhatIsLeft breaks each call of the rollback of a create for a while, longer than the response waits for.
func TestARollbackContinuesWithWhatIsLeft(t *testing.T) {
	for _, broken := range []string{
		"ecs DeleteCluster", "ecs DeleteTaskDefinitions", "ecs DeregisterTaskDefinition", "iam DeleteRole", "iam DeleteRolePolicy", "logs DeleteLogGroup",
		"secretsmanager DeleteSecret", "servicediscovery DeleteService",
	} {
		t.Run(broken, func(t *testing.T) {
			t.Parallel()
			service, operation, _ := strings.Cut(broken, " ")
			aws := localaws.New()
			aws.Inject(localaws.Fault{Service: "ecs", Operation: "CreateService", Code: "InvalidParameterException", Message: "no"},
				localaws.Fault{Service: service, Operation: operation, Effect: localaws.Down, Times: 2 * (awstest.HurriedRetry.Failed + 1)})
			w := newWorld(t, aws)
			_, err := w.Create(t.Context(), wholeService(t, "myclu", "www"))
			if err == nil || !strings.Contains(err.Error(), "rolled back in the background") {
				t.Fatalf("got %v", err)
			}
			asked := aws.Calls()
			w.wait()
			ops := w.group.Operations(t.Context(), "local")
			if len(ops) != 1 || ops[0].State != saga.Succeeded {
				t.Errorf("operations %+v", ops)
			}
			if diff := cmp.Diff([]string{}, inventory(aws)); diff != "" {
				t.Errorf("left: %s", diff)
			}
			for _, call := range aws.Calls()[len(asked):] {
				if !slices.Contains([]string{service, "sts"}, call.Service) {
					t.Errorf("%s %s was called again, though it was not what failed", call.Service, call.Operation)
				}
			}
			if _, err := w.Create(t.Context(), wholeService(t, "myclu", "www")); err != nil {
				t.Errorf("the same request: %v", err)
			}
		})
	}
}

func TestWhatIsGoneAlreadyIsRolledBack(t *testing.T) {
	t.Parallel()
	aws := localaws.New()
	w := newWorld(t, aws)
	const revision = "www-task:1"
	aws.Inject(localaws.Fault{Service: "ecs", Operation: "CreateService", Code: "InvalidParameterException", Message: "no", Func: func() {
		if err := deleteRevision(t.Context(), w, revision); err != nil {
			t.Error(err)
		}
	}})
	_, err := w.Create(t.Context(), wholeService(t, "myclu", "www"))
	if err == nil || strings.Contains(err.Error(), "leftover: ") {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff([]string{}, inventory(aws)); diff != "" {
		t.Errorf("left: %s", diff)
	}
}
