package api

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"ecs-api/common"
	"ecs-api/config"
	"ecs-api/localaws"
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
func callerOf(g *grant) string {
	if g == nil {
		return ""
	}
	return g.caller
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
	a := newAuthenticator(callers)
	for range 2 { // the second time they are remembered
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				g, err := a.grant(t.Context(), tt.header)
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
	a := newAuthenticator(map[string]config.Token{"ui": {Token: "token"}})
	right, wrong := hashOf(t, "token", bcrypt.MinCost), hashOf(t, "other", bcrypt.MinCost)
	for _, hash := range []string{right, wrong} {
		_, _ = a.grant(t.Context(), hash) // the outcome is TestTokens' business
	}
	for range cap(a.turns) { // from here on nobody gets a turn to hash
		a.turns <- struct{}{}
	}
	if g, err := a.grant(t.Context(), right); callerOf(g) != "ui" || err != nil {
		t.Errorf("the right hash: %q, %v", callerOf(g), err)
	}
	if _, err := a.grant(t.Context(), wrong); !common.Is(err, common.Forbidden) {
		t.Errorf("the wrong hash: %v", err)
	}
	if g, err := a.grant(t.Context(), "token"); callerOf(g) != "ui" || err != nil {
		t.Errorf("the token itself waits for those who hash: %q, %v", callerOf(g), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := a.grant(ctx, hashOf(t, "token", bcrypt.MinCost))
	if !common.Is(err, common.Unavailable) {
		t.Errorf("a new hash without a turn: %v, want it put off", err)
	}
}

func TestManyCallersWithHashesOfTheirOwn(t *testing.T) {
	a := newAuthenticator(map[string]config.Token{"ui": {Token: "token"}, "other": {Token: "other"}})
	hashes := make([]string, 64)
	for i := range hashes {
		hashes[i] = hashOf(t, "token", bcrypt.MinCost)
	}
	var wg sync.WaitGroup
	for _, hash := range hashes {
		wg.Go(func() {
			if g, err := a.grant(t.Context(), hash); callerOf(g) != "ui" || err != nil {
				t.Errorf("taken for %q, %v", callerOf(g), err)
			}
		})
	}
	wg.Wait()
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	var m memory
	for i := range 3 * maxRemembered {
		m.put(digest{byte(i), byte(i >> 8)}, &grant{caller: "ui"})
		if len(m.grants) > maxRemembered {
			t.Fatalf("%d are remembered", len(m.grants))
		}
	}
	if _, known := m.get(digest{255, 11}); !known {
		t.Error("the last one is forgotten")
	}
}

func TestTheLogTellsCallersApart(t *testing.T) {
	c := config.Local([]string{localaws.SubnetA}, []string{localaws.SecurityGroup})
	c.Token, c.Tokens = testToken, map[string]config.Token{"ui": {Token: "the-ui's-token"}}
	h := newHarnessWith(t, localaws.New(), c)
	for header, caller := range map[string]string{testToken: "default", "the-ui's-token": "ui", hashOf(t, "the-ui's-token", bcrypt.MinCost): "ui"} {
		before := len(h.log.String())
		answer, _ := h.do(t, http.MethodGet, "/v1/ecs/nothing", "", headerToken+": "+header)
		logged := h.log.String()[before:]
		if answer.StatusCode != http.StatusNotFound || !strings.Contains(logged, `"caller":"`+caller+`"`) {
			t.Errorf("answered %d, logged %s, want caller %s", answer.StatusCode, logged, caller)
		}
		if strings.Contains(logged, header) {
			t.Errorf("the token is in the log: %s", logged)
		}
	}
}
