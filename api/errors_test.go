package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws/awserr"
	"github.com/google/go-cmp/cmp"

	"ecs-api/api/respond"
	"ecs-api/api/telemetry"
	"ecs-api/common"
	"ecs-api/localaws"
)

func TestEveryKindOfErrorHasAStatus(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	var fails error
	h.v1().Handle("/fails", handle(h.Server, http.StatusOK, func(call, none) (none, error) { return none{}, fails })).Methods(http.MethodGet)
	for _, kind := range common.Kinds() {
		if respond.Status(kind) == 0 {
			t.Errorf("%v has no status", kind)
		}
		fails = common.Errorf(kind, "the text of it")
		resp, body := h.do(t, http.MethodGet, "/v1/ecs/fails", "")
		p := problemOf(t, resp, body)
		if p.Status != respond.Status(kind) {
			t.Errorf("%v gets %d, want %d", kind, p.Status, respond.Status(kind))
		}
		if shown := strings.Contains(p.Detail, "the text of it"); shown != (kind != common.Internal) {
			t.Errorf("%v: detail %q", kind, p.Detail)
		}
	}
}

func TestErrorsSayWhatTheCallerCanDo(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	var fails error
	h.v1().Handle("/fails", handle(h.Server, http.StatusOK, func(call, none) (none, error) { return none{}, fails })).Methods(http.MethodPost)
	refused := awserr.New("AccessDeniedException", "User: arn:aws:iam::1:user/us is not authorized", nil)
	throttled := common.Errorf(common.Throttled, "list clusters: slow down")
	if e, ok := errors.AsType[*common.Error](throttled); ok {
		e.After = 1500 * time.Millisecond
	}

	tests := []struct {
		name   string
		err    error
		want   problem
		after  string
		logged string
	}{
		{
			"AWS's code is passed on", common.FromAWS(awserr.New("ClusterNotFoundException", "Cluster not found.", nil), "describe cluster %q", "c"),
			problem{Status: 404, Detail: `describe cluster "c": Cluster not found.`, Code: "ClusterNotFoundException"}, "", "ClusterNotFoundException",
		},
		{
			"what AWS says of us is for the log", common.FromAWS(refused, "create cluster"),
			problem{Status: 500, Code: "Internal", Detail: "the server could not do this, and the fault is not yours; its log says why, under this request's id"}, "", "user/us is not authorized",
		},
		{
			"an error nobody classified is for the log", errors.New("a bug"),
			problem{Status: 500, Code: "Internal", Detail: "the server could not do this, and the fault is not yours; its log says why, under this request's id"}, "", "a bug",
		},
		{
			"fields are listed", common.Wrapf(common.Invalid(common.FieldError{Field: "service.servicename", Detail: "must not be empty"}), "create service"),
			problem{
				Status: 400, Code: "InvalidRequest", Detail: "create service: the request is not valid: service.servicename must not be empty",
				Errors: []common.FieldError{{Field: "service.servicename", Detail: "must not be empty"}},
			}, "", "servicename",
		},
		{"when to come back, in whole seconds", throttled, problem{Status: 429, Code: "Throttled", Detail: "list clusters: slow down"}, "2", "slow down"},
		{
			"what is left over is named, whoever is to blame", common.WithLeftBehind(common.FromAWS(refused, "create service"), "cluster c", "role r"),
			problem{
				Status: 500, Code: "Internal", Detail: "the server could not do this, and the fault is not yours; its log says why, under this request's id; leftover: cluster c; role r",
				LeftBehind: []string{"cluster c", "role r"},
			}, "", "leftover: cluster c; role r",
		},
		{"a deadline", fmt.Errorf("wait: %w", context.DeadlineExceeded), problem{Status: 504, Code: "Timeout", Detail: "wait: context deadline exceeded"}, "", "deadline"},
		{"a text without end", common.Errorf(common.NotFound, "no cluster %s", strings.Repeat("x", telemetry.MaxText)), problem{Status: 404, Code: "NotFound", Detail: "no cluster " + strings.Repeat("x", telemetry.MaxText-11) + "…"}, "", "no cluster xxx"},
		{"text that is not UTF-8", common.Errorf(common.NotFound, "no \xff\n\"here\""), problem{Status: 404, Code: "NotFound", Detail: "no \uFFFD\n\"here\""}, "", "here"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fails = tt.err
			before := len(h.log.String())
			resp, body := h.do(t, http.MethodPost, "/v1/ecs/fails", "")
			got := problemOf(t, resp, body)
			tt.want.Type, tt.want.Title, tt.want.RequestID = got.Type, got.Title, got.RequestID
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if after := resp.Header.Get("Retry-After"); after != tt.after {
				t.Errorf("Retry-After %q, want %q", after, tt.after)
			}
			logged := strings.TrimSpace(h.log.String()[before:])
			var line map[string]any
			if err := json.Unmarshal([]byte(logged), &line); err != nil || !strings.Contains(fmt.Sprint(line["error"]), tt.logged) {
				t.Errorf("logged %s (%v), want one line with %q", logged, err, tt.logged)
			}
		})
	}
}

func TestAnErrorRepeatsLittleOfWhatTheCallerSent(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	name := strings.Repeat("é", 200_000)
	body := `{"service":{"servicename":"x","cluster":"` + name + `"},"credentials":{"` + name[:1000] + `":{}}}`
	resp, text := h.do(t, http.MethodPost, "/v1/ecs/local/services", body)
	if p := problemOf(t, resp, text); p.Status != http.StatusBadRequest || len(p.Errors) < 4 {
		t.Errorf("%.500s", text)
	}
	if len(text) > 32<<10 || len(h.log.String()) > 32<<10 {
		t.Errorf("%d bytes were returned, %d logged", len(text), len(h.log.String()))
	}
	if strings.Contains(text, "\uFFFD\uFFFD") {
		t.Error("a character was cut in pieces")
	}
}
