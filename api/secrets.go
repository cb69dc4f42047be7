package api

import (
	"errors"
	"net/http"
	"strconv"

	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"
	"github.com/gorilla/mux"

	"ecs-api/api/urlparams"
	"ecs-api/common"
	"ecs-api/orchestration/adhoc"
	"ecs-api/orchestration/etag"
)

// The windows of a secret's deletion, in days; 0 deletes it at once.
const minWindow, maxWindow, usualWindow = 7, 30, 7

// listSecrets returns ARNs.
func listSecrets(c call, _ none) ([]string, error) {
	tags, err := c.params.Tags()
	if err != nil {
		return nil, err
	}
	return c.account.Adhoc.Secrets.List(c.Context(), tags)
}

func showSecret(c call, _ none) (*awssecrets.DescribeSecretOutput, error) {
	secret, err := c.account.Adhoc.Secrets.Show(c.Context(), c.name("secret"))
	if err == nil {
		c.header.Set(headerETag, etag.Secret(secret))
	}
	return secret, err
}

// matchSecret is an ETagMismatch if the secret is not in the state that the request expects.
func matchSecret(c call) error {
	return matches(c, "secret "+c.name("secret"), etag.Secret, func() (*awssecrets.DescribeSecretOutput, error) {
		return c.account.Adhoc.Secrets.Show(c.Context(), c.name("secret"))
	})
}

func createSecret(c call, in awssecrets.CreateSecretInput) (*adhoc.SecretVersion, error) {
	return c.account.Adhoc.Secrets.Create(c.Context(), in)
}

// updateSecret responds with an empty body if only tags changed.
func updateSecret(c call, in adhoc.SecretChange) (*adhoc.SecretVersion, error) {
	if err := matchSecret(c); err != nil {
		return nil, err
	}
	return c.account.Adhoc.Secrets.Update(c.Context(), c.name("secret"), in)
}

func deleteSecret(c call, _ none) (*awssecrets.DeleteSecretOutput, error) {
	if err := matchSecret(c); err != nil {
		return nil, err
	}
	return c.account.Adhoc.Secrets.Delete(c.Context(), c.name("secret"), c.number("window"))
}

// secretRoutes adds the routes of secrets. One secret is also found at /secret/, where it has always been too.
func (s *Server) secretRoutes(v1 *mux.Router) {
	v1.Handle("/{account}/secrets", handle(s, http.StatusOK, listSecrets, anyQuery)).Methods(http.MethodGet)
	v1.Handle("/{account}/secrets", handle(s, http.StatusOK, createSecret,
		checked(func(c call, in *awssecrets.CreateSecretInput) []common.FieldError {
			return c.account.Adhoc.Secrets.Check(in)
		}))).Methods(http.MethodPost)
	for _, one := range []string{"/{account}/secrets/{secret}", "/{account}/secret/{secret}"} {
		v1.Handle(one, handle(s, http.StatusOK, showSecret, secretID)).Methods(http.MethodGet)
		v1.Handle(one, handle(s, http.StatusOK, updateSecret, secretID, takesIfMatch,
			checked(func(c call, in *adhoc.SecretChange) []common.FieldError {
				return c.account.Adhoc.Secrets.CheckChange(in)
			}))).Methods(http.MethodPut)
		v1.Handle(one, handle(s, http.StatusOK, deleteSecret, secretID, deletionWindow, takesIfMatch)).Methods(http.MethodDelete)
	}
}

// secretID lets the path's secret be a name, with slashes even, or an ARN.
var secretID = takes(urlparams.Path("secret", func(s string) (any, error) { return s, adhoc.CheckSecretID(s) }))

// deletionWindow takes the window of a deletion from the query.
var deletionWindow = takes(urlparams.Query("window", "number", func(s string) (any, error) {
	days, err := strconv.ParseInt(s, 10, 64)
	if err != nil || days != 0 && (days < minWindow || days > maxWindow) {
		return nil, errors.New("must be 0, to delete at once, or from 7 to 30 days")
	}
	return days, nil
}, int64(usualWindow)))
