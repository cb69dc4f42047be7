package main

import (
	"testing"
	"time"
)

func TestVerdictIsWhatTheLastWriteSays(t *testing.T) {
	at := func(create, sure bool, begin, end int) write {
		return write{create: create, sure: sure, begin: time.Unix(int64(begin), 0), end: time.Unix(int64(end), 0)}
	}
	for name, tt := range map[string]struct {
		writes []write
		want   string
	}{
		"nothing happened":                     {nil, ""},
		"created":                              {[]write{at(true, true, 1, 2)}, "yes"},
		"created twice":                        {[]write{at(true, true, 1, 4), at(true, true, 2, 3)}, "yes"},
		"deleted":                              {[]write{at(true, true, 1, 2), at(false, true, 3, 4)}, "no"},
		"created again":                        {[]write{at(false, true, 3, 4), at(true, true, 5, 6), at(true, true, 1, 2)}, "yes"},
		"a delete overlaps":                    {[]write{at(true, true, 1, 3), at(false, true, 2, 4)}, ""},
		"a delete may have happened after it":  {[]write{at(true, true, 1, 2), at(false, false, 3, 4)}, ""},
		"a delete may have happened before it": {[]write{at(false, false, 1, 2), at(true, true, 3, 4)}, "yes"},
		"a create may have happened":           {[]write{at(true, false, 1, 2)}, ""},
	} {
		if got := verdict(tt.writes); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
