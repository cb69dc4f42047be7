package api

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"ecs-api/common"
	"ecs-api/localaws"
)

// BenchmarkRounds reports how many calls to AWS a request makes, and how many of them one after another: the time that it takes over
// the time that a call takes. Waiting for AWS's rates is not counted.
func BenchmarkRounds(b *testing.B) {
	const latency = 20 * time.Millisecond
	parameters := func(n int) func(*harness, testing.TB) {
		return func(h *harness, t testing.TB) {
			times(n, func(i int) { h.addParameter(t, fmt.Sprintf("/localdev/p/%04d", i), tagsOurs) })
		}
	}
	elsewhere := func(seed func(*harness, testing.TB)) func(*harness, testing.TB) {
		return func(h *harness, t testing.TB) {
			seed(h, t)
			times(4975, func(i int) { h.addParameter(t, fmt.Sprintf("/other/%04d", i), tagsNone) })
		}
	}
	secrets := func(n, ours int, rest common.Tags) func(*harness, testing.TB) {
		return func(h *harness, t testing.TB) {
			times(ours, func(i int) { h.addSecret(t, fmt.Sprintf("ours/%04d", i), tagsOurs) })
			times(n-ours, func(i int) { h.addSecret(t, fmt.Sprintf("rest/%04d", i), rest) })
		}
	}
	balancers := func(n int) func(*harness, testing.TB) {
		return func(h *harness, t testing.TB) {
			lbs := h.loadBalancers(t)
			for i := range n {
				h.addLoadBalancer(t, lbs, fmt.Sprintf("lb%02d", i), "clu", fmt.Sprintf("a%02d", i), fmt.Sprintf("b%02d", i))
			}
		}
	}
	service := func(h *harness, t testing.TB) { h.do(t, "POST", base+"/local/services", createFrom("app:1")) }
	rolledBack := func(h *harness, t testing.TB) {
		service(h, t)
		h.do(t, "PUT", base+"/local/clusters/myclu/services/www", `{"taskdefinition":{"family":"web","cpu":"256","memory":"512","containerdefinitions":[{"name":"web","image":"app:exit-3"}]}}`)
	}
	for _, bench := range []struct {
		name                 string
		seed                 func(*harness, testing.TB)
		method, target, body string
	}{
		{"status of a service", service, "GET", "/clusters/myclu/services/www/status", ""},
		{"status of a service that was rolled back", rolledBack, "GET", "/clusters/myclu/services/www/status", ""},
		{"deployments of a service", rolledBack, "GET", "/clusters/myclu/services/www/deployments", ""},
		{"revisions of a service", rolledBack, "GET", "/clusters/myclu/services/www/revisions", ""},
		{"logs of a service", service, "GET", "/clusters/myclu/services/www/logs", ""},
		{"services of an account with one", service, "GET", "/services", ""},
		{"new parameter", parameters(0), "POST", "/params/p", `{"Name":"x","Value":"x"}`},
		{"show a parameter", parameters(25), "GET", "/params/p/0001", ""},
		{"change a parameter's value and tags", parameters(1), "PUT", "/params/p/0000", `{"Value":"x","Tags":[{"key":"k","value":"v"}]}`},
		{"delete a parameter", parameters(1), "DELETE", "/params/p/0000", ""},
		{"list 25 parameters", parameters(25), "GET", "/params/p", ""},
		{"show one of 5000 parameters", elsewhere(parameters(25)), "GET", "/params/p/0001", ""},
		{"list 25 of 5000 parameters", elsewhere(parameters(25)), "GET", "/params/p", ""},
		{"list 1000 parameters", parameters(1000), "GET", "/params/p", ""},
		{"delete 25 parameters", parameters(25), "DELETE", "/params/p", ""},
		{"delete 1000 parameters", parameters(1000), "DELETE", "/params/p", ""},
		{"new secret", secrets(0, 0, nil), "POST", "/secrets", `{"Name":"x","SecretString":"x"}`},
		{"show a secret", secrets(1, 1, nil), "GET", "/secrets/ours%2F0000", ""},
		{"change a secret's value and tags", secrets(1, 1, nil), "PUT", "/secrets/ours%2F0000", `{"Secret":"x","Tags":[{"key":"k","value":"v"}]}`},
		{"delete a secret", secrets(1, 1, nil), "DELETE", "/secrets/ours%2F0000", ""},
		{"list 20 of 5000 secrets", secrets(5000, 20, nil), "GET", "/secrets", ""},
		{"list 20 of 5000 secrets, the others of an org of which ours begins the name", secrets(5000, 20, tagsOthers), "GET", "/secrets", ""},
		{"target groups of 20 load balancers", balancers(20), "GET", "/lbs?space=clu", ""},
		{"show a load balancer", balancers(1), "GET", "/lbs/clu", ""},
		{"show 20 load balancers", balancers(20), "GET", "/lbs/clu", ""},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var calls int
			var took time.Duration
			for b.Loop() {
				b.StopTimer()
				h := newHastyHarness(b, localaws.New(localaws.Latency(latency)))
				bench.seed(h, b)
				h.aws.ResetCalls()
				b.StartTimer()
				start := time.Now()
				resp, body := h.do(b, bench.method, base+"/local"+bench.target, bench.body)
				took += time.Since(start)
				if resp.StatusCode != http.StatusOK {
					b.Fatalf("got %d %s", resp.StatusCode, body)
				}
				calls += len(h.aws.Calls())
			}
			b.ReportMetric(float64(calls)/float64(b.N), "awscalls/op")
			b.ReportMetric(float64(took)/float64(latency)/float64(b.N), "rounds/op")
		})
	}
}

// times calls do for 0 to n-1, many at once.
func times(n int, do func(i int)) {
	var group errgroup.Group
	group.SetLimit(100)
	for i := range n {
		group.Go(func() error {
			do(i)
			return nil
		})
	}
	_ = group.Wait() // do fails the test itself
}
