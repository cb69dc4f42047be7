package tokens

import (
	"context"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"ecs-api/common"
	"ecs-api/config"
	_ "ecs-api/racetest" // for what it does to a process of tests
)

// hashOf returns a bcrypt hash of the token, as a caller makes it.
func hashOf(t *testing.T, token string, cost int) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(token), cost)
	if err != nil {
		t.Fatal(err)
	}
	return string(hash)
}

// callerOf returns the name of a grant's caller; "" for none.
func callerOf(g *Grant) string {
	if g == nil {
		return ""
	}
	return g.Caller
}

func TestTokens(t *testing.T) {
	callers := map[string]config.Token{"default": {Token: "first-token"}, "ui": {Token: "second-token"}, "old-ui": {Token: "third-token"}}
	cheap := hashOf(t, "second-token", bcrypt.MinCost)
	tests := []struct {
		name, header, caller string
	}{
		{"the token itself", "first-token", "default"},
		{"another caller's", "third-token", "old-ui"},
		{"a hash of a token", cheap, "ui"},
		{"a hash as PHP and Python write it", "$2y" + cheap[3:], "ui"},
		{"none", "", ""},
		{"a wrong one", "first-tokem", ""},
		{"the beginning of one", "first", ""},
		{"one with more behind it", "first-token ", ""},
		{"a hash of a wrong one", hashOf(t, "nobody's", bcrypt.MinCost), ""},
		{"a hash with more behind it", cheap + "x", ""},
		{"a hash cut short", cheap[:59], ""},
		{"a hash with another cost written into it", "$2a$05" + cheap[6:], ""},
		{"a cost above the limit", "$2a$13" + cheap[6:], ""},
		{"a cost that takes days", "$2a$31" + cheap[6:], ""},
		{"a cost that is none", "$2a$99" + cheap[6:], ""},
		{"a cost below zero", "$2a$-1" + cheap[6:], ""},
		{"a hash's letters that are none", cheap[:30] + strings.Repeat("!", 30), ""},
		{"an old version of bcrypt", "$1a" + cheap[3:], ""},
		{"a hash of the hash", hashOf(t, cheap, bcrypt.MinCost), ""},
	}
	a := New(callers)
	for range 2 { // the second time they are remembered
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				g, err := a.Grant(t.Context(), tt.header)
				got := callerOf(g)
				if got != tt.caller || common.Is(err, common.Forbidden) != (tt.caller == "") || err != nil && tt.caller != "" {
					t.Errorf("taken for %q, %v; want %q", got, err, tt.caller)
				}
			})
		}
	}
}

func TestAnExpensiveHashIsRefusedUnhashed(t *testing.T) {
	cheap := hashOf(t, "token", bcrypt.MinCost)
	for _, cost := range []string{"13", "20", "31"} {
		if worthHashing("$2a$" + cost + cheap[6:]) {
			t.Errorf("cost %s would be hashed", cost)
		}
	}
	for _, cost := range []string{"04", "10", "12"} {
		if !worthHashing("$2a$" + cost + cheap[6:]) {
			t.Errorf("cost %s would not be hashed", cost)
		}
	}
}

func TestAHashIsCheckedOnce(t *testing.T) {
	a := New(map[string]config.Token{"ui": {Token: "token"}})
	right, wrong := hashOf(t, "token", bcrypt.MinCost), hashOf(t, "other", bcrypt.MinCost)
	for _, hash := range []string{right, wrong} {
		_, _ = a.Grant(t.Context(), hash) // the outcome is TestTokens' business
	}
	for range cap(a.turns) { // from here on nobody gets a turn to hash
		a.turns <- struct{}{}
	}
	if g, err := a.Grant(t.Context(), right); callerOf(g) != "ui" || err != nil {
		t.Errorf("the right hash: %q, %v", callerOf(g), err)
	}
	if _, err := a.Grant(t.Context(), wrong); !common.Is(err, common.Forbidden) {
		t.Errorf("the wrong hash: %v", err)
	}
	if g, err := a.Grant(t.Context(), "token"); callerOf(g) != "ui" || err != nil {
		t.Errorf("the token itself waits for those who hash: %q, %v", callerOf(g), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := a.Grant(ctx, hashOf(t, "token", bcrypt.MinCost))
	if !common.Is(err, common.Unavailable) {
		t.Errorf("a new hash without a turn: %v, want it put off", err)
	}
}

func TestManyCallersWithHashesOfTheirOwn(t *testing.T) {
	a := New(map[string]config.Token{"ui": {Token: "token"}, "other": {Token: "other"}})
	hashes := make([]string, 16)
	for i := range hashes {
		hashes[i] = hashOf(t, "token", bcrypt.MinCost)
	}
	var wg sync.WaitGroup
	for _, hash := range hashes {
		wg.Go(func() {
			if g, err := a.Grant(t.Context(), hash); callerOf(g) != "ui" || err != nil {
				t.Errorf("taken for %q, %v", callerOf(g), err)
			}
		})
	}
	wg.Wait()
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	var m memory
	for i := range 3 * maxRemembered {
		m.put(digest{byte(i), byte(i >> 8)}, &Grant{Caller: "ui"})
		if len(m.grants) > maxRemembered {
			t.Fatalf("%d are remembered", len(m.grants))
		}
	}
	if _, known := m.get(digest{255, 11}); !known {
		t.Error("the last one is forgotten")
	}
}
