package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
)

func TestASecretIsNeverShown(t *testing.T) {
	const value = "hunter2"
	secret := Secret(value)
	holder := struct {
		S Secret
		P *Secret
		M map[string]Secret
		L []Secret
	}{secret, &secret, map[string]Secret{"k": secret}, []Secret{secret}}
	shown := map[string]string{"String": secret.String(), "Sprint": fmt.Sprint(secret, &holder), "error": fmt.Errorf("token %s: %w", secret, fmt.Errorf("%v", secret)).Error()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "% X", "%d", "%10.3s", "%!"} {
		shown[verb] = fmt.Sprintf(verb, secret)
		shown["struct "+verb] = fmt.Sprintf(verb, holder)
	}
	for name, v := range map[string]any{"value": secret, "struct": holder} {
		out, err := json.Marshal(v)
		if err != nil {
			t.Fatalf("marshal %s: %v", name, err)
		}
		shown["JSON of "+name] = string(out)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "k", secret)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "k", secret)
	for _, f := range []logrus.Formatter{&logrus.JSONFormatter{}, &logrus.TextFormatter{}} {
		l := logrus.New()
		l.SetOutput(&log)
		l.SetFormatter(f)
		l.WithField("k", secret).Info(secret)
	}
	shown["logs"] = log.String()

	for name, text := range shown {
		if strings.Contains(text, value) || strings.Contains(strings.ToLower(text), fmt.Sprintf("%x", value)) {
			t.Errorf("%s shows the secret: %s", name, text)
		}
	}
	if got := shown["%v"]; got != "***" {
		t.Errorf("a secret prints as %s, want ***", got)
	}
	if got := shown["JSON of value"]; got != `"***"` {
		t.Errorf(`a secret marshals as %s, want "***"`, got)
	}
	if got := secret.Reveal(); got != value {
		t.Errorf("Reveal returned %q, want the secret", got)
	}
}
