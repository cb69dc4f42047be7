package spec

import (
	"strings"
	"testing"
)

func TestOnlyASizeThatIsCertainlyWrongIsRefused(t *testing.T) {
	for _, test := range []struct{ cpu, memory, says string }{
		{"256", "512", ""},
		{"0.25 vCPU", "0.5 GB", ""},
		{"8192", "20480", ""},
		{"32768", "122880", ""}, // 32 vCPU, since 2026
		{"65536", "524288", ""},
		{"16384", "249856", ""}, // more memory than was offered with 16 vCPU
		{"768", "1536", ""},
		{"", "512", "is required with memory"},
		{"lots", "512", "is required with memory"},
		{"256", "", "needs memory beside it"},
		{"256", "1536", "does not go with memory"},
		{"512", "512", "does not go with memory"},
		{"8192", "18432", "does not go with memory"},
	} {
		if got := fargateSize(test.cpu, test.memory); (got == "") != (test.says == "") || !strings.Contains(got, test.says) {
			t.Errorf("%s with %s: %q, want %q", test.cpu, test.memory, got, test.says)
		}
	}
}
