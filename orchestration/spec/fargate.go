package spec

import (
	"strconv"
	"strings"

	"ecs-api/common"
)

// A size is what memory Fargate offers with some CPU units: from least to most MiB, in steps.
type size struct{ least, most, step int }

// sizes by CPU units (1024 are one vCPU). AWS adds larger ones from time to time (32 vCPU came in 2026), so that a size that is not among these is
// AWS's to judge: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html
var sizes = map[int]size{
	256:   {512, 2048, 512}, // not 1536
	512:   {1024, 4096, 1024},
	1024:  {2048, 8192, 1024},
	2048:  {4096, 16384, 1024},
	4096:  {8192, 30720, 1024},
	8192:  {16384, 61440, 4096},
	16384: {32768, 122880, 8192},
}

// WrongSize returns what is certainly wrong with a task's CPU and memory on Fargate, as the fields cpu and memory; nothing if they fit, or may be newer than
// the table.
func WrongSize(cpu, memory string) common.Problems {
	var p common.Problems
	units, okCPU := quantity(cpu, "vcpu")
	if !okCPU {
		p.Add(fieldCPU, "%s", required(cpu, `CPU units such as "256", or "0.25 vCPU"`))
	}
	mib, okMemory := quantity(memory, "gb")
	if !okMemory {
		p.Add(fieldMemory, "%s", required(memory, `MiB such as "512", or "0.5 GB"`))
	}
	s, ok := sizes[units]
	if !okCPU || !okMemory || !ok || mib > s.most {
		return p // perhaps newer than the table: AWS decides
	}
	if mib < s.least || (mib-s.least)%s.step != 0 || units == 256 && mib == 1536 {
		p.Add(fieldCPU, "is %q, which does not go with memory %q: Fargate offers %d to %d MiB with it, in steps of %d", cpu, memory, s.least, s.most, s.step)
	}
	return p
}

// The fields of a size.
const fieldCPU, fieldMemory = "cpu", "memory"

// required says of what form a value must be that is missing, or of none.
func required(value, form string) string {
	if strings.TrimSpace(value) == "" {
		return "is required: " + form
	}
	return "must be " + form
}

// quantity reads an amount as ECS does: a whole number, or a decimal number of a unit that is 1024 times as large ("0.5 GB").
func quantity(s, unit string) (int, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	if number, ok := strings.CutSuffix(s, unit); ok {
		f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		return int(f * 1024), err == nil && f > 0 && f < 1e6
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n > 0
}
