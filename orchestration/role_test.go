package orchestration

import "testing"

func TestARoleThatIsTooNewToHaveAnARN(t *testing.T) {
	for shown, want := range map[string]string{
		"arn:aws:iam::123456789012:role/path/myclu-ecsTaskExecution": "arn:aws:iam::123456789012:role/path/myclu-ecsTaskExecution",
		"AROAEXAMPLEEXAMPLEEXA": "arn:aws:iam::123456789012:role/myclu-ecsTaskExecution",
	} {
		c := &work{cluster: "myclu", identity: identity{"aws", "123456789012"}, roleARN: shown}
		if got := c.executionRoleARN(); got != want {
			t.Errorf("IAM shows %s: got %s, want %s", shown, got, want)
		}
	}
}
