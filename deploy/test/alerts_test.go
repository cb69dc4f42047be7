package test

import (
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
)

// rules returns the alert rules by name, checked as promtool does.
func rules(t *testing.T) map[string]rulefmt.Rule {
	t.Helper()
	data, err := os.ReadFile("../prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	groups, errs := rulefmt.Parse(data, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	for _, err := range errs {
		t.Error(err)
	}
	if t.Failed() {
		t.FailNow()
	}
	all := map[string]rulefmt.Rule{}
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			all[r.Alert] = r
		}
	}
	return all
}

func TestAlertsSayWhatToDo(t *testing.T) {
	series := exported(t)
	guide, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range rules(t) {
		anchor := strings.ToLower(name)
		if want := "http://127.0.0.1:8080/v1/ecs/docs/operations.html#" + anchor; r.Annotations["runbook_url"] != want || !strings.Contains(string(guide), `<a id="`+anchor+`"></a>`) {
			t.Errorf("%s has the runbook_url %q, want %s, and a line of that anchor in the guide", name, r.Annotations["runbook_url"], want)
		}
		checkQuery(t, series, r.Expr)
		if s := r.Labels["severity"]; s != "critical" && s != "warning" {
			t.Errorf("%s has severity %q", name, s)
		}
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%s does not say what is wrong and what to do", name)
		}
	}
}

func TestAlertsFireWhenTheyShould(t *testing.T) {
	const requests = `ecs_api_http_request_duration_seconds_count{job="ecs-api",method="GET",route="r",status="200"} 0+600x90` + "\n"
	call := func(result string) string {
		return `ecs_api_aws_call_duration_seconds_count{account="a",service="ecs",operation="RunTask",result="` + result + `"} 0+60x90`
	}
	histogram := func(name, labels, fast, slow string) string {
		return name + `_bucket{` + labels + `,le="0.1"} ` + fast + "\n" + name + `_bucket{` + labels + `,le="10"} ` + slow + "\n" + name + `_bucket{` + labels + `,le="+Inf"} ` + slow
	}
	tests := map[string]struct{ bad, good string }{
		"EcsApiDown": {`up{job="ecs-api"} 0x90`, `up{job="ecs-api",instance="1"} 0x90` + "\n" + `up{job="ecs-api",instance="2"} 1x90`},
		"EcsApiErrors": {requests + `ecs_api_http_request_duration_seconds_count{status="500"} 0+60x90`, requests + `ecs_api_http_request_duration_seconds_count{status="500"} 0+6x90` + "\n" +
			`ecs_api_http_request_duration_seconds_count{method="HEAD",route="/v1/ecs/images",status="500"} 0+600x90`},
		"EcsApiSlowReads": {histogram("ecs_api_http_request_duration_seconds", `method="GET"`, "0+1x90", "0+10x90"),
			histogram("ecs_api_http_request_duration_seconds", `method="GET"`, "0+10x90", "0+10x90") + "\n" +
				histogram("ecs_api_http_request_duration_seconds", `method="GET",route="/v1/ecs/images"`, "0+1x90", "0+90x90")},
		"EcsApiRefusedByAWS":   {call("AccessDeniedException"), call("ClusterNotFoundException")},
		"EcsApiThrottledByAWS": {call("ThrottlingException"), call("OK")},
		"EcsApiAWSUnreachable": {call("RequestError"), call("InvalidParameterException")},
		"EcsApiLimiterBusy": {histogram("ecs_api_aws_limiter_wait_seconds", `account="a",bucket="b"`, "0+1x90", "0+10x90"),
			histogram("ecs_api_aws_limiter_wait_seconds", `account="a",bucket="b"`, "0+10x90", "0+10x90")},
		"EcsApiBackgroundWorkFailed": {`ecs_api_operation_duration_seconds_count{account="a",kind="k",state="failed"} 0x80 1x10`,
			`ecs_api_operation_duration_seconds_count{account="a",kind="k",state="succeeded"} 0x80 1x10`},
		"EcsApiBackgroundWorkStuck": {`ecs_api_operations_running{account="a",kind="k"} 1x90`, `ecs_api_operations_running{account="a",kind="k"} 1x80 0x10` + "\n" + `ecs_api_operations_running{account="a",kind="run task"} 1x90`},
		"EcsApiJobsWait":            {`ecs_api_queue_jobs{account="a",state="waiting"} 3x90`, `ecs_api_queue_jobs{account="a",state="waiting"} 3x80 0x10` + "\n" + `ecs_api_queue_jobs{account="a",state="running"} 3x90`},
		"EcsApiDeploymentsFail": {`ecs_api_deployment_outcomes_total{account="a",outcome="rolled_back"} 0+1x90`, `ecs_api_deployment_outcomes_total{account="a",outcome="succeeded"} 0+1x90` + "\n" +
			`ecs_api_deployment_outcomes_total{account="a",outcome="failed"} 0x80 2x10`},
		"EcsApiStateDown":     {`ecs_api_state_up{job="ecs-api",instance="1"} 1x90` + "\n" + `ecs_api_state_up{job="ecs-api",instance="2"} 1x80 0x10`, `ecs_api_state_up{job="ecs-api",instance="1"} 1x90`},
		"EcsApiStateSlow":     {`ecs_api_state_slow_requests_total{job="ecs-api",instance="1"} 0+3x90`, `ecs_api_state_slow_requests_total{job="ecs-api",instance="1"} 0+1x90`},
		"EcsApiTokensRefused": {`ecs_api_http_request_duration_seconds_count{status="403"} 0+120x90`, `ecs_api_http_request_duration_seconds_count{status="403"} 0+6x90`},
		"EcsApiOutOfFiles": {"process_open_fds{job=\"ecs-api\"} 900x90\nprocess_max_fds{job=\"ecs-api\"} 1000x90",
			"process_open_fds{job=\"ecs-api\"} 90x90\nprocess_max_fds{job=\"ecs-api\"} 1000x90"},
	}
	all := rules(t)
	for name := range tests {
		if _, ok := all[name]; !ok {
			t.Errorf("there is no alert %s", name)
		}
	}
	engine := promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery)
	for name, r := range all {
		tt, ok := tests[name]
		if !ok {
			t.Errorf("nothing tests %s", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			if n := found(t, engine, tt.bad, r.Expr); n == 0 {
				t.Error("it does not fire")
			}
			if n := found(t, engine, tt.good, r.Expr); n > 0 {
				t.Error("it fires though all is well")
			}
		})
	}
}

// found returns how many series a query finds, 90 minutes after the given ones began, a sample a minute.
func found(t *testing.T, engine *promql.Engine, series, query string) int {
	t.Helper()
	storage := promqltest.LoadedStorage(t, "load 1m\n"+"  "+strings.ReplaceAll(series, "\n", "\n  ")+"\n")
	q, err := engine.NewInstantQuery(t.Context(), storage, nil, query, time.Unix(0, 0).Add(90*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	result := q.Exec(t.Context())
	vector, err := result.Vector()
	if err != nil {
		t.Fatal(err)
	}
	return len(vector)
}
