package localaws

import (
	"hash/fnv"
	"time"

	"github.com/aws/aws-sdk-go/aws"
)

// Alphabets of ids that AWS makes.
const (
	lowerAlnum = "abcdefghijklmnopqrstuvwxyz0123456789"
	upperAlnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	mixedAlnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

// lettersOf returns n letters that look random and follow from the seed alone.
func lettersOf(seed string, n int, alphabet string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(seed)) // a hash does not fail
	x := h.Sum64()
	out := make([]byte, n)
	for i := range out {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		out[i] = alphabet[x%uint64(len(alphabet))]
	}
	return string(out)
}

// letters returns n letters that look random, others each time. The lock must be held.
func (a *AWS) letters(n int, alphabet string) string { return lettersOf(a.id("%d"), n, alphabet) }

// visible reports whether reads see yet what was made at the given time (Lags.Visible).
func (r *request) visible(created time.Time) bool {
	return !r.now.Before(created.Add(r.aws.lags.Visible))
}

// optional returns nil for the empty string: AWS leaves out what is not set.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return aws.String(s)
}
