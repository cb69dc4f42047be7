package registry

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"unicode"

	"ecs-api/common"
)

// Credentials are what a registry asks of who pulls. They print as ***.
type Credentials struct{ Username, Password string }

const redacted = "***"

// String hides the credentials.
func (Credentials) String() string { return redacted }

// GoString hides the credentials from %#v.
func (Credentials) GoString() string { return redacted }

// MarshalJSON hides the credentials.
func (Credentials) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

const (
	maxAuthHeader = 16 << 10 // ECR's tokens are under 4 KiB
	maxUsername   = 256
	maxPassword   = 8 << 10
)

// ParseCredentials reads the header X-Registry-Auth: base64, of either alphabet and padded or not, of {"username","password"}; other
// keys are ignored, as Docker sends some. No header, and neither name nor password, mean no credentials: nil. The error is a BadRequest
// that does not repeat any of it.
func ParseCredentials(header string) (*Credentials, error) {
	header = strings.TrimSpace(header)
	if header == "" {
		return nil, nil
	}
	if len(header) > maxAuthHeader {
		return nil, badCredentials("is too long")
	}
	raw := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(header, "="))
	text, err := base64.RawStdEncoding.DecodeString(raw)
	if err != nil {
		return nil, badCredentials("must be base64")
	}
	var given *struct{ Username, Password string }
	if err := json.Unmarshal(text, &given); err != nil || given == nil {
		return nil, badCredentials(`must be the base64 of {"username": "…", "password": "…"}`)
	}
	if given.Username == "" && given.Password == "" {
		return nil, nil
	}
	if err := checkCredentials(given.Username, given.Password); err != nil {
		return nil, err
	}
	return &Credentials{Username: given.Username, Password: given.Password}, nil
}

// checkCredentials returns what basic authentication cannot carry of a user's name and password.
func checkCredentials(user, password string) error {
	switch {
	case user == "" || password == "":
		return badCredentials("needs both username and password")
	case len(user) > maxUsername || len(password) > maxPassword:
		return badCredentials("has a username or password that is too long")
	case strings.ContainsFunc(user+password, unicode.IsControl) || strings.Contains(user, ":"):
		return badCredentials("has a control character, or a colon in the username, which basic authentication cannot carry")
	}
	return nil
}

func badCredentials(detail string) error {
	return common.Invalid(common.FieldError{Field: "X-Registry-Auth", Detail: detail})
}
