package body

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"ecs-api/common"
)

const (
	// Max is how large a request's body may be.
	Max = 1 << 20
	// maxDrained is how much is read of a body that is too large, and forgotten: many callers send all they have before they read the
	// response, and a connection that is closed meanwhile hides it from them.
	maxDrained = 16 << 20
)

// HeaderList returns paths as the value of a header. What a header cannot hold, or would separate two paths, is escaped as in a URL.
func HeaderList(paths []string) string {
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

// Read reads the body of a request. The error says what is wrong, if it is too large or did not arrive.
func Read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > Max {
		return nil, tooLarge(w, r)
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, Max))
	if err == nil {
		return text, nil
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge(w, r)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, common.Errorf(common.BadRequest, "the body did not arrive in time")
	}
	return nil, common.Errorf(common.BadRequest, "the body could not be read to its end")
}

// tooLarge returns the error for a body over Max, when the caller is ready to read it.
func tooLarge(w http.ResponseWriter, r *http.Request) error {
	asks := r.Header.Get("Expect") != "" // whether to send it at all; reading would say yes
	if asks || r.ContentLength > maxDrained || !drain(r.Body) {
		w.Header().Set("Connection", "close") // else the server would read on to reuse the connection
	}
	return common.Errorf(common.TooLarge, "the body must be at most %d bytes", Max)
}

// drain reads up to maxDrained bytes, and reports whether there are no more.
func drain(body io.Reader) bool {
	_, err := io.CopyN(io.Discard, body, maxDrained)
	return errors.Is(err, io.EOF)
}
