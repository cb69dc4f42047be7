package orchestration

import (
	"fmt"
	"testing"
	"time"

	"ecs-api/common"
	"ecs-api/localaws"
	"ecs-api/orchestration/show"
)

// BenchmarkRounds reports for each operation how many calls to AWS it makes, and how many of them one after another: the time it takes
// over the delay of a call.
func BenchmarkRounds(b *testing.B) {
	const delay = 40 * time.Millisecond
	whole := func(b *testing.B, w *world) *CreateOutput { return w.create(b, wholeService(b, "myclu", "www")) }
	update := func(body string) func(*testing.B, *world, *CreateOutput) error {
		return func(b *testing.B, w *world, made *CreateOutput) error {
			_, err := w.Update(b.Context(), "myclu", "www", updateInput(b, body, made))
			return err
		}
	}
	for _, bench := range []struct {
		name  string
		setUp func(*testing.B, *world) *CreateOutput
		work  func(*testing.B, *world, *CreateOutput) error
	}{
		{"create, all new", func(*testing.B, *world) *CreateOutput { return nil }, func(b *testing.B, w *world, _ *CreateOutput) error {
			whole(b, w)
			return nil
		}},
		{"create in a space that is there", func(b *testing.B, w *world) *CreateOutput {
			return w.create(b, wholeService(b, "myclu", "api"))
		}, func(b *testing.B, w *world, _ *CreateOutput) error {
			whole(b, w)
			return nil
		}},
		{"dry run of a create", func(b *testing.B, w *world) *CreateOutput {
			return w.create(b, wholeService(b, "other", "api"))
		}, func(b *testing.B, w *world, _ *CreateOutput) error {
			_, err := w.PlanCreate(b.Context(), wholeService(b, "myclu", "www"))
			return err
		}},
		{"show", whole, func(b *testing.B, w *world, _ *CreateOutput) error {
			_, err := show.New(w.account).Show(b.Context(), "myclu", "www")
			return err
		}},
		{"show all", whole, func(b *testing.B, w *world, _ *CreateOutput) error {
			_, err := show.New(w.account).ShowAll(b.Context(), "myclu", "www", false)
			return err
		}},
		{"list", whole, func(b *testing.B, w *world, _ *CreateOutput) error {
			_, err := show.New(w.account).List(b.Context(), "myclu")
			return err
		}},
		{"list all of 500", manyServices(500), func(b *testing.B, w *world, _ *CreateOutput) error {
			_, err := show.New(w.account).ListAll(b.Context(), "many")
			return err
		}},
		{"update tags and redeploy", whole, update(updates["tags and redeploy"])},
		{"update the task definition", whole, update(updates["task definition"])},
		{"update everything", whole, update(updates["another family"])},
		{"recursive delete, until it responds", whole, func(b *testing.B, w *world, _ *CreateOutput) error {
			_, _, err := w.Delete(b.Context(), "myclu", "www", true)
			return err
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var took time.Duration
			calls := 0
			for b.Loop() {
				b.StopTimer()
				sim := localaws.New()
				w := newWorld(b, sim)
				w.account.Backoff = common.DefaultBackoff // a request that is fast beside its waits verifies nothing
				made := bench.setUp(b, w)
				sim.SetLatency(delay)
				sim.ResetCalls()
				b.StartTimer()
				start := time.Now()
				if err := bench.work(b, w, made); err != nil {
					b.Fatal(err)
				}
				took += time.Since(start)
				b.StopTimer()
				calls += len(sim.Calls())
				sim.SetLatency(0)
				w.wait()
				b.StartTimer()
			}
			b.ReportMetric(float64(took)/float64(b.N)/float64(delay), "rounds/op")
			b.ReportMetric(float64(calls)/float64(b.N), "awscalls/op")
		})
	}
}

// manyServices makes n services in the cluster "many".
func manyServices(n int) func(*testing.B, *world) *CreateOutput {
	return func(b *testing.B, w *world) *CreateOutput {
		for i := range n {
			in := wholeService(b, "many", fmt.Sprintf("s%03d", i))
			in.ServiceRegistry, in.Credentials = nil, nil
			w.create(b, in)
		}
		return nil
	}
}
