package api

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"
	"github.com/google/uuid"
	"github.com/gorilla/mux"

	"ecs-api/common"
	"ecs-api/secretsmanager"
)

// secretVersion answers what gave a secret a value.
type secretVersion struct{ ARN, Name, VersionId *string }

// secretChange is the body that changes a secret.
type secretChange struct {
	Secret string // the new value; empty to keep it
	Tags   []*awssecrets.Tag
}

// What names and ids of secrets are made of. Secrets Manager takes an ARN without its random end as well.
var (
	secretName = regexp.MustCompile(`^[A-Za-z0-9/_+=.@!-]{1,512}$`)
	secretARN  = regexp.MustCompile(`^arn:[a-z0-9-]+:secretsmanager:[a-z0-9-]+:[0-9]+:secret:[A-Za-z0-9/_+=.@!-]{1,519}$`)
)

const secretNameRule = "must be 1 to 512 letters, digits and / _ + = . @ -"

// The windows of a secret's deletion, in days; 0 deletes it at once.
const minWindow, maxWindow, usualWindow = 7, 30, 7

// secretRoutes adds the routes of secrets. One secret is also found at /secret/, where it has always been too.
func (s *Server) secretRoutes(v1 *mux.Router) {
	v1.Handle("/{account}/secrets", handle(s, http.StatusOK, listSecrets)).Methods(http.MethodGet)
	v1.Handle("/{account}/secrets", handle(s, http.StatusOK, createSecret)).Methods(http.MethodPost)
	for _, one := range []string{"/{account}/secrets/{secret}", "/{account}/secret/{secret}"} {
		v1.Handle(one, handle(s, http.StatusOK, showSecret, secretID)).Methods(http.MethodGet)
		v1.Handle(one, handle(s, http.StatusOK, updateSecret, secretID)).Methods(http.MethodPut)
		v1.Handle(one, handle(s, http.StatusOK, deleteSecret, secretID, deletionWindow)).Methods(http.MethodDelete)
	}
}

// secretID lets the path's secret be a name, with slashes even, or an ARN.
func secretID(e *endpoint) {
	e.params = append(e.params, param{name: "secret", kind: "name", parse: func(s string) (any, error) {
		if !secretName.MatchString(s) && !secretARN.MatchString(s) {
			return nil, errors.New(secretNameRule + ", or a secret's ARN")
		}
		return s, checkPath(s)
	}})
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

// listSecrets returns the ARNs of the org's secrets that have all tags of the query.
func listSecrets(c call, _ none) ([]string, error) {
	wanted, err := tagsOf(c)
	if err != nil {
		return nil, err
	}
	found, err := c.account.secrets.ListSecrets(c.Context(), secretFilters(c.orgTag(), wanted))
	if err != nil {
		return nil, err
	}
	var arns []string
	for _, secret := range found {
		if tags := secretsmanager.ToTags(secret.Tags); tags.OwnedBy(c.org()) && len(tags.Changed(wanted)) == 0 {
			arns = append(arns, aws.StringValue(secret.ARN))
		}
	}
	return arns, nil
}

// showSecret returns what is known of a secret, which is never its value.
func showSecret(c call, _ none) (*awssecrets.DescribeSecretOutput, error) { return ourSecret(c) }

// createSecret makes a secret that is the org's.
func createSecret(c call, in awssecrets.CreateSecretInput) (*secretVersion, error) {
	tags := secretsmanager.ToTags(in.Tags)
	if err := common.Invalid(append(wrongSecret(c.org(), in), tags.Validate("Tags", c.org())...)...); err != nil {
		return nil, err
	}
	in.Tags = secretsmanager.FromTags(tags.ForOrg(c.org()))
	callersKey := aws.StringValue(in.KmsKeyId) != ""
	if key := c.account.config.DefaultKMSKeyID; !callersKey {
		in.KmsKeyId = nil
		if key != "" {
			in.KmsKeyId = aws.String(key)
		}
	}
	var token string // ours alone: who finds it in AWS knows that this request put it there
	if aws.StringValue(in.ClientRequestToken) == "" {
		token = uuid.NewString()
		in.ClientRequestToken = aws.String(token)
	}
	var made *secretVersion
	err := c.retry(func() error {
		out, err := c.account.secrets.CreateSecret(c.Context(), &in)
		if err == nil {
			made = &secretVersion{out.ARN, out.Name, out.VersionId}
		} else if common.Is(err, common.Conflict) || common.Ambiguous(err) {
			made, err = nameTaken(c, aws.StringValue(in.Name), token, err)
		}
		return err
	}, common.SecretDeleted)
	if callersKey && common.CodeOf(err) == awssecrets.ErrCodeEncryptionFailure {
		err = common.Invalid(common.FieldError{Field: "KmsKeyId", Detail: "must be a key that Secrets Manager can encrypt with"})
	}
	return made, err
}

// nameTaken looks at the secret of a name under which making one failed with err. If this request made it after all, that is a success.
func nameTaken(c call, name, token string, err error) (*secretVersion, error) {
	there, lookErr := c.account.secrets.Secret(c.Context(), name)
	switch {
	case lookErr != nil: // if it is on its way out, its name will be free in a moment
		return nil, err
	case token != "" && there.VersionIdsToStages[token] != nil:
		return &secretVersion{there.ARN, there.Name, aws.String(token)}, nil
	case there.DeletedDate == nil:
		return nil, err
	case secretsmanager.ToTags(there.Tags).OwnedBy(c.org()):
		return nil, scheduled(there)
	}
	return nil, common.Coded(common.CodeScheduledForDeletion, "a secret of this name is scheduled for deletion: choose another name")
}

// scheduled is the error for a secret that is scheduled for deletion.
func scheduled(secret *awssecrets.DescribeSecretOutput) error {
	return common.Coded(common.CodeScheduledForDeletion, "secret %q is scheduled for deletion: DELETE it with ?window=0 to remove it at once, or choose another name", aws.StringValue(secret.Name))
}

// updateSecret gives a secret a new value, tags, or both; if one of them fails, both are as before. It returns nil if only tags were given.
func updateSecret(c call, in secretChange) (*secretVersion, error) {
	tags := secretsmanager.ToTags(in.Tags)
	wrong := tags.Validate("Tags", c.org())
	if in.Secret == "" && len(tags) == 0 {
		wrong = append(wrong, common.FieldError{Field: "Secret", Detail: "or Tags must be given"})
	}
	if err := common.Invalid(wrong...); err != nil {
		return nil, err
	}
	secret, err := ourSecret(c)
	if err != nil {
		return nil, err
	}
	if secret.DeletedDate != nil {
		return nil, scheduled(secret)
	}
	var made *secretVersion
	err = c.withTags(c.account.secrets, aws.StringValue(secret.ARN), "secret "+aws.StringValue(secret.Name),
		secretsmanager.ToTags(secret.Tags), tags, func() (err error) {
			if in.Secret != "" {
				made, err = putSecret(c, aws.StringValue(secret.ARN), in.Secret)
			}
			return err
		})
	return made, err
}

// putSecret gives a secret a new value.
func putSecret(c call, arn, value string) (*secretVersion, error) {
	token := uuid.NewString()
	out, err := c.account.secrets.UpdateSecret(c.Context(), &awssecrets.UpdateSecretInput{
		SecretId: aws.String(arn), SecretString: aws.String(value), ClientRequestToken: aws.String(token),
	})
	if common.Ambiguous(err) { // who finds the token in AWS knows that the value is there
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), undoTime)
		defer cancel()
		if now, lookErr := c.account.secrets.Secret(ctx, arn); lookErr == nil && now.VersionIdsToStages[token] != nil {
			return &secretVersion{now.ARN, now.Name, aws.String(token)}, nil
		}
	}
	if err != nil {
		return nil, err
	}
	return &secretVersion{out.ARN, out.Name, aws.String(token)}, nil
}

// deleteSecret deletes a secret, at once or in as many days as the query says.
func deleteSecret(c call, _ none) (*awssecrets.DeleteSecretOutput, error) {
	secret, err := ourSecret(c)
	if err != nil {
		return nil, err
	}
	window := c.number("window")
	if secret.DeletedDate != nil && window != 0 {
		return nil, scheduled(secret)
	}
	return c.account.secrets.DeleteSecret(c.Context(), aws.StringValue(secret.ARN), window)
}

// ourSecret returns the secret of the path if it is the org's: one of another org, or of nobody, is as good as none. What is done to
// it must be done to its ARN: AWS may read what the path says, a part of an ARN for one, as a different secret the next time.
func ourSecret(c call) (*awssecrets.DescribeSecretOutput, error) {
	secret, err := c.account.secrets.Secret(c.Context(), c.name("secret"))
	if common.Is(err, common.NotFound) || err == nil && !secretsmanager.ToTags(secret.Tags).OwnedBy(c.org()) {
		return nil, common.Errorf(common.NotFound, "there is no secret %q", c.name("secret"))
	}
	return secret, err
}

// wrongSecret says what is wrong with a new secret.
func wrongSecret(org string, in awssecrets.CreateSecretInput) []common.FieldError {
	var wrong []common.FieldError
	const others = "spinup/" // below it every org has a path of its own
	switch name := aws.StringValue(in.Name); {
	case !secretName.MatchString(name):
		wrong = append(wrong, common.FieldError{Field: "Name", Detail: secretNameRule})
	case checkPath(name) != nil:
		wrong = append(wrong, common.FieldError{Field: "Name", Detail: checkPath(name).Error()})
	case strings.HasPrefix(name, others) && !strings.HasPrefix(name, others+org+"/"):
		wrong = append(wrong, common.FieldError{Field: "Name", Detail: "must not begin with " + others + " unless it is followed by " + org + "/"})
	}
	switch text, binary := aws.StringValue(in.SecretString) != "", len(in.SecretBinary) > 0; {
	case text && binary:
		wrong = append(wrong, common.FieldError{Field: "SecretBinary", Detail: "must not be given beside SecretString"})
	case !text && !binary:
		wrong = append(wrong, common.FieldError{Field: "SecretString", Detail: "or SecretBinary must be given"})
	}
	return wrong
}
