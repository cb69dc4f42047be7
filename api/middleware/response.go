package middleware

import (
	"net/http"
	"time"

	"ecs-api/api/telemetry"
)

// writeLimit is how long a caller may take to read a response, which is complete before its first byte is sent.
const writeLimit = 30 * time.Second

// Response is a response as it is sent: it keeps the status and the size, and gives a slow reader no more than writeLimit.
type Response struct {
	http.ResponseWriter
	Status int   // 0: nothing has been sent
	Size   int64 // of the body
	record *telemetry.Record
}

// NewResponse returns the response to the request of the record.
func NewResponse(w http.ResponseWriter, record *telemetry.Record) *Response {
	return &Response{ResponseWriter: w, record: record}
}

// WriteHeader sends the head of the response, once.
func (w *Response) WriteHeader(status int) {
	if w.Status != 0 {
		return
	}
	w.Status = status
	if calls := w.record.AWSCalls.Load(); calls > 0 {
		w.Header().Set("Server-Timing", telemetry.ServerTiming(time.Since(w.record.Start), calls, w.record.Progress.Steps()))
	}
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(writeLimit)) // a test's recorder has none
	w.ResponseWriter.WriteHeader(status)
}

// Write sends a part of the body.
func (w *Response) Write(p []byte) (int, error) {
	if w.Status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(p)
	w.Size += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController find the connection.
func (w *Response) Unwrap() http.ResponseWriter { return w.ResponseWriter }
