package config

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	_ "ecs-api/racetest" // for what it does to a process of tests
)

func TestCallers(t *testing.T) {
	tests := []struct {
		name   string
		config Config
		want   map[string]Token
	}{
		{"the one token", Config{Token: "x"}, map[string]Token{"default": {Token: "x"}}},
		{"named tokens", Config{Tokens: map[string]Token{"ui": {Token: "y", ReadOnly: true}}}, map[string]Token{"ui": {Token: "y", ReadOnly: true}}},
		{"both", Config{Token: "x", Tokens: map[string]Token{"ui": {Token: "y"}}}, map[string]Token{"default": {Token: "x"}, "ui": {Token: "y"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.config.Callers()); diff != "" {
				t.Errorf("callers (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDurationIsWrittenAsItIsRead(t *testing.T) {
	text, err := json.Marshal(Duration(90 * time.Second))
	if err != nil || string(text) != `"1m30s"` {
		t.Fatalf(`marshalled as %s, %v; want "1m30s"`, text, err)
	}
	var d Duration
	if err := json.Unmarshal(text, &d); err != nil || d != Duration(90*time.Second) {
		t.Errorf("read back as %v, %v; want 1m30s", d, err)
	}
}

func TestLocal(t *testing.T) {
	c := Local([]string{"subnet-1"}, []string{"sg-1"})
	want := &Config{
		ListenAddress: "127.0.0.1:8080", Token: "local", LogLevel: "info", LogFormat: "text", Org: "localdev", ShutdownGrace: Duration(2 * time.Minute),
		Accounts: map[string]Account{"local": {Region: "us-east-1", AKID: "local", Secret: "local", DefaultSGs: []string{"sg-1"}, DefaultSubnets: []string{"subnet-1"}}},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

func TestTheExample(t *testing.T) {
	text, err := os.ReadFile("config.example.json")
	if err != nil {
		t.Fatal(err)
	}
	t.Run("is refused with its token, which everybody knows, and for nothing else", func(t *testing.T) {
		_, err := parse(text, env())
		if want := "not valid:\ntoken must be replaced: it is still the example's, which everybody knows"; errorText(err) != want {
			t.Errorf("error is %q, want %q", errorText(err), want)
		}
	})
	t.Run("works once its token is replaced", func(t *testing.T) {
		c, err := parse([]byte(replace(t, string(text), placeholder, "another")), env())
		if err != nil {
			t.Fatal(err)
		}
		if got, want := c.Token, Secret("another"); got != want {
			t.Errorf("token is %q, want %q", got.Reveal(), want.Reveal())
		}
	})
	t.Run("works once the environment has the token", func(t *testing.T) {
		if _, err := parse(text, env("ECS_API_TOKEN", "another")); err != nil {
			t.Error(err)
		}
	})
	t.Run("shows every key but those left out for a reason", func(t *testing.T) {
		absent := map[string]string{
			"tokens":              "the one token is enough to begin with, and ECS_API_TOKEN alone makes the example work",
			"registries":          "opens a door that most deployments keep shut",
			"state":               "one server needs none, and ECS_API_STATE_REDIS keeps its password out of the file",
			"debugAddress":        "off unless somebody is looking for a fault",
			"rateLimits":          "AWS's own limits are built in",
			"accounts.*.endpoint": "AWS itself unless somebody knows better",
		}
		var doc any
		if err := json.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		shown := map[string]bool{}
		keysShown(doc, reflect.TypeFor[Config](), "", shown)
		keys := keysOfType(reflect.TypeFor[Config](), "")
		if len(keys) < 20 {
			t.Fatalf("only %d keys found: %q", len(keys), keys)
		}
		for key := range absent {
			if !slices.Contains(keys, key) {
				t.Errorf("%s is left out, but there is no such key", key)
			}
		}
		for _, key := range keys {
			left := slices.ContainsFunc(slices.Collect(maps.Keys(absent)), func(a string) bool { return key == a || strings.HasPrefix(key, a+".") })
			switch {
			case left && shown[key]:
				t.Errorf("%s is in the example, and listed as left out", key)
			case !left && !shown[key]:
				t.Errorf("%s is not in the example: show it, or say why not", key)
			}
		}
	})
}

// keysOfType returns every key that a config may have, with * for what the user names.
func keysOfType(t reflect.Type, prefix string) []string {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return keysOfType(t.Elem(), prefix)
	case reflect.Map:
		return keysOfType(t.Elem(), prefix+"*.")
	case reflect.Struct:
		var all []string
		for i, key := range keysOf(t) {
			all = append(all, prefix+key)
			all = append(all, keysOfType(t.Field(i).Type, prefix+key+".")...)
		}
		return all
	}
	return nil
}

// keysShown adds to shown the keys of a document, in the form of keysOfType.
func keysShown(doc any, t reflect.Type, prefix string, shown map[string]bool) {
	switch v := doc.(type) {
	case map[string]any:
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		for key, value := range v {
			if t.Kind() == reflect.Map {
				keysShown(value, t.Elem(), prefix+"*.", shown)
				continue
			}
			shown[prefix+key] = true
			keysShown(value, t.Field(slices.Index(keysOf(t), key)).Type, prefix+key+".", shown)
		}
	case []any:
		for _, item := range v {
			keysShown(item, t, prefix, shown)
		}
	}
}
