package awstest

import (
	"testing"
	"time"

	"ecs-api/common"
	"ecs-api/localaws"
)

// Hurried makes waits so short that tests need none, and HurriedRetry the SDK's.
var (
	Hurried      = common.Backoff{First: time.Millisecond, Most: 5 * time.Millisecond, Budget: 0.02}
	HurriedRetry = common.RetryPolicy{Throttled: 5, ThrottledWait: time.Millisecond, Failed: 3, FailedWait: time.Millisecond}
)

// Direct returns a session for a simulated AWS, without a network between them, which retries as HurriedRetry says and knows no limits.
func Direct(t testing.TB, simulator *localaws.AWS) *common.Session {
	t.Helper()
	sess, err := common.NewSession(common.Access{
		Region: "us-east-1", AccessKeyID: "AKIDLOCAL", SecretKey: "secret", Endpoint: "http://localaws", Transport: simulator.Transport(),
		Retry: HurriedRetry, Limits: common.NoLimits(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return sess
}
