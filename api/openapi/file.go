package openapi

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// file serves a text that is part of the program. It is stored compressed, as nearly every caller accepts it, and is decompressed once for
// those who do not: these need no token, and decompressing it for each of them would cost more than they do.
type file struct {
	media, etag string
	packed      []byte
	plain       func() []byte // the text, decompressed once
	policy      string        // the Content-Security-Policy; empty if browsers do not render the file
}

// newFile returns a file with the text.
func newFile(media string, text []byte) *file {
	var packed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // the level is a valid one
	_, _ = w.Write(text)                                       // a buffer takes everything
	_ = w.Close()
	return packedFile(media, packed.Bytes())
}

// packedFile returns a file with the text that packed holds. Its ETag is a weak one: it stands for the text, compressed or not.
func packedFile(media string, packed []byte) *file {
	return &file{
		media: media, packed: packed, etag: fmt.Sprintf(`W/"%.16x"`, sha256.Sum256(packed)),
		plain: sync.OnceValue(func() []byte {
			r, err := gzip.NewReader(bytes.NewReader(packed))
			if err != nil {
				panic(err) // it is part of the program, and tests read it
			}
			text, err := io.ReadAll(r)
			if err != nil {
				panic(err)
			}
			return text
		}),
	}
}

// lazily returns a handler that is made for the first request.
func lazily(build func() *file) http.Handler {
	once := sync.OnceValue(build)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { once().ServeHTTP(w, r) })
}

// ServeHTTP sends the file, or 304 if the caller has it. Callers may keep it, and must revalidate it.
func (f *file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("ETag", f.etag)
	h.Set("Cache-Control", "no-cache")
	h.Set("Vary", "Accept-Encoding")
	h.Set("Content-Type", f.media)
	if f.policy != "" {
		h.Set("Content-Security-Policy", f.policy)
		h.Set("Referrer-Policy", "no-referrer")
	}
	body := f.packed
	if acceptsGzip(r.Header.Values("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
	} else {
		body = f.plain()
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// acceptsGzip reports whether a caller's headers name gzip as an encoding it accepts.
func acceptsGzip(headers []string) bool {
	for coding := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			weight = strings.ReplaceAll(weight, " ", "")
			return weight == "" || strings.Trim(strings.TrimPrefix(weight, "q="), "0.") != ""
		}
	}
	return false
}
