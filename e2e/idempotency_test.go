package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ecs-api/localaws"
)

// created is what a create says of what it created.
type created struct {
	Service struct {
		ServiceArn     string
		TaskDefinition string
	}
	TaskDefinition struct{ TaskDefinitionArn string }
	Deployment     struct{ ID string }
}

// createdBy returns what the response of a create says, and fails the test where it lacks something.
func createdBy(t *testing.T, when, body string) created {
	t.Helper()
	var out created
	if err := json.Unmarshal([]byte(body), &out); err != nil || out.Service.ServiceArn == "" || out.Deployment.ID == "" ||
		out.TaskDefinition.TaskDefinitionArn == "" || out.TaskDefinition.TaskDefinitionArn != out.Service.TaskDefinition {
		t.Fatalf("%s: %v in %s", when, err, body)
	}
	return out
}

// count returns how many things there are whose line begins so.
func count(sim *localaws.AWS, kind string) (n int) {
	for _, line := range sim.Inventory() {
		if strings.HasPrefix(line, kind) {
			n++
		}
	}
	return n
}

// TestKilledInEachCallOfACreateWithAKey kills the program in each AWS call of a create with an Idempotency-Key, and starts it again: the same request with the same key is 200 with its service, however far the first one came, and there is one service.
func TestKilledInEachCallOfACreateWithAKey(t *testing.T) {
	if backEndName() != "localaws" {
		t.Skip("plays faults that only localaws can; it runs without " + endpointVariable)
	}
	t.Parallel()
	for when, after := range crashTimes() {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			var replayed atomic.Int64
			eachCall(t, 15, func(t *testing.T, m *mortal, n int) bool {
				key := fmt.Sprintf("Idempotency-Key: 5f0e2c1a-7b1d-4a6f-9d55-8f4b0a3c2e%02d", n) // this life knows the one before
				m.sim.ResetCalls()
				dead := killAt(m.sim, n, after, m.server)
				status, body, _ := m.ask(t, http.MethodPost, "/local/services", crashService, key)
				m.revive(t)
				_, again, header := m.ask(t, http.MethodPost, "/local/services", crashService, key)
				got := createdBy(t, "repeated", again)
				if header.Get("Idempotent-Replayed") == "true" {
					replayed.Add(1)
				}
				if status == http.StatusOK {
					if first := createdBy(t, "the first", body); first != got {
						t.Errorf("the first was %+v, the repetition is %+v", first, got)
					}
				}
				if services, revisions := count(m.sim, "ecs:service "), count(m.sim, "ecs:task-definition "); services != 1 || revisions != 1 {
					t.Errorf("killed in call %d, and repeated: %v", n, m.sim.Inventory())
				}
				status, _, _ = m.ask(t, http.MethodPost, "/local/services", strings.Replace(crashService, "alpine", "latest", 1), key)
				if status != http.StatusUnprocessableEntity {
					t.Errorf("killed in call %d: another body with the key is %d", n, status)
				}
				if !dead.Load() {
					return false
				}
				_, _, header = m.ask(t, http.MethodDelete, crashPath+"?recursive=true", "")
				m.settled(t, header)
				m.empties(t, fmt.Sprintf("killed in call %d", n))
				return true
			})
			if replayed.Load() == 0 {
				t.Error("no repetition found its service")
			}
		})
	}
}

// TestManyCreatesWithOneKey sends a create 64 times at once: to one server, and to two servers that know nothing of each other.
func TestManyCreatesWithOneKey(t *testing.T) {
	if backEndName() != "localaws" {
		t.Skip("needs a service that cannot be created twice, which moto's can; it runs without " + endpointVariable)
	}
	t.Parallel()
	for name, servers := range map[string]int{"one server": 1, "two servers": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim := localaws.New(localaws.WithLags(crashLags))
			endpoint := httptest.NewServer(sim)
			defer endpoint.Close()
			var all []*server
			for range servers {
				s := launch(t, endpoint.URL)
				defer func() { _ = s.stop(t, syscall.SIGKILL) }()
				all = append(all, s)
			}
			const requests = 64
			arns := make([]string, requests)
			var wg sync.WaitGroup
			for i := range requests {
				wg.Go(func() {
					for ; ; time.Sleep(pause) { // as a client does: again, while the first one runs
						status, body, header := all[i%servers].ask(t, http.MethodPost, "/local/services", crashService, "Idempotency-Key: one")
						switch {
						case status == http.StatusOK:
							arns[i] = createdBy(t, "created", body).Service.ServiceArn
							return
						case status != http.StatusConflict || header.Get("Retry-After") == "":
							t.Errorf("%d %s", status, body)
							return
						}
					}
				})
			}
			wg.Wait()
			slices.Sort(arns)
			if made := slices.Compact(arns); len(made) != 1 || made[0] == "" {
				t.Errorf("the services %v", made)
			}
			var creates int
			for _, call := range sim.Calls() {
				if call.Operation == "CreateService" && call.Service == "ecs" && call.Code == "" {
					creates++
				}
			}
			if creates != 1 || count(sim, "ecs:service ") != 1 {
				t.Errorf("%d services were created: %v", creates, sim.Inventory())
			}
		})
	}
}
