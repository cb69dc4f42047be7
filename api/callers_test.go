package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/bcrypt"

	"ecs-api/api/tokens"
	"ecs-api/common"
	"ecs-api/config"
	"ecs-api/localaws"
)

// newCallersHarness returns a server with the accounts local and prod, and callers with limited tokens.
func newCallersHarness(t *testing.T) *harness {
	t.Helper()
	aws := localaws.New()
	c := testConfig(t, aws)
	c.Accounts["prod"] = c.Accounts["local"]
	c.Tokens = map[string]config.Token{
		"team":   {Token: "of-the-team", Accounts: []string{"local"}},
		"viewer": {Token: "of-a-viewer", ReadOnly: true},
		"guest":  {Token: "of-a-guest", Accounts: []string{"prod"}, ReadOnly: true},
	}
	return newHarnessWith(t, aws, c)
}

func TestWhatTokensMayDo(t *testing.T) {
	t.Parallel()
	h := newCallersHarness(t)
	for _, tt := range []struct {
		token, method, path, body string
		status                    int
		detail                    string
	}{
		{testToken, "POST", "/prod/clusters", `{"clusterName": "a"}`, 200, ""},
		{"of-the-team", "POST", "/local/clusters", `{"clusterName": "b"}`, 200, ""},
		{"of-the-team", "GET", "/local/clusters", "", 200, ""},
		{"of-the-team", "GET", "/prod/clusters", "", 403, "The token of team may not use the account prod. It may use local."},
		{"of-the-team", "POST", "/prod/clusters", `{"clusterName": "c"}`, 403, "The token of team may not use the account prod. It may use local."},
		{"of-the-team", "GET", "/pro%64/clusters", "", 403, "The token of team may not use the account prod. It may use local."},
		{"of-the-team", "GET", "//prod//clusters", "", 403, "The token of team may not use the account prod. It may use local."},
		{"of-the-team", "GET", "/nowhere/clusters", "", 404, `there is no account "nowhere" here; GET /v1/ecs/accounts lists them`},
		{"of-a-viewer", "GET", "/prod/clusters/a", "", 200, ""},
		{"of-a-viewer", "HEAD", "/prod/clusters/a", "", 200, ""},
		{"of-a-viewer", "DELETE", "/prod/clusters/a", "", 403, "The token of viewer may only read, and DELETE changes something. Send a token that may write."},
		{"of-a-viewer", "PUT", "/local/clusters/a/services/s", `{}`, 403, "The token of viewer may only read, and PUT changes something. Send a token that may write."},
		{"of-a-viewer", "PATCH", "/nothing", `{}`, 404, "there is nothing at this path; the API is below /v1/ecs"},
		{"of-a-guest", "GET", "/prod/clusters", "", 200, ""},
		{"of-a-guest", "GET", "/local/clusters", "", 403, "The token of guest may not use the account local. It may use prod."},
		{"of-a-guest", "GET", "/ping", "", 200, ""},
	} {
		response, body := h.do(t, tt.method, base+tt.path, tt.body, headerToken+": "+tt.token)
		if response.StatusCode != tt.status {
			t.Errorf("%s %s with %s: %d %s, want %d", tt.method, tt.path, tt.token, response.StatusCode, body, tt.status)
			continue
		}
		if tt.detail != "" {
			if p := problemOf(t, response, body); p.Detail != tt.detail {
				t.Errorf("%s %s with %s: %q, want %q", tt.method, tt.path, tt.token, p.Detail, tt.detail)
			}
		}
	}
	if response, body := h.do(t, "GET", base+"/prod/clusters/c", ""); response.StatusCode == http.StatusOK && strings.Contains(body, "cluster/c\"") {
		t.Errorf("a refused request created a cluster: %s", body)
	}
	_, metrics := h.do(t, "GET", base+"/metrics", "")
	for _, want := range []string{
		`ecs_api_caller_requests_total{access="write",caller="viewer",status="403"} 2`,
		`ecs_api_caller_requests_total{access="read",caller="guest",status="200"} 1`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
}

func TestTheAccountsThatATokenMayUse(t *testing.T) {
	t.Parallel()
	h := newCallersHarness(t)
	local, prod := Account{"local", "us-east-1", "localdev"}, Account{"prod", "us-east-1", "localdev"}
	for token, want := range map[string][]Account{
		testToken: {local, prod}, "of-the-team": {local}, "of-a-viewer": {local, prod}, "of-a-guest": {prod},
	} {
		_, body := h.do(t, "GET", base+"/accounts", "", headerToken+": "+token)
		var got []Account
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", token, diff)
		}
	}
}

func TestOnWhoseBehalf(t *testing.T) {
	t.Parallel()
	h := newCallersHarness(t)
	var seen common.Caller
	h.v1().Handle("/whose", handle(h.Server, http.StatusOK, func(c call, _ none) (none, error) {
		seen = common.CallerOf(context.WithoutCancel(c.Context()))
		return none{}, nil
	})).Methods(http.MethodPost)
	for user, want := range map[string]int{"abc123": 200, "jane.doe@example.org": 200, "arn:aws:sts::123456789012:assumed-role/x/y": 200,
		" ": 400, "a b": 400, "a\"b": 400, "ü": 400, "a\tlevel=error": 400, strings.Repeat("a", 129): 400} {
		seen = common.Caller{}
		before := len(h.log.String())
		response, body := h.do(t, "POST", base+"/whose", "", headerToken+": of-the-team", headerOnBehalfOf+": "+user, headerRequestID+": 17")
		if response.StatusCode != want {
			t.Errorf("%q: %d %s, want %d", user, response.StatusCode, body, want)
		}
		switch logged := h.log.String()[before:]; {
		case want == 400:
			if p := problemOf(t, response, body); len(p.Errors) != 1 || p.Errors[0].Field != headerOnBehalfOf {
				t.Errorf("%q: %s does not name the header", user, body)
			}
			if seen != (common.Caller{}) || strings.Contains(logged, "onBehalfOf") {
				t.Errorf("%q reached the endpoint or the log: %+v, %s", user, seen, logged)
			}
		case seen != common.Caller{Name: "team", OnBehalfOf: user, RequestID: "17"} || !strings.Contains(logged, `"onBehalfOf":"`+user+`"`):
			t.Errorf("%q: the endpoint saw %+v, the log has %s", user, seen, logged)
		}
	}
	h.do(t, "POST", base+"/whose", "", headerToken+": of-the-team", headerRequestID+": 18")
	if seen != (common.Caller{Name: "team", RequestID: "18"}) {
		t.Errorf("without the header: %+v", seen)
	}
}

func TestTokensAreReplacedWhileServing(t *testing.T) {
	t.Parallel()
	h := newCallersHarness(t)
	status := func(token string) int {
		response, _ := h.do(t, "GET", base+"/local/clusters", "", headerToken+": "+token)
		return response.StatusCode
	}
	h.do(t, "GET", base+"/local/clusters", "", headerToken+": "+hashOf(t, "of-a-viewer")) // remembered
	changes := h.Callers().Set(map[string]config.Token{
		"default": {Token: testToken},
		"team":    {Token: "of-the-team", Accounts: []string{"prod"}},
		"viewer2": {Token: "of-another-viewer", ReadOnly: true},
		"guest":   {Token: "of-a-guest", Accounts: []string{"prod"}, ReadOnly: true},
	})
	want := tokens.Changes{Added: []string{"viewer2"}, Removed: []string{"viewer"}, Changed: []string{"team"}}
	if diff := cmp.Diff(want, changes); diff != "" || changes.None() {
		t.Errorf("changes (-want +got)\n%s", diff)
	}
	for token, want := range map[string]int{testToken: 200, "of-the-team": 403, "of-a-viewer": 403, "of-another-viewer": 200, hashOf(t, "of-a-viewer"): 403} {
		if got := status(token); got != want {
			t.Errorf("%s: %d, want %d", token, got, want)
		}
	}
}

// hashOf returns a cheap hash of the token, as a caller makes it.
func hashOf(t *testing.T, token string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(token), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(hash)
}

func TestTheLogTellsCallersApart(t *testing.T) {
	t.Parallel()
	c := config.Local([]string{localaws.SubnetA}, []string{localaws.SecurityGroup})
	c.Token, c.Tokens = testToken, map[string]config.Token{"ui": {Token: "the-ui's-token"}}
	h := newHarnessWith(t, localaws.New(), c)
	for header, caller := range map[string]string{testToken: "default", "the-ui's-token": "ui", hashOf(t, "the-ui's-token"): "ui"} {
		before := len(h.log.String())
		resp, _ := h.do(t, http.MethodGet, "/v1/ecs/nothing", "", headerToken+": "+header)
		logged := h.log.String()[before:]
		if resp.StatusCode != http.StatusNotFound || !strings.Contains(logged, `"caller":"`+caller+`"`) {
			t.Errorf("got %d, logged %s, want caller %s", resp.StatusCode, logged, caller)
		}
		if strings.Contains(logged, header) {
			t.Errorf("the token is in the log: %s", logged)
		}
	}
}
