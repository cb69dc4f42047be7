package localaws_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/credentials"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/sts"

	"ecs-api/localaws"
)

// newSession returns a session whose calls go to the simulator, without retries.
func newSession(t testing.TB, a *localaws.AWS) *session.Session {
	t.Helper()
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	sess, err := session.NewSession(&aws.Config{
		Region:      aws.String("us-east-1"),
		Endpoint:    aws.String(server.URL),
		Credentials: credentials.NewStaticCredentials("AKIDLOCAL", "secret", ""),
		MaxRetries:  aws.Int(0),
		HTTPClient:  &http.Client{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return sess
}

func TestTheCallerIsTheDefaultAccount(t *testing.T) {
	t.Parallel()
	out, err := sts.New(newSession(t, localaws.New())).GetCallerIdentity(&sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.StringValue(out.Account); got != localaws.DefaultAccount {
		t.Errorf("account %q, want %q", got, localaws.DefaultAccount)
	}
}
