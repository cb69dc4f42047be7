package registry

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
)

func TestCredentialsComeInAnyBase64(t *testing.T) {
	t.Parallel()
	const text = `{"username": "supahman", "password": "pässwörd?>~", "email": "x@example.com", "serveraddress": "ghcr.io"}`
	want := &Credentials{"supahman", "pässwörd?>~"}
	for what, enc := range map[string]*base64.Encoding{
		"standard": base64.StdEncoding, "standard without padding": base64.RawStdEncoding, "url": base64.URLEncoding, "url without padding": base64.RawURLEncoding,
	} {
		got, err := ParseCredentials(" " + enc.EncodeToString([]byte(text)) + " ")
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b Credentials) bool { return a == b })); err != nil || diff != "" {
			t.Errorf("%s: %v %s", what, err, diff)
		}
	}
}

func TestNoCredentialsAreNil(t *testing.T) {
	t.Parallel()
	for _, header := range []string{"", " ", b64("{}"), b64(`{"username": "", "password": ""}`)} {
		if got, err := ParseCredentials(header); got != nil || err != nil {
			t.Errorf("%q: got %v, %v; want neither", header, got, err)
		}
	}
}

var badHeaders = []string{
	"!", "===", "a", b64(" "), b64("null"), b64("[]"), b64("hunter2"), b64(`"hunter2"`), b64(`{"username": 1, "password": "hunter2"}`), b64(`{"username": "u", "password": "hunter2"} x`),
	b64(`{"username": "hunter2"}`), b64(`{"password": "hunter2"}`), b64(`{"username": "u:hunter2", "password": "p"}`), b64(`{"username": "u", "password": "hunter2\r\nX: y"}`),
	b64(`{"username": "u", "password": "` + strings.Repeat("hunter2", 1300) + `"}`), b64(`{"username": "` + strings.Repeat("hunter2", 40) + `", "password": "p"}`),
	strings.Repeat("A", 1<<20), b64(strings.Repeat("[", 10_000)),
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestMalformedCredentialsAreBadRequests(t *testing.T) {
	t.Parallel()
	for _, header := range badHeaders {
		got, err := ParseCredentials(header)
		if got != nil || !common.Is(err, common.BadRequest) {
			t.Errorf("%.80q: got %v, %v; want a BadRequest", header, got, err)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%.80q: the error repeats it: %v", header, err)
		}
	}
}

func TestCredentialsDoNotPrint(t *testing.T) {
	t.Parallel()
	c := Credentials{user, password}
	text, err := json.Marshal(map[string]any{"value": c, "pointer": &c})
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprint(c, &c) + fmt.Sprintf("%v %+v %#v %s %q %x", c, &c, c, c, c, c) + string(text)
	if strings.Contains(all, user) || strings.Contains(all, password) || strings.Contains(all, fmt.Sprintf("%x", password)) {
		t.Errorf("printed %s", all)
	}
}

// Whatever the header, ParseCredentials does not panic, and returns either credentials that basic authentication can carry or a BadRequest.
func FuzzParseCredentials(f *testing.F) {
	for _, header := range badHeaders[:len(badHeaders)-2] {
		f.Add(header)
	}
	f.Add("")
	f.Add(b64(`{"username": "u", "password": "p"}`))
	f.Fuzz(func(t *testing.T, header string) {
		switch got, err := ParseCredentials(header); {
		case err != nil:
			if got != nil || !common.Is(err, common.BadRequest) {
				t.Fatalf("%v, %v", got, err)
			}
		case got != nil && (got.Username == "" || got.Password == "" || strings.ContainsAny(got.Username, ":\r\n") || strings.ContainsAny(got.Password, "\r\n")):
			t.Fatal("credentials that cannot be sent")
		}
	})
}
