// Package idempotency remembers the responses to requests that carry an Idempotency-Key, so that a repeated request gets the response of the first one and
// changes nothing. It owns one rule: of all requests with a key, one alone runs; nothing that it remembers can be read without the key of this process.
package idempotency

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"ecs-api/common"
)

// Key is what tells idempotent requests apart: callers do not share keys.
type Key struct {
	Caller string
	Key    string
}

// MaxKey is how long a key may be.
const MaxKey = 255

// CheckKey says what is wrong with the value of an Idempotency-Key, if anything.
func CheckKey(key string) error {
	visible := func(r rune) bool { return r > ' ' && r < 0x7f }
	if len(key) == 0 || len(key) > MaxKey || slices.ContainsFunc([]rune(key), func(r rune) bool { return !visible(r) }) {
		return common.Errorf(common.BadRequest, "the Idempotency-Key must have 1 to %d visible ASCII characters, without spaces; a UUID will do", MaxKey)
	}
	return nil
}

// Fingerprint tells requests apart that carry the same key.
type Fingerprint [sha256.Size]byte

// Store keeps what is known of keys. It sees sealed responses only.
type Store interface {
	// Begin returns the response that is stored for the key; nil if there is none: the caller then runs the request, and calls Finish whatever happens. The
	// error is IdempotencyKeyInUse while the first request runs, IdempotencyKeyReused if that was another one.
	Begin(ctx context.Context, key Key, print Fingerprint) (sealed []byte, err error)
	// Finish stores the response to the request that has begun; nil frees the key for another attempt.
	Finish(ctx context.Context, key Key, sealed []byte)
}

// Response is a response that is replayed.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Keeper seals responses into a store.
type Keeper struct {
	store Store
	seal  cipher.AEAD
	mac   []byte
}

// NewKeeper returns a keeper with keys of its own, which end with the process.
func NewKeeper(store Store) *Keeper {
	var key, mac [32]byte
	_, _ = rand.Read(key[:]) // it never fails
	_, _ = rand.Read(mac[:])
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // a key of 32 bytes always fits
	}
	seal, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return &Keeper{store: store, seal: seal, mac: mac[:]}
}

// print returns the fingerprint of a request. It is keyed: a body may hold a secret that could be guessed.
func (k *Keeper) print(parts ...string) Fingerprint {
	h := hmac.New(sha256.New, k.mac)
	for _, part := range parts {
		sum := sha256.Sum256([]byte(part)) // of a fixed length: no two lists of parts are the same
		_, _ = h.Write(sum[:])
	}
	return Fingerprint(h.Sum(nil))
}

// Begin returns the response to the first request with the key; nil if this is the first one, which must be finished. The target is the path with its query.
func (k *Keeper) Begin(ctx context.Context, key Key, method, target string, body []byte) (*Response, error) {
	sealed, err := k.store.Begin(ctx, key, k.print(method, target, string(body)))
	if err != nil || sealed == nil {
		return nil, err
	}
	size := k.seal.NonceSize()
	if len(sealed) < size {
		return nil, common.Errorf(common.Internal, "the stored response is cut")
	}
	plain, err := k.seal.Open(nil, sealed[:size], sealed[size:], nil)
	if err != nil {
		return nil, common.Errorf(common.Internal, "open the stored response: %w", err)
	}
	var r Response
	if err := json.Unmarshal(plain, &r); err != nil {
		return nil, common.Errorf(common.Internal, "read the stored response: %w", err)
	}
	return &r, nil
}

// Finish stores the response to a request that has begun; nil frees the key: the response says nothing that lasts.
func (k *Keeper) Finish(ctx context.Context, key Key, r *Response) {
	if r == nil {
		k.store.Finish(ctx, key, nil)
		return
	}
	plain, err := json.Marshal(r)
	if err != nil { // it is made of what always marshals
		k.store.Finish(ctx, key, nil)
		return
	}
	nonce := make([]byte, k.seal.NonceSize())
	_, _ = rand.Read(nonce)
	k.store.Finish(ctx, key, k.seal.Seal(nonce, nonce, plain, nil))
}

// Keep is how long responses are kept.
const Keep = 24 * time.Hour
