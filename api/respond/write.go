package respond

import (
	"net/http"
	"strconv"
)

// Write sends the head and the body of a response at once.
func Write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // an error means that the caller hung up: there is nobody to tell
}
