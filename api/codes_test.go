package api

import (
	goflag "flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ecs-api/api/respond"
	"ecs-api/common"
	"ecs-api/localaws"
)

var update = goflag.Bool("update", false, "write the documents that are generated from the code, instead of comparing them")

// errorsGuide is the table of codes; `go test ./api -run TestTheErrorsGuide -update` writes it.
const errorsGuide = "../docs/errors.md"

// errorsTable returns the guide to the codes.
func errorsTable() string {
	var b strings.Builder
	b.WriteString(`# Errors

Every error is ` + "`application/problem+json`" + ` ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) with a ` + "`code`" + `. Branch on the code, never on the words of ` + "`detail`" + `. Where AWS refused a request (400, 404 or 409) the code is
AWS's own, such as ` + "`InvalidParameterException`" + `; all others are listed here. [The callers' guide](callers.md#errors) shows whole errors.

This page is generated from common/codes.go: ` + "`go test ./api -run TestTheErrorsGuide -update`" + ` writes it.

| code | status | when | what to do |
|---|---|---|---|
`)
	for _, info := range common.Codes() {
		fix := info.Fix
		if info.After > 0 && !strings.Contains(fix, "Retry-After") {
			fix += " `Retry-After` says when."
		}
		fmt.Fprintf(&b, "| `%s` | %d | %s | %s |\n", info.Code, respond.Status(info.Kind), info.Cause, fix)
	}
	return b.String()
}

func TestTheErrorsGuideListsEveryCode(t *testing.T) {
	t.Parallel()
	want := errorsTable()
	if *update {
		if err := os.WriteFile(errorsGuide, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(errorsGuide)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("run go test ./api -run TestTheErrorsGuide -update\n%s", diff)
	}
}

func TestTheOpenAPIDocumentListsEveryCode(t *testing.T) {
	t.Parallel()
	var want, got []string
	for _, info := range common.Codes() {
		want = append(want, string(info.Code))
	}
	for _, ref := range loadOpenAPI(t).Components.Schemas["Code"].Value.AnyOf {
		for _, code := range ref.Value.Enum {
			got = append(got, fmt.Sprint(code))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-code +document\n%s", diff)
	}
}

func TestEveryCodeReachesTheCaller(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	var fails error
	h.v1().Handle("/fails", handle(h.Server, http.StatusOK, func(call, none) (none, error) { return none{}, fails })).Methods(http.MethodPost)
	for _, info := range common.Codes() {
		fails = common.Coded(info.Code, "the text of it")
		resp, body := h.do(t, http.MethodPost, base+"/fails", "")
		p := problemOf(t, resp, body)
		if p.Code != info.Code || p.Status != respond.Status(info.Kind) {
			t.Errorf("%s of %v: %s", info.Code, info.Kind, body)
		}
		if after := resp.Header.Get("Retry-After"); (after != "") != (info.After > 0) {
			t.Errorf("%s: Retry-After %q", info.Code, after)
		}
	}
}
