package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"

	"ecs-api/api/body"
	"ecs-api/api/negotiation"
	"ecs-api/common"
)

const (
	// maxBody is how large a request's body may be.
	maxBody = 1 << 20
	// maxDrained is how much is read of a body that is too large, and forgotten: many callers send all they have before they read the
	// response, and a connection that is closed meanwhile hides it from them.
	maxDrained = 16 << 20
)

// headerIgnored names the keys of a body that were ignored.
const headerIgnored = "X-Ignored-Fields"

// decode reads the body of c's request into the struct that in points to, and names in the response what of it is ignored. The error lists
// all that is wrong with the body, what the endpoint's check finds among it.
func (e *endpoint) decode(w http.ResponseWriter, c *call, in any) error {
	takesNone := e.in == reflect.TypeFor[none]()
	if takesNone && (isRead(c.request) || c.request.ContentLength == 0) {
		return nil
	}
	text, err := readBody(w, c.request)
	if err != nil || takesNone && len(text) == 0 {
		return err
	}
	if e.bare && len(text) == 0 {
		text = []byte("{}")
	}
	strict := negotiation.PrefersStrict(c.request)
	if c.body, err = body.Decode(text, in, strict); err != nil {
		return err
	}
	if strict {
		negotiation.Apply(w.Header(), "handling=strict")
	}
	if len(c.body.Ignored) > 0 {
		w.Header().Set(headerIgnored, headerList(c.body.Ignored))
	}
	err = c.body.Err()
	if err != nil && e.check != nil && !c.body.HasNulls {
		err = c.body.Err(e.check(*c, in)...)
	}
	return err
}

// headerList returns paths as the value of a header. What a header cannot hold, or would separate two paths, is escaped as in a URL.
func headerList(paths []string) string {
	var b strings.Builder
	for i, path := range paths {
		if i > 0 {
			b.WriteString(", ")
		}
		for _, c := range []byte(path) {
			if c <= ' ' || c >= 0x7f || c == ',' || c == '%' {
				fmt.Fprintf(&b, "%%%02X", c)
			} else {
				b.WriteByte(c)
			}
		}
	}
	return b.String()
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > maxBody {
		return nil, tooLarge(w, r)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil {
		return body, nil
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge(w, r)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, common.Errorf(common.BadRequest, "the body did not arrive in time")
	}
	return nil, common.Errorf(common.BadRequest, "the body could not be read to its end")
}

// tooLarge returns the error for a body over maxBody, when the caller is ready to read it.
func tooLarge(w http.ResponseWriter, r *http.Request) error {
	asks := r.Header.Get("Expect") != "" // whether to send it at all; reading would say yes
	if asks || r.ContentLength > maxDrained || !drain(r.Body) {
		w.Header().Set("Connection", "close") // else the server would read on to reuse the connection
	}
	return common.Errorf(common.TooLarge, "the body must be at most %d bytes", maxBody)
}

// drain reads up to maxDrained bytes, and reports whether there are no more.
func drain(body io.Reader) bool {
	_, err := io.CopyN(io.Discard, body, maxDrained)
	return errors.Is(err, io.EOF)
}
