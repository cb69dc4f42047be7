package state

import (
	"bytes"
	"testing"
)

func TestASealOpensWithEachOfItsSecretsAndNoOther(t *testing.T) {
	t.Parallel()
	seal := func(secrets ...string) *Seal {
		t.Helper()
		s, err := NewSeal("test", secrets...)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	plain := []byte("hunter2")
	sealed := seal("old", "new").Seal("key", plain)
	if bytes.Contains(sealed, plain) {
		t.Error("it can be read")
	}
	for name, s := range map[string]*Seal{"both": seal("old", "new"), "the new one": seal("new"), "another and the old one": seal("other", "old")} {
		if got, err := s.Open("key", sealed); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if got, err := seal("other").Open("key", sealed); err == nil {
		t.Errorf("another secret opens it: %q", got)
	}
	if got, err := seal("old").Open("another key", sealed); err == nil {
		t.Errorf("it can be moved to another key: %q", got)
	}
	other, err := NewSeal("another purpose", "old")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := other.Open("key", sealed); err == nil {
		t.Errorf("it can be used for another purpose: %q", got)
	}
	for n := range sealed {
		if _, err := seal("new").Open("key", sealed[:n]); err == nil {
			t.Errorf("%d of %d bytes open", n, len(sealed))
		}
		changed := bytes.Clone(sealed)
		changed[n] ^= 1
		if got, err := seal("old", "new").Open("key", changed); err == nil && !bytes.Equal(got, plain) {
			t.Errorf("byte %d was changed, and it opens as %q", n, got)
		}
	}
}

func TestASealHasSecrets(t *testing.T) {
	t.Parallel()
	if _, err := NewSeal("test"); err == nil {
		t.Error("a seal without a secret")
	}
}
