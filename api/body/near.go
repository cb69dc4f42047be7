package body

import (
	"math/bits"
	"strings"
)

// The largest distance at which a known key counts as meant: shortKey's for those of fewer than shortKey letters.
const (
	maxDistance      = 2
	maxShortDistance = 1
	shortKey         = 5
	tooFar           = maxDistance + 1
)

// longestKey is longer than any known key, maxDistance included. Longer ones are not looked at.
const longestKey = 96

// letters are what counts of a key when it is compared: without case, underscores and hyphens.
type letters struct {
	text string
	mask uint64 // a bit for each letter that occurs
}

var separators = strings.NewReplacer("_", "", "-", "")

func lettersOf(key string) letters {
	if len(key) > longestKey {
		return letters{}
	}
	l := letters{text: separators.Replace(fold(key))}
	for i := range len(l.text) {
		l.mask |= 1 << (l.text[i] & 63)
	}
	return l
}

// distance returns the Damerau-Levenshtein distance of an unknown key to a known one, or tooFar if the known one cannot be meant. It looks at
// no more than five columns a letter, and at nothing where length or letters differ too much, so that many keys cost little.
func (l letters) distance(known *letters) int {
	most := maxDistance
	if len(known.text) < shortKey {
		most = maxShortDistance
	}
	a, b := l.text, known.text
	if a == "" || max(len(a), len(b))-min(len(a), len(b)) > most || bits.OnesCount64(l.mask^known.mask) > 2*most {
		return tooFar
	}
	if d := bandedDistance(a, b); d <= most {
		return d
	}
	return tooFar
}

// far is more than any distance that counts.
const far = 100

// band holds the distances of the first i bytes of a text and the first j of another, for the last four i, and where i and j differ by no more
// than maxDistance.
type band [4][longestKey + 2]uint8

func (rows *band) at(i, j int) int {
	if i < 0 || j < 0 || i-j > maxDistance || j-i > maxDistance {
		return far
	}
	return int(rows[i&3][j])
}

// bandedDistance returns the Damerau-Levenshtein distance of two texts of at most longestKey bytes, or more than maxDistance.
func bandedDistance(a, b string) int {
	var rows band
	for i := 0; i <= len(a); i++ {
		least := far
		for j := max(0, i-maxDistance); j <= min(len(b), i+maxDistance); j++ {
			d := max(i, j)
			if i > 0 && j > 0 {
				d = min(rows.at(i-1, j)+1, rows.at(i, j-1)+1, rows.at(i-1, j-1)+differ(a[i-1], b[j-1]), rows.swapped(a, b, i, j))
			}
			rows[i&3][j] = uint8(min(d, far))
			least = min(least, d)
		}
		if least > 2*maxDistance { // a swap reaches back two rows, at most
			return far
		}
	}
	return rows.at(len(a), len(b))
}

func differ(a, b byte) int {
	if a == b {
		return 0
	}
	return 1
}

// swapped returns the distance of a's first i bytes and b's first j if their last ones came about by swapping two neighbours, with at most one
// byte put between them or taken from there: any more is too far.
func (rows *band) swapped(a, b string, i, j int) int {
	d := far
	if i < 2 || j < 2 {
		return d
	}
	if a[i-1] == b[j-2] && a[i-2] == b[j-1] {
		d = rows.at(i-2, j-2) + 1
	}
	if i > 2 && a[i-1] == b[j-2] && a[i-3] == b[j-1] {
		d = min(d, rows.at(i-3, j-2)+2)
	}
	if j > 2 && a[i-1] == b[j-3] && a[i-2] == b[j-1] {
		d = min(d, rows.at(i-2, j-3)+2)
	}
	return d
}
