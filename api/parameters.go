package api

import (
	"net/http"
	"strings"
	"time"

	awsssm "github.com/aws/aws-sdk-go/service/ssm"
	"github.com/gorilla/mux"

	"ecs-api/api/urlparams"
	"ecs-api/common"
	"ecs-api/orchestration/adhoc"
	"ecs-api/orchestration/etag"
)

// done is the response of what has nothing else to say.
type done struct{ Message string }

// deleted is the response to the deletion of a prefix.
type deleted struct {
	Message string
	Deleted int
}

// listParameters returns the names of the parameters below a prefix, as the path of one takes them.
func listParameters(c call, _ none) ([]string, error) {
	return c.account.Adhoc.Parameters.List(c.Context(), c.name("prefix"))
}

func createParameter(c call, in awsssm.PutParameterInput) (*adhoc.ParameterVersion, error) {
	return c.account.Adhoc.Parameters.Create(c.Context(), c.name("prefix"), in)
}

func deleteParameters(c call, _ none) (*deleted, error) {
	if deletesByMistake(c.request.RequestURI) {
		return nil, common.Errorf(common.BadRequest, "the path has an empty name, so nothing is deleted. DELETE …/params/%[1]s without a trailing or doubled slash deletes all parameters "+
			"below %[1]s, DELETE …/params/{prefix}/{param} one of them", c.name("prefix"))
	}
	n, err := c.account.Adhoc.Parameters.DeleteAll(c.Context(), c.name("prefix"))
	return &deleted{"OK", n}, err
}

// deletesByMistake reports whether the path of a DELETE, as the caller wrote it, has an empty name after params. Elsewhere such slashes are
// ignored; here they are what is left of …/params/$PREFIX/$PARAM when a variable is not set, and would delete a whole prefix.
func deletesByMistake(uri string) bool {
	path, _, _ := strings.Cut(uri, "?")
	_, names, _ := strings.Cut(path, "/params")
	return strings.HasSuffix(names, "/") || strings.Contains(names, "//")
}

func showParameter(c call, _ none) (*adhoc.Parameter, error) {
	found, err := c.account.Adhoc.Parameters.Show(c.Context(), c.name("prefix"), c.name("param"))
	if err == nil {
		c.header.Set(headerETag, etag.Of(found))
	}
	return found, err
}

// matchParameter is an ETagMismatch if the parameter is not in the state that the request expects.
func matchParameter(c call) error {
	return matches(c, "parameter "+c.name("param"), func(p *adhoc.Parameter) string { return etag.Of(p) }, func() (*adhoc.Parameter, error) {
		return c.account.Adhoc.Parameters.Show(c.Context(), c.name("prefix"), c.name("param"))
	})
}

func updateParameter(c call, in awsssm.PutParameterInput) (*done, error) {
	if err := matchParameter(c); err != nil {
		return nil, err
	}
	return &done{"OK"}, c.account.Adhoc.Parameters.Update(c.Context(), c.name("prefix"), c.name("param"), in)
}

func deleteParameter(c call, _ none) (*done, error) {
	if err := matchParameter(c); err != nil {
		return nil, err
	}
	return &done{"OK"}, c.account.Adhoc.Parameters.Delete(c.Context(), c.name("prefix"), c.name("param"))
}

// prefixTime is how long deleting a prefix may take: AWS may hold thousands of parameters below it, and deletes them slowly.
const prefixTime = 2 * time.Minute

// parameterRoutes adds the routes of parameters.
func (s *Server) parameterRoutes(v1 *mux.Router) {
	const prefix = "/{account}/params/{prefix}"
	const one = prefix + "/{param}"
	v1.Handle(prefix, handle(s, http.StatusOK, listParameters, levels)).Methods(http.MethodGet)
	v1.Handle(prefix, handle(s, http.StatusOK, createParameter, levels,
		checked(func(c call, in *awsssm.PutParameterInput) []common.FieldError {
			return c.account.Adhoc.Parameters.Check(in)
		}))).Methods(http.MethodPost)
	v1.Handle(prefix, handle(s, http.StatusOK, deleteParameters, levels, within(prefixTime))).Methods(http.MethodDelete)
	v1.Handle(one, handle(s, http.StatusOK, showParameter, levels)).Methods(http.MethodGet)
	v1.Handle(one, handle(s, http.StatusOK, updateParameter, levels, takesIfMatch, checked(func(c call, in *awsssm.PutParameterInput) []common.FieldError {
		return c.account.Adhoc.Parameters.CheckChange(c.name("param"), in)
	}))).Methods(http.MethodPut)
	v1.Handle(one, handle(s, http.StatusOK, deleteParameter, levels, takesIfMatch)).Methods(http.MethodDelete)
}

// levels lets the path's prefix be what Parameter Store takes as a level of a name, and its param one or several of them: a list of a prefix
// names nested parameters too, and what it names can be shown, changed and deleted.
func levels(e *endpoint) {
	for name, check := range map[string]func(string) error{"prefix": adhoc.CheckParameterName, "param": adhoc.CheckNestedName} {
		e.params.Add(urlparams.Path(name, func(s string) (any, error) { return s, check(s) }))
	}
}
