// Package awstest is what tests share that use the simulated AWS: a session over the real wire protocols, what they read of it, and the loop that breaks each
// call in turn.
package awstest

import (
	"net/http/httptest"
	"testing"
	"time"

	"ecs-api/common"
	"ecs-api/localaws"
)

// Session starts a simulated AWS and returns it with a session for it, which tries again at once and knows no limits. It ends with the test.
func Session(t testing.TB, opts ...localaws.Option) (*common.Session, *localaws.AWS) {
	t.Helper()
	simulator := localaws.New(opts...)
	server := httptest.NewServer(simulator)
	t.Cleanup(server.Close)
	sess, err := common.NewSession(common.Access{
		Region: "us-east-1", AccessKeyID: "AKIDLOCAL", SecretKey: "secret", Endpoint: server.URL, Limits: common.NoLimits(),
		Retry: common.RetryPolicy{Throttled: 2, ThrottledWait: time.Millisecond, Failed: 2, FailedWait: time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	return sess, simulator
}

// Calls returns how often each operation was called since the last ResetCalls.
func Calls(simulator *localaws.AWS) map[string]int {
	count := map[string]int{}
	for _, call := range simulator.Calls() {
		count[call.Operation]++
	}
	return count
}

// Must returns a function that hands on the result of a call, and ends the test if the call failed.
func Must[T any](t testing.TB, what string) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		return v
	}
}
