package common

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/ssm"
)

func TestADeleteKnowsItsOwnWork(t *testing.T) {
	refuse := func(code string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"__type":"` + code + `","message":"m"}`))
		}
	}
	for _, test := range []struct {
		name string
		do   []http.HandlerFunc // what becomes of each try
		want string             // the error's code
	}{
		{"nothing was there", []http.HandlerFunc{refuse("ParameterNotFound")}, "ParameterNotFound"},
		{"throttled, then nothing was there", []http.HandlerFunc{refuse("ThrottlingException"), refuse("ParameterNotFound")}, "ParameterNotFound"},
		{"the response was lost, then nothing was there", []http.HandlerFunc{func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, refuse("ParameterNotFound")}, ""},
		{"AWS failed, was throttled, then nothing was there", []http.HandlerFunc{func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, refuse("ThrottlingException"), refuse("ParameterNotFound")}, ""},
		{"the response was lost, then it was refused", []http.HandlerFunc{func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, refuse("ValidationException")}, "ValidationException"},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { n++; test.do[n-1](w, req) }))
			defer server.Close()
			sess, err := NewSession(Access{Region: "us-east-1", AccessKeyID: "AKID", SecretKey: "secret", Endpoint: server.URL,
				Retry: RetryPolicy{Throttled: 3, ThrottledWait: time.Millisecond, Failed: 3, FailedWait: time.Millisecond}})
			if err != nil {
				t.Fatal(err)
			}
			var tries Tries
			_, err = ssm.New(sess).DeleteParameterWithContext(t.Context(), &ssm.DeleteParameterInput{Name: aws.String("/o/p")}, tries.Watch)
			if err = tries.Deleted(FromAWS(err, "delete")); CodeOf(err) != test.want || (err == nil) != (test.want == "") {
				t.Errorf("after %d tries: %v, want code %q", n, err, test.want)
			}
			if n != len(test.do) {
				t.Errorf("%d tries, want %d", n, len(test.do))
			}
		})
	}
}

func TestARefusedConnectionTookNoEffect(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	sess, err := NewSession(Access{Region: "us-east-1", AccessKeyID: "AKID", SecretKey: "secret", Endpoint: server.URL,
		Retry: RetryPolicy{Throttled: 1, ThrottledWait: time.Millisecond, Failed: 1, FailedWait: time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	var tries Tries
	_, err = ssm.New(sess).DeleteParameterWithContext(t.Context(), &ssm.DeleteParameterInput{Name: aws.String("/o/p")}, tries.Watch)
	if err == nil || tries.Lost() {
		t.Errorf("error %v, lost %v", err, tries.Lost())
	}
	if other := errors.New("other"); tries.Deleted(other) != other {
		t.Error("another error was not passed on")
	}
}
