package common

import "testing"

func TestJSONValues(t *testing.T) {
	for text, want := range map[string]int{
		"":                                0,
		"1":                               0,
		`"a, [b], {c}"`:                   0,
		`"a \" , \\"`:                     0,
		`[]`:                              1,
		`{"a": [1, 2, {}], "b": "\",\""}`: 6,
	} {
		if got := JSONValues([]byte(text)); got != want {
			t.Errorf("%s has %d values, want %d", text, got, want)
		}
		var c ValueCounter
		for i := range len(text) { // byte by byte
			if n, err := c.Write([]byte(text[i : i+1])); n != 1 || err != nil {
				t.Errorf("Write returned %d, %v", n, err)
			}
		}
		if c.Values != want {
			t.Errorf("%s has %d values in parts, want %d", text, c.Values, want)
		}
	}
}
