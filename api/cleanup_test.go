package api

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/config"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
	"ecs-api/orchestration/saga"
	"ecs-api/racetest"
)

// newInProcessHarness is newHarness without a network, for tests whose time is not real; o's config is its own.
func newInProcessHarness(t testing.TB, aws *localaws.AWS, o Options) *harness {
	t.Helper()
	o.Config = config.Local([]string{localaws.SubnetA, localaws.SubnetB}, []string{localaws.SecurityGroup})
	o.Config.Token = testToken
	o.AWS = aws.Transport()
	return newHarnessOf(t, aws, o)
}

// A clean-up of 210 revisions, which takes over three minutes at AWS's rate, runs beside a web UI that shows 50 services. A sample of it is 70 of them.
func TestABigCleanUpThrottlesNobodysReads(t *testing.T) {
	t.Parallel()
	if racetest.Plainly(t) {
		return
	}
	synctest.Test(t, func(t *testing.T) {
		const services, period = 50, 10 * time.Second
		revisions := 210 / racetest.Stride(3)
		cloud := localaws.New(localaws.RateLimits(), localaws.Latency(20*time.Millisecond))
		h := newInProcessHarness(t, cloud, Options{})
		for i := range services {
			body := strings.NewReplacer("myclu", "busy", `"www"`, fmt.Sprintf(`"www-%d"`, i)).Replace(`{
				"cluster": {"clustername": "myclu"}, "service": {"servicename": "www", "taskdefinition": "web", "desiredcount": 1}}`)
			if i == 0 {
				body = strings.Replace(body, `"taskdefinition": "web",`, "", 1)
				body = strings.Replace(body, `"service"`, `"taskdefinition": {"family": "web", "cpu": "256", "memory": "512",
					"containerdefinitions": [{"name": "web", "image": "nginx"}]}, "service"`, 1)
			}
			if resp, text := h.do(t, http.MethodPost, "/v1/ecs/local/services", body); resp.StatusCode != http.StatusOK {
				t.Fatalf("create %d: %d %s", i, resp.StatusCode, text)
			}
		}
		old := `{"cluster": {"clustername": "old"}, "service": {"servicename": "www"}, "taskdefinition": {"family": "old", "cpu": "256", "memory": "512",
			"containerdefinitions": [{"name": "web", "image": "nginx"}]}}`
		if resp, text := h.do(t, http.MethodPost, "/v1/ecs/local/services", old); resp.StatusCode != http.StatusOK {
			t.Fatalf("create: %d %s", resp.StatusCode, text)
		}
		register(t, cloud, "old", revisions-1)
		time.Sleep(5 * time.Minute) // AWS's buckets and ours are full again
		cloud.ResetCalls()

		stop := make(chan struct{})
		var ui sync.WaitGroup
		polls := make([]int, services)
		for i := range services {
			ui.Go(func() {
				time.Sleep(time.Duration(i) * period / services)
				for {
					for _, query := range []string{"", "?all=true"} {
						target := fmt.Sprintf("/v1/ecs/local/clusters/busy/services/www-%d%s", i, query)
						start := time.Now()
						if resp, text := h.do(t, http.MethodGet, target, ""); resp.StatusCode != http.StatusOK {
							t.Errorf("%s returned %d %s", target, resp.StatusCode, text)
						}
						if took := time.Since(start); took > time.Second {
							t.Errorf("%s took %s", target, took)
						}
						polls[i]++
					}
					select {
					case <-stop:
						return
					case <-time.After(period):
					}
				}
			})
		}
		time.Sleep(period)
		start := time.Now()
		if resp, text := h.do(t, http.MethodDelete, "/v1/ecs/local/clusters/old/services/www?recursive=true", ""); resp.StatusCode != http.StatusOK {
			t.Fatalf("delete: %d %s", resp.StatusCode, text)
		}
		for h.fleet.Background.Operations(t.Context(), "local")[0].State == saga.Running {
			time.Sleep(time.Second)
		}
		took := time.Since(start)
		close(stop)
		ui.Wait()

		if op := h.fleet.Background.Operations(t.Context(), "local")[0]; op.State != saga.Succeeded {
			t.Errorf("the clean-up: %+v", op)
		}
		if left := strings.Join(cloud.Inventory(), "\n"); strings.Contains(left, "old:") {
			t.Errorf("left: %s", left)
		}
		if least := time.Duration(revisions-30) * time.Second; took < least || took > min(least+2*time.Minute, least*5/3+time.Minute) {
			t.Errorf("the clean-up of %d revisions took %s: it takes a second for each, some at first excepted", revisions, took)
		}
		calls := cloud.Calls()
		for _, call := range calls {
			if call.Code == "ThrottlingException" {
				t.Errorf("AWS throttled %s %s", call.Service, call.Operation)
			}
		}
		t.Logf("%s, %d polls of the first service, %d calls to AWS", took, polls[0], len(calls))
		h.Shutdown(t.Context())
	})
}

// register makes n more revisions of the family, as the org's, at the rate that AWS allows.
func register(t testing.TB, cloud *localaws.AWS, family string, n int) {
	t.Helper()
	sess, err := common.NewSession(common.Access{Region: "us-east-1", AccessKeyID: "AKIDLOCAL", SecretKey: "secret", Transport: cloud.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute)
	for range n {
		_, err := awsecs.New(sess).RegisterTaskDefinitionWithContext(t.Context(), &awsecs.RegisterTaskDefinitionInput{
			Family: aws.String(family), Cpu: aws.String("256"), Memory: aws.String("512"), NetworkMode: aws.String("awsvpc"),
			RequiresCompatibilities: aws.StringSlice([]string{"FARGATE"}),
			ContainerDefinitions:    []*awsecs.ContainerDefinition{{Name: aws.String("web"), Image: aws.String("nginx")}},
			Tags:                    []*awsecs.Tag{{Key: aws.String(common.TagOrg), Value: aws.String("localdev")}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
