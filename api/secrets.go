package api

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"
	"github.com/gorilla/mux"

	"ecs-api/common"
	"ecs-api/orchestration/adhoc"
	"ecs-api/orchestration/etag"
)

// The windows of a secret's deletion, in days; 0 deletes it at once.
const minWindow, maxWindow, usualWindow = 7, 30, 7

// listSecrets returns ARNs.
func listSecrets(c call, _ none) ([]string, error) {
	tags, err := queryTags(c)
	if err != nil {
		return nil, err
	}
	return c.account.adhoc.Secrets.List(c.Context(), tags)
}

func showSecret(c call, _ none) (*awssecrets.DescribeSecretOutput, error) {
	secret, err := c.account.adhoc.Secrets.Show(c.Context(), c.name("secret"))
	if err == nil {
		c.header.Set(headerETag, secretTag(secret))
	}
	return secret, err
}

// secretTag returns the entity tag of a secret: of all that is shown of it but when it was last used.
func secretTag(secret *awssecrets.DescribeSecretOutput) string {
	wanted := *secret
	wanted.LastAccessedDate = nil
	return etag.Of(wanted)
}

// matchSecret is an ETagMismatch if the secret is not in the state that the request expects.
func matchSecret(c call) error {
	if !c.match.Compares() {
		return nil
	}
	secret, err := c.account.adhoc.Secrets.Show(c.Context(), c.name("secret"))
	if err != nil {
		return err
	}
	return c.match.Check("secret "+c.name("secret"), secretTag(secret))
}

func createSecret(c call, in awssecrets.CreateSecretInput) (*adhoc.SecretVersion, error) {
	return c.account.adhoc.Secrets.Create(c.Context(), in)
}

// updateSecret responds with an empty body if only tags changed.
func updateSecret(c call, in adhoc.SecretChange) (*adhoc.SecretVersion, error) {
	if err := matchSecret(c); err != nil {
		return nil, err
	}
	return c.account.adhoc.Secrets.Update(c.Context(), c.name("secret"), in)
}

func deleteSecret(c call, _ none) (*awssecrets.DeleteSecretOutput, error) {
	if err := matchSecret(c); err != nil {
		return nil, err
	}
	return c.account.adhoc.Secrets.Delete(c.Context(), c.name("secret"), c.number("window"))
}

// secretRoutes adds the routes of secrets. One secret is also found at /secret/, where it has always been too.
func (s *Server) secretRoutes(v1 *mux.Router) {
	v1.Handle("/{account}/secrets", handle(s, http.StatusOK, listSecrets, anyQuery)).Methods(http.MethodGet)
	v1.Handle("/{account}/secrets", handle(s, http.StatusOK, createSecret)).Methods(http.MethodPost)
	for _, one := range []string{"/{account}/secrets/{secret}", "/{account}/secret/{secret}"} {
		v1.Handle(one, handle(s, http.StatusOK, showSecret, secretID)).Methods(http.MethodGet)
		v1.Handle(one, handle(s, http.StatusOK, updateSecret, secretID, conditional)).Methods(http.MethodPut)
		v1.Handle(one, handle(s, http.StatusOK, deleteSecret, secretID, deletionWindow, conditional)).Methods(http.MethodDelete)
	}
}

// secretID lets the path's secret be a name, with slashes even, or an ARN.
func secretID(e *endpoint) {
	e.params = append(e.params, param{name: "secret", kind: "name", parse: func(s string) (any, error) { return s, adhoc.CheckSecretID(s) }})
}

// deletionWindow takes the window of a deletion from the query.
func deletionWindow(e *endpoint) {
	queryParam("window", "number", func(s string) (any, error) {
		days, err := strconv.ParseInt(s, 10, 64)
		if err != nil || days != 0 && (days < minWindow || days > maxWindow) {
			return nil, errors.New("must be 0, to delete at once, or from 7 to 30 days")
		}
		return days, nil
	}, int64(usualWindow))(e)
}

// maxSecretTags is how many tags a secret may have.
const maxSecretTags = 50

// queryTags returns the query as tags, by key. Names that begin with _ are no tags.
func queryTags(c call) (common.Tags, error) {
	var tags common.Tags
	var wrong []common.FieldError
	query := maps.Clone(c.query())
	maps.DeleteFunc(query, func(key string, _ []string) bool { return strings.HasPrefix(key, "_") })
	if len(query) > maxSecretTags {
		return nil, common.Invalid(common.FieldError{Field: "query", Detail: fmt.Sprintf("must name at most %d tags: no secret has more", maxSecretTags)})
	}
	for _, key := range slices.Sorted(maps.Keys(query)) {
		values := query[key]
		switch {
		case key == "" || checkText(key) != nil:
			wrong = append(wrong, common.FieldError{Field: "query", Detail: "must be made of key=value, for tags that the secrets must have"})
		case len(values) > 1:
			wrong = append(wrong, common.FieldError{Field: key, Detail: "is given more than once"})
		case checkText(values[0]) != nil:
			wrong = append(wrong, common.FieldError{Field: key, Detail: checkText(values[0]).Error()})
		}
		tags = append(tags, common.Tag{Key: key, Value: values[0]})
	}
	return tags, common.Invalid(wrong...)
}
