package api

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	awsssm "github.com/aws/aws-sdk-go/service/ssm"
	"github.com/gorilla/mux"
	"golang.org/x/sync/errgroup"

	"ecs-api/common"
	"ecs-api/ssm"
)

// parameter is what is known of a parameter, which is never its value.
type parameter struct {
	ARN, Name, Description, KeyId, Type *string
	Tags                                []*awsssm.Tag
	LastModifiedDate                    string // in the form of modifiedForm
	Version                             *int64
}

// modifiedForm is how the time of a parameter's last change has always been written.
const modifiedForm = "2006-01-02 15:04:05 -0700 MST"

// parameterVersion answers what made a parameter. VersionId is the version in the form of a string.
type parameterVersion struct {
	Tier      *string
	Version   *int64
	VersionId string
}

// okay answers what has nothing else to say.
type okay struct{ Message string }

// okayDeleted answers the deletion of a prefix.
type okayDeleted struct {
	Message string
	Deleted int
}

// parameterRoutes adds the routes of parameters.
func (s *Server) parameterRoutes(v1 *mux.Router) {
	v1.Handle("/{account}/params/{prefix}", handle(s, http.StatusOK, listParameters, levels)).Methods(http.MethodGet)
	v1.Handle("/{account}/params/{prefix}", handle(s, http.StatusOK, createParameter, levels)).Methods(http.MethodPost)
	v1.Handle("/{account}/params/{prefix}", handle(s, http.StatusOK, deleteParameters, levels, within(prefixTime))).Methods(http.MethodDelete)
	v1.Handle("/{account}/params/{prefix}/{param}", handle(s, http.StatusOK, showParameter, levels)).Methods(http.MethodGet)
	v1.Handle("/{account}/params/{prefix}/{param}", handle(s, http.StatusOK, updateParameter, levels)).Methods(http.MethodPut)
	v1.Handle("/{account}/params/{prefix}/{param}", handle(s, http.StatusOK, deleteParameter, levels)).Methods(http.MethodDelete)
}

// prefixTime is how long deleting a prefix may take: AWS may hold thousands below it, and gives them up slowly.
const prefixTime = 2 * time.Minute

// parameterName matches one level of a parameter's name.
var parameterName = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

func checkParameterName(s string) error {
	if !parameterName.MatchString(s) {
		return errors.New("must be letters, digits and _ . -")
	}
	return checkName(s)
}

// levels lets the path's prefix and param be what Parameter Store takes as a level of a name.
func levels(e *endpoint) {
	for _, name := range []string{"prefix", "param"} {
		e.params = append(e.params, param{name: name, kind: "name", parse: func(s string) (any, error) { return s, checkParameterName(s) }})
	}
}

// parameterPath returns where the prefix's parameters are.
func (c call) parameterPath() string { return "/" + c.org() + "/" + c.name("prefix") }

// noParameter is the error for a parameter that is not there, or that another org's tag hides.
func noParameter(c call) error {
	return common.Errorf(common.NotFound, "there is no parameter %q under prefix %q", c.name("param"), c.name("prefix"))
}

// listParameters returns the names of a prefix's parameters, as the path of one takes them.
func listParameters(c call, _ none) ([]string, error) {
	names, err := parametersOf(c)
	for i, name := range names {
		names[i] = strings.TrimPrefix(name, c.parameterPath()+"/")
	}
	return names, err
}

// parametersOf returns the full names of a prefix's parameters: those that carry the org's tag, or nobody's. NotFound if there are none.
// AWS lists parameters without their tags, but it can be asked, all at the same time, for all of them, for those with an org, and for ours.
func parametersOf(c call) ([]string, error) {
	var all, tagged, ours []*awsssm.ParameterMetadata
	group, ctx := errgroup.WithContext(c.Context())
	list := func(out *[]*awsssm.ParameterMetadata, tags ...common.Tag) {
		common.Go(group, func() (err error) {
			*out, err = c.account.params.Parameters(ctx, c.parameterPath(), tags...)
			return err
		})
	}
	list(&all)
	list(&tagged, common.Tag{Key: common.TagOrg})
	list(&ours, c.orgTag())
	if err := group.Wait(); err != nil {
		return nil, err
	}
	others := map[string]bool{}
	for _, p := range tagged {
		others[aws.StringValue(p.Name)] = true
	}
	for _, p := range ours {
		delete(others, aws.StringValue(p.Name))
	}
	var names []string
	for _, p := range all {
		if name := aws.StringValue(p.Name); !others[name] {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, common.Errorf(common.NotFound, "there are no parameters under prefix %q", c.name("prefix"))
	}
	slices.Sort(names)
	return slices.Compact(names), nil // what changes while AWS lists it may be listed twice
}

// createParameter makes a parameter that is the org's: a SecureString under the account's key unless the body says otherwise.
func createParameter(c call, in awsssm.PutParameterInput) (*parameterVersion, error) {
	tags := ssm.ToTags(in.Tags)
	if err := common.Invalid(append(wrongParameter(in), tags.Validate("Tags", c.org())...)...); err != nil {
		return nil, err
	}
	in.Name = aws.String(c.parameterPath() + "/" + *in.Name)
	in.Tags = ssm.FromTags(tags.ForOrg(c.org()))
	in.Overwrite = nil
	if aws.StringValue(in.Type) == "" {
		in.Type = aws.String(awsssm.ParameterTypeSecureString)
	}
	in.KeyId = keyFor(c, in)
	var out *awsssm.PutParameterOutput
	err := c.retry(func() (err error) {
		out, err = c.account.params.Put(c.Context(), &in)
		return err
	}, common.ParameterBusy)
	if code := common.CodeOf(err); code == awsssm.ErrCodeParameterAlreadyExists {
		taken := common.Errorf(common.Conflict, "there is a parameter %s already: PUT changes it", *in.Name).(*common.Error)
		taken.Code = common.Code(code)
		return nil, taken // AWS's words speak of an option that is not ours
	}
	if err != nil {
		return nil, err
	}
	return &parameterVersion{out.Tier, out.Version, strconv.FormatInt(aws.Int64Value(out.Version), 10)}, nil
}

// keyFor returns the key that encrypts the parameter; nil for AWS's own, and for one that is not encrypted.
func keyFor(c call, in awsssm.PutParameterInput) *string {
	switch key := c.account.config.DefaultKMSKeyID; {
	case aws.StringValue(in.KeyId) != "":
		return in.KeyId
	case key != "" && aws.StringValue(in.Type) == awsssm.ParameterTypeSecureString:
		return aws.String(key)
	}
	return nil
}

// wrongParameter says what is wrong with a new parameter.
func wrongParameter(in awsssm.PutParameterInput) []common.FieldError {
	var wrong []common.FieldError
	if err := checkParameterName(aws.StringValue(in.Name)); err != nil {
		wrong = append(wrong, common.FieldError{Field: "Name", Detail: err.Error()})
	}
	if aws.StringValue(in.Value) == "" {
		wrong = append(wrong, common.FieldError{Field: "Value", Detail: "must be given"})
	}
	if aws.BoolValue(in.Overwrite) {
		wrong = append(wrong, common.FieldError{Field: "Overwrite", Detail: "must not be set: PUT changes a parameter"})
	}
	kind := aws.StringValue(in.Type)
	switch {
	case kind != "" && !slices.Contains(awsssm.ParameterType_Values(), kind):
		wrong = append(wrong, common.FieldError{Field: "Type", Detail: "must be " + strings.Join(awsssm.ParameterType_Values(), ", ")})
	case kind != "" && kind != awsssm.ParameterTypeSecureString && aws.StringValue(in.KeyId) != "":
		wrong = append(wrong, common.FieldError{Field: "KeyId", Detail: "goes with the type SecureString only"})
	}
	return wrong
}

// deleteParameters deletes a prefix's parameters.
func deleteParameters(c call, _ none) (*okayDeleted, error) {
	names, err := parametersOf(c)
	if err != nil {
		return nil, err
	}
	deleted, err := c.account.params.DeleteAll(c.Context(), names)
	if err != nil {
		return nil, common.Wrapf(err, "deleted %d of %d parameters", deleted, len(names))
	}
	return &okayDeleted{"OK", deleted}, nil
}
