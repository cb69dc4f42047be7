package body_test

import (
	"fmt"
	"strings"
	"testing"

	"ecs-api/api/body"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/racetest"
)

// hostile are bodies of as many values as may be that make the search for near keys, paths or duplicates work hardest.
func hostile() map[string]string {
	repeat := func(open, end string, n int, item func(i int) string) string {
		var b strings.Builder
		b.WriteString(open)
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(item(i))
		}
		return b.String() + end
	}
	const n = body.MaxValues - 10
	return map[string]string{
		"keys as long as known ones": repeat(`{"containerDefinitions":[{`, `}]}`, n, func(i int) string { return fmt.Sprintf(`"snoitinfeDreniatnoc%05d":1`, i) }),
		"keys of a known one's letters": repeat(`{"containerDefinitions":[{`, `}]}`, n, func(i int) string {
			key := []byte("repositoryCredentials")
			for swaps, at := i, 0; at < len(key)-1; swaps, at = swaps/2, at+1 {
				if swaps%2 == 1 {
					key[at], key[at+1] = key[at+1], key[at]
				}
			}
			return `"` + string(key) + `":1`
		}),
		"long keys":        repeat(`{"containerDefinitions":[{`, `}]}`, 1000, func(i int) string { return fmt.Sprintf(`"%01000d":1`, i) }),
		"one key for ever": repeat(`{"containerDefinitions":[{`, `}]}`, n, func(int) string { return `"image":"x"` }),
		"wrong types":      repeat(`{"containerDefinitions":[`, `]}`, n, func(int) string { return `1` }),
		"whole numbers":    repeat(`{"containerDefinitions":[`, `]}`, n/2-10, func(int) string { return `{"cpu":1.0}` }),
		"numbers without end": repeat(`{"containerDefinitions":[`, `]}`, 1000, func(int) string {
			return `{"cpu":1e-999999999}` + strings.Repeat(" ", 900)
		}),
		"free keys": repeat(`{"containerDefinitions":[{"dockerLabels":{`, `}}]}`, n, func(i int) string { return fmt.Sprintf(`"k%d":1`, i) }),
	}
}

func BenchmarkDecodeHostile(b *testing.B) {
	for name, text := range hostile() {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				decoded, err := body.Decode([]byte(text), new(awsecs.RegisterTaskDefinitionInput), false)
				if err == nil {
					_ = decoded.Err()
				}
			}
		})
	}
}

// A body must cost in proportion to its size: the memory it takes is bounded, and so is the number of allocations a value.
func TestHostileBodiesCostLittle(t *testing.T) {
	if racetest.Plainly(t) {
		return
	}
	for name, text := range hostile() {
		t.Run(name, func(t *testing.T) {
			if len(text) > 1<<20 {
				t.Fatalf("%d bytes are refused before", len(text))
			}
			var problems int
			allocations := testing.AllocsPerRun(1, func() {
				decoded, err := body.Decode([]byte(text), new(awsecs.RegisterTaskDefinitionInput), false)
				if err != nil {
					t.Fatal(err)
				}
				if err := decoded.Err(); err != nil {
					problems++
				}
			})
			if allocations > 10*body.MaxValues {
				t.Errorf("%.0f allocations", allocations)
			}
		})
	}
}

// FuzzDecode holds the decoder to its promises: no panic; what it finds nothing wrong with is decoded whole; nothing but names is repeated.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{
		`{}`, `{"a":1}`, "\ufeff{\"service\":{\"desiredCount\":1.0}}", `{"names":["a",null]}`, `{"credentials":{"web":{"SecretString":"hunter2hunter2"}}}`, `{"SERVICE":{"Tags":[{"key":"a"}]},"service":null}`,
		`{"small":1e2,"count":-0,"ratio":1e400}`, `{"anything":{"a":[{}]},"since":"x","size":true}`, `{"change":{"a":null,"a":1}}`, `{"desired\u0063ount":"\ud800"}`, `{"":{"":[[[]]]}}`,
		`{"servcie":[],"taskdefinition":{"containerdefinitions":[{"enviroment":1}]}}`, ` { "names" : [ ] } `,
	} {
		f.Add([]byte(text), "service.names[0].x", true)
	}
	f.Fuzz(func(t *testing.T, text []byte, path string, strict bool) {
		var in input
		b, err := body.Decode(text, &in, strict)
		if err != nil {
			return
		}
		if got := b.Spelled(path); !strings.EqualFold(got, path) {
			t.Errorf("%q is spelled %q", path, got)
		}
		if strict && len(b.Ignored) > 0 || len(b.Ignored) > body.MaxIgnored {
			t.Errorf("ignored %q", b.Ignored)
		}
		if err := b.Err(); err != nil && len(err.Error()) > 20*(2*1024) {
			t.Errorf("%d bytes of error", len(err.Error()))
		}
	})
}
