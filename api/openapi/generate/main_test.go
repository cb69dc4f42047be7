package main

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	_ "ecs-api/racetest" // for what it does to a process of tests
)

var update = flag.Bool("update", false, "write the generated part of the document anew")

func TestTheGeneratedPartOfTheDocumentIsUpToDate(t *testing.T) {
	const openapi folder = ".."
	if *update {
		if err := openapi.update(); err != nil {
			t.Fatal(err)
		}
	}
	want, err := openapi.document()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("openapi.yaml is stale: go generate ./api/openapi\n-is +should be\n%s", cmp.Diff(lines(got), lines(want)))
	}
}

func lines(text []byte) []string {
	var out []string
	for line := range bytes.Lines(text) {
		out = append(out, string(line))
	}
	return out
}

func TestMembersWithoutWordsAreRefused(t *testing.T) {
	m, err := readModel("../../../ecs/sdk/model/ecs/2014-11-13/api-2.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		edit func(texts map[string]map[string]any)
		want string
	}{
		{"none for a member that callers send", func(texts map[string]map[string]any) { delete(texts["HealthCheck"], "Retries") },
			"words.yaml has no words for HealthCheck.Retries"},
		{"words for a member that is not there", func(texts map[string]map[string]any) { texts["HealthCheck"]["Retires"] = "x" },
			"words.yaml has words for what is not there: HealthCheck.Retires"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, err := readWords("words.yaml")
			if err != nil {
				t.Fatal(err)
			}
			tt.edit(w.texts)
			if _, err := generate(w, m); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
