package resource

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"ecs-api/common"
)

// Key is what ownership tags contain of a request's Idempotency-Key. It makes a create idempotent even if all servers are restarted: a repetition of the request
// finds by the tag what the first attempt created. It consists of hashes, which reveal neither the key nor the request. The zero Key is that of a request without an
// Idempotency-Key.
type Key struct {
	name  string // of the key and its caller
	print string // of the request
}

// How many bytes of the hashes tags contain: enough to tell keys apart, and few enough for AWS's limit on tags.
const (
	keyNameBytes  = 12
	keyPrintBytes = 6
)

// NewKey returns the key of the request that parts identify. The hash of the request is keyed by the Idempotency-Key, because a body may contain a secret that
// somebody could guess.
func NewKey(caller, key string, parts ...string) Key {
	name := hashed(nil, "name", caller, key)
	print := hashed([]byte(key), append([]string{"print", caller}, parts...)...)
	return Key{name: base64.RawURLEncoding.EncodeToString(name[:keyNameBytes]), print: base64.RawURLEncoding.EncodeToString(print[:keyPrintBytes])}
}

// hashed returns a keyed hash of a list of texts. It hashes each text on its own first, so that different lists have different hashes.
func hashed(key []byte, parts ...string) []byte {
	h := hmac.New(sha256.New, key)
	for _, part := range parts {
		sum := sha256.Sum256([]byte(part))
		_, _ = h.Write(sum[:])
	}
	return h.Sum(nil)
}

// Given reports whether the request came with an Idempotency-Key.
func (k Key) Given() bool { return k.name != "" }

// Token returns a client token for AWS that all attempts of the request share.
func (k Key) Token() string { return "key-" + k.name }

// Of returns the end of an ownership tag: the key, then the request's id.
func (k Key) Of(id string) string {
	if !k.Given() {
		return id
	}
	return k.name + "." + k.print + "/" + id
}

// Find reports whether tags say that a request with this key created something. If another request had the same Idempotency-Key, the error is IdempotencyKeyReused.
func (k Key) Find(tags common.Tags) (bool, error) {
	if !k.Given() {
		return false, nil
	}
	value, _ := tags.Get(common.TagRequest)
	before := value[:max(0, strings.LastIndex(value, "/"))]
	name, print, ok := strings.Cut(before[strings.LastIndex(before, "/")+1:], ".")
	switch {
	case !ok || name != k.name:
		return false, nil
	case print != k.print:
		return false, common.Coded(common.CodeIdempotencyKeyReused,
			"the Idempotency-Key was sent before with another method, path or body; use a new key for a new request")
	}
	return true, nil
}

type keyKey struct{}

// WithKey returns a context of a request with the key.
func WithKey(ctx context.Context, k Key) context.Context { return context.WithValue(ctx, keyKey{}, k) }

// KeyOf returns the key of the request that the context belongs to; the zero Key if it has none.
func KeyOf(ctx context.Context) Key {
	k, _ := ctx.Value(keyKey{}).(Key)
	return k
}
