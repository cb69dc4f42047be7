package state

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"

	"ecs-api/common"
)

// Seal encrypts what servers share and nobody else may read. Whoever has one of its secrets can open what it has sealed, so that servers keep reading each
// other while a secret is replaced.
type Seal struct{ keys []cipher.AEAD }

const (
	keySize   = 32
	nonceSize = 12
	tagSize   = 16
	wrapped   = nonceSize + keySize + tagSize // a key that another one has sealed
)

// NewSeal returns a seal of the secrets, such as the tokens of a config: at least one, at most 255. The purpose keeps apart what is sealed for different needs.
func NewSeal(purpose string, secrets ...string) (*Seal, error) {
	s := &Seal{}
	if len(secrets) == 0 || len(secrets) > 255 {
		return nil, common.Errorf(common.Internal, "a seal is of 1 to 255 secrets, not of %d", len(secrets))
	}
	for _, secret := range secrets {
		key, err := hkdf.Key(sha256.New, []byte(secret), nil, "ecs-api state "+purpose, keySize)
		if err != nil {
			return nil, common.Errorf(common.Internal, "derive a key: %v", err)
		}
		s.keys = append(s.keys, aead(key))
	}
	return s, nil
}

// aead returns what seals with a key of keySize.
func aead(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // a key of 32 bytes always fits
	}
	sealed, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return sealed
}

// Seal returns plain encrypted, with a key of its own, which each of the secrets opens. The context, such as the key that it is kept under, must be the same
// when it is opened.
func (s *Seal) Seal(context string, plain []byte) []byte {
	key := random(keySize)
	out := []byte{byte(len(s.keys))} //nolint:gosec // NewSeal allows 255
	for _, k := range s.keys {
		nonce := random(nonceSize)
		out = append(out, k.Seal(nonce, nonce, key, []byte(context))...)
	}
	nonce := random(nonceSize)
	return append(out, aead(key).Seal(nonce, nonce, plain, []byte(context))...)
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it never fails
	return b
}

// Open returns what was sealed. It fails if that was sealed with other secrets, or is not what was sealed.
func (s *Seal) Open(context string, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || len(sealed) < 1+int(sealed[0])*wrapped+nonceSize {
		return nil, errUnsealed
	}
	body := sealed[1+int(sealed[0])*wrapped:]
	for i := range int(sealed[0]) {
		box := sealed[1+i*wrapped : 1+(i+1)*wrapped]
		for _, k := range s.keys {
			key, err := k.Open(nil, box[:nonceSize], box[nonceSize:], []byte(context))
			if err != nil {
				continue
			}
			plain, err := aead(key).Open(nil, body[:nonceSize], body[nonceSize:], []byte(context))
			if err != nil {
				return nil, errUnsealed
			}
			return plain, nil
		}
	}
	return nil, errUnsealed
}

var errUnsealed = common.Errorf(common.Internal, "it was sealed with other secrets, or is damaged")
