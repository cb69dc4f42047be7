package etag

import (
	"strings"
	"testing"

	"ecs-api/common"
	_ "ecs-api/racetest" // for what it does to a process of tests
)

func TestConditions(t *testing.T) {
	const current = `"now"`
	for name, test := range map[string]struct {
		condition Condition
		says      string // empty where it holds
	}{
		"none":                     {Condition{}, ""},
		"any":                      {Condition{Any: true}, ""},
		"the current one":          {Condition{Tags: []string{`"before"`, current}}, ""},
		"another one":              {Condition{Tags: []string{`"before"`}}, `has changed since: its ETag is "now" now`},
		"the current one weakened": {Condition{Tags: []string{"W/" + current}}, `Send "now", without W/`},
		"another one weakened":     {Condition{Tags: []string{`W/"before"`}}, "has changed since"},
	} {
		err := test.condition.Check("service www", current)
		if test.says == "" && err == nil {
			continue
		}
		if test.says == "" || common.ResponseCode(err) != common.CodeETagMismatch || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
