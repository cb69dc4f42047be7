package localaws

import (
	"strings"
	"testing"

	"ecs-api/common"
)

// The client holds itself to the same numbers. Both tables are written by hand from what AWS publishes: a slip in one shows here.
func TestTheClientsBucketsAreAWSs(t *testing.T) {
	t.Parallel()
	names := map[string]string{} // the client's, by ours
	for call, bucket := range rates {
		service, operation, _ := strings.Cut(call, " ")
		name, limit := common.LimitOf(service, operation)
		if other, ok := names[bucket.name]; ok && other != name {
			t.Errorf("%s is in bucket %q, the others of its bucket are in %s", call, name, other)
		}
		names[bucket.name] = name
		if limit.PerSecond != bucket.perSecond {
			t.Errorf("%s: %v a second, want %v", call, limit.PerSecond, bucket.perSecond)
		}
		if service == "ecs" && float64(limit.Burst) >= bucket.burst { // the others' bursts are not published
			t.Errorf("%s: a burst of %d leaves nothing for calls that arrive together: AWS's is %v", call, limit.Burst, bucket.burst)
		}
	}
	back := map[string]string{}
	for ours, name := range names {
		if back[name] != "" {
			t.Errorf("the client has one bucket %s for %s and %s", name, back[name], ours)
		}
		back[name] = ours
	}
	if len(back) != len(common.Buckets()) {
		t.Errorf("%d of the client's %d buckets are known here", len(back), len(common.Buckets()))
	}
}
