// Package idempotency makes writes with an Idempotency-Key idempotent: it remembers their responses, so that a repeated request gets the response of the first
// one and changes nothing. It owns one rule: of all requests with a key, one alone runs; nothing that it remembers can be read without a secret that its store does not know.
package idempotency

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"ecs-api/common"
	"ecs-api/state"
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

// Fingerprint tells requests apart that carry the same key. It begins with what tells apart the secrets that responses are sealed with.
type Fingerprint [generationSize + sha256.Size]byte

const generationSize = 8

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
	store  Store
	secret func(caller string) []byte
}

// NewKeeper returns a keeper that seals with what secret returns for a caller, its token for example: servers that have the same read each other's responses,
// and who reads the store reads none. Nil is for a secret that ends with the process.
func NewKeeper(store Store, secret func(caller string) []byte) *Keeper {
	if secret == nil {
		own := make([]byte, 32)
		_, _ = rand.Read(own) // it never fails
		secret = func(string) []byte { return own }
	}
	return &Keeper{store: store, secret: secret}
}

// print returns the fingerprint of a request. It is keyed: a body may hold a secret that could be guessed.
func (k *Keeper) print(caller string, parts ...string) (Fingerprint, error) {
	var print Fingerprint
	secret := k.secret(caller)
	for purpose, part := range map[string][]byte{"generation": print[:generationSize], "fingerprint": print[generationSize:]} {
		key, err := hkdf.Key(sha256.New, secret, nil, "ecs-api idempotency "+purpose, sha256.Size)
		if err != nil {
			return print, common.Errorf(common.Internal, "derive a key: %v", err)
		}
		h := hmac.New(sha256.New, key)
		if purpose == "fingerprint" {
			for _, part := range parts {
				sum := sha256.Sum256([]byte(part)) // of a fixed length: no two lists of parts are the same
				_, _ = h.Write(sum[:])
			}
		}
		copy(part, h.Sum(nil))
	}
	return print, nil
}

// seal returns what seals the caller's responses.
func (k *Keeper) seal(caller string) (*state.Seal, error) {
	return state.NewSeal("idempotency", string(k.secret(caller)))
}

// context is what a sealed response belongs to: it opens for no other key.
func (k Key) context() string { return k.Caller + " " + k.Key }

// Begin returns the response to the first request with the key; nil if this is the first one, which must be finished. The target is the path with its query.
func (k *Keeper) Begin(ctx context.Context, key Key, method, target string, body []byte) (*Response, error) {
	print, err := k.print(key.Caller, method, target, string(body))
	if err != nil {
		return nil, err
	}
	sealed, err := k.store.Begin(ctx, key, print)
	if err != nil || sealed == nil {
		return nil, err
	}
	seal, err := k.seal(key.Caller)
	if err != nil {
		return nil, err
	}
	plain, err := seal.Open(key.context(), sealed)
	if err != nil { // the token was replaced while the first request ran
		return nil, unreadable()
	}
	var r Response
	if err := json.Unmarshal(plain, &r); err != nil {
		return nil, common.Errorf(common.Internal, "read the stored response: %w", err)
	}
	return &r, nil
}

// Finish stores the response to a request that has begun; nil frees the key: the response says nothing that lasts.
func (k *Keeper) Finish(ctx context.Context, key Key, r *Response) {
	k.store.Finish(ctx, key, k.sealed(key, r))
}

// sealed returns the response as the store keeps it; nil for one that is not kept.
func (k *Keeper) sealed(key Key, r *Response) []byte {
	if r == nil {
		return nil
	}
	plain, err := json.Marshal(r)
	if err != nil { // it is made of what always marshals
		return nil
	}
	seal, err := k.seal(key.Caller)
	if err != nil {
		return nil
	}
	return seal.Seal(key.context(), plain)
}

func keyReused() error {
	return common.Coded(common.CodeIdempotencyKeyReused, "the Idempotency-Key was sent before with another method, path or body; use a new key for a new request")
}

func keyInUse() error {
	return common.Coded(common.CodeIdempotencyKeyInUse, "the first request with this Idempotency-Key is still running; retry to get its response")
}

func unreadable() error {
	return common.Coded(common.CodeIdempotencyKeyReused, "the Idempotency-Key was sent before the caller's token was replaced, and its response can no longer be read; see whether that request took effect, and use a new key")
}

// Keep is how long responses are kept.
const Keep = 24 * time.Hour
