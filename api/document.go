package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"ecs-api/common"
)

// document answers GET with a text that is part of the program. It is kept packed, as nearly every caller takes it, and unpacked from the first
// one on who does not: these need no token, and unpacking it for each of them would cost more than they do.
type document struct {
	media, etag string
	packed      []byte
	plain       func() ([]byte, error) // the text, unpacked once
	policy      string                 // what browsers may do with it; empty if it is nothing to them
}

// newDocument returns a document for the text.
func newDocument(media string, text []byte) *document {
	var packed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // the level is a valid one
	_, _ = w.Write(text)                                       // a buffer takes everything
	_ = w.Close()
	return packedDocument(media, packed.Bytes())
}

// packedDocument returns a document for the text that packed holds. Its tag is a weak one: it stands for the text, packed or not.
func packedDocument(media string, packed []byte) *document {
	return &document{
		media: media, packed: packed, etag: fmt.Sprintf(`W/"%.16x"`, sha256.Sum256(packed)),
		plain: sync.OnceValues(func() ([]byte, error) {
			r, err := gzip.NewReader(bytes.NewReader(packed))
			if err != nil {
				return nil, err
			}
			return io.ReadAll(r)
		}),
	}
}

// ServeHTTP answers the document, or that it is what the caller has. Callers may keep it, and must ask whether it is still the same.
func (d *document) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("ETag", d.etag)
	h.Set("Cache-Control", "no-cache")
	h.Set("Vary", "Accept-Encoding")
	if d.policy != "" {
		h.Set("Content-Security-Policy", d.policy)
		h.Set("Referrer-Policy", "no-referrer")
	}
	if matches(r.Header.Values("If-None-Match"), d.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := d.packed
	if takesGzip(r.Header.Values("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
	} else {
		var err error
		if body, err = d.plain(); err != nil {
			writeError(w, r, common.Errorf(common.Internal, "unpack %s: %w", r.URL.Path, err))
			return
		}
	}
	h.Set("Content-Type", d.media)
	write(w, http.StatusOK, body)
}

// matches reports whether one of the tags in a caller's headers is etag.
func matches(headers []string, etag string) bool {
	for tag := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(etag, "W/") {
			return true
		}
	}
	return false
}

// takesGzip reports whether a caller's headers name gzip as an encoding it takes.
func takesGzip(headers []string) bool {
	for coding := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			weight = strings.ReplaceAll(weight, " ", "")
			return weight == "" || strings.Trim(strings.TrimPrefix(weight, "q="), "0.") != ""
		}
	}
	return false
}
