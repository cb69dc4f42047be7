package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"ecs-api/localaws"
)

func TestLocalLatencyDelaysEachCall(t *testing.T) {
	t.Parallel()
	const latency = 20 * time.Millisecond
	cloud, err := startLocalCloud(t.Context(), latency, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.stop)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, cloud.endpoint, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDLOCAL/20261126/us-east-1/ecs/aws4_request")
	req.Header.Set("X-Amz-Target", "AmazonEC2ContainerServiceV20141113.ListClusters")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	calls := cloud.server.Handler.(*localaws.AWS).Calls()
	if resp.StatusCode != http.StatusOK || len(calls) != 1 || calls[0].End.Sub(calls[0].Start) < latency {
		t.Errorf("status %d, calls %v; want one that took %v", resp.StatusCode, calls, latency)
	}
}

func TestTheSimulatorsLagsFollowThePace(t *testing.T) {
	t.Parallel()
	for pace, want := range map[time.Duration]localaws.Lags{
		0: {Retry: time.Millisecond}, // zero would stand for ECS's own 30 s
		3 * time.Second: {
			Provision: 3 * time.Second, Drain: 3 * time.Second, Check: 3 * time.Second, Register: time.Second,
			Retry: time.Second, Stage: time.Second, BakeMinute: time.Second,
		},
	} {
		if got := localLags(pace); got != want {
			t.Errorf("pace %v: %+v, want %+v", pace, got, want)
		}
	}
}
