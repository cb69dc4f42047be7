package body

import (
	"math/rand/v2"
	"testing"
)

func TestDistancesOfKeys(t *testing.T) {
	for _, tt := range []struct {
		unknown, known string
		want           int
	}{
		{"desiredcuont", "desiredCount", 1}, // two neighbours swapped
		{"DESIRED_COUNT", "desiredCount", 0},
		{"desired-cont", "desiredCount", 1},
		{"enviroment", "environment", 1},
		{"enviromnet", "environment", 2},
		{"values", "value", 1},
		{"valueFrom", "value", tooFar},
		{"ports", "portMappings", tooFar},
		{"cluster", "name", tooFar},
		{"nam", "name", 1},
		{"nm", "name", tooFar}, // of a short key only one letter may differ
		{"cpus", "cpu", 1},
		{"key2s", "key", tooFar},
		{"", "", tooFar},
		{"_", "id", tooFar},
		{"servcei", "service", 2},
		{"abxcde", "bacde", 2}, // swapped, and a letter put between
		{"bacde", "abxcde", 2},
		{"imagé", "image", 2},
	} {
		known := lettersOf(tt.known)
		if got := lettersOf(tt.unknown).distance(&known); got != tt.want {
			t.Errorf("%s to %s: %d, want %d", tt.unknown, tt.known, got, tt.want)
		}
	}
}

// TestTheBandedDistanceIsTheWholeOne compares with the plain algorithm of Damerau and Levenshtein.
func TestTheBandedDistanceIsTheWholeOne(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		text := make([]byte, random.IntN(9))
		for i := range text {
			text[i] = "abc"[random.IntN(3)]
		}
		return string(text)
	}
	near := 0
	for range 200_000 {
		a, b := word(), word()
		want, got := min(plainDistance(a, b), tooFar), min(bandedDistance(a, b), tooFar)
		if got != want {
			t.Fatalf("%q to %q: %d, want %d", a, b, got, want)
		}
		near += differ(byte(min(want, tooFar)), tooFar)
	}
	if near < 1000 {
		t.Errorf("only %d pairs were near", near)
	}
}

func plainDistance(a, b string) int {
	last := map[byte]int{}
	rows := make([][]int, len(a)+2)
	for i := range rows {
		rows[i] = make([]int, len(b)+2)
		rows[i][0], rows[i][1] = 100, max(0, i-1)
	}
	for j := range rows[0] {
		rows[0][j] = 100
		if j > 0 {
			rows[1][j] = j - 1
		}
	}
	for i := 1; i <= len(a); i++ {
		column := 0
		for j := 1; j <= len(b); j++ {
			row, from := last[b[j-1]], column
			if a[i-1] == b[j-1] {
				column = j
			}
			rows[i+1][j+1] = min(rows[i][j]+differ(a[i-1], b[j-1]), rows[i+1][j]+1, rows[i][j+1]+1, rows[row][from]+(i-row-1)+1+(j-from-1))
		}
		last[a[i-1]] = i
	}
	return rows[len(a)+1][len(b)+1]
}
