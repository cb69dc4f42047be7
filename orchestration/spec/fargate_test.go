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
		{"", "512", `cpu is required: CPU units such as "256", or "0.25 vCPU"`},
		{"lots", "512", `cpu must be CPU units such as "256"`},
		{"256", "", `memory is required: MiB such as "512", or "0.5 GB"`},
		{"256", "512MB", `memory must be MiB such as "512", or "0.5 GB"`},
		{"", "", `cpu is required: CPU units such as "256", or "0.25 vCPU"; memory is required`},
		{"256", "1536", "does not go with memory"},
		{"512", "512", "does not go with memory"},
		{"8192", "18432", "does not go with memory"},
	} {
		got := ""
		if err := WrongSize(test.cpu, test.memory).Err(); err != nil {
			got = err.Error()
		}
		if (got == "") != (test.says == "") || !strings.Contains(got, test.says) {
			t.Errorf("%s with %s: %q, want %q", test.cpu, test.memory, got, test.says)
		}
	}
}
