package config

import (
	"fmt"
	"io"
)

// Secret is text that must not be shown. However it is printed or marshalled it reads ***; only Reveal gives it away.
type Secret string

const redacted = "***"

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String returns ***.
func (s Secret) String() string { return redacted }

// GoString returns ***.
func (s Secret) GoString() string { return redacted }

// Format writes *** for every verb, also those that would look at the bytes.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText returns ***.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON returns "***".
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
