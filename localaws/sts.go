package localaws

import (
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/sts"
)

// session is what AssumeRole gave out.
type session struct {
	arn, id string
	expires time.Time
}

func stsOperations() map[string]operation {
	return map[string]operation{
		"AssumeRole":        op(assumeRole),
		"GetCallerIdentity": op(getCallerIdentity),
	}
}

// expired returns an error if the request was signed in a session that is over.
func (r *request) expired() error {
	if s, ok := r.aws.sessions[r.key]; ok && r.now.After(s.expires) {
		return iamError(http.StatusForbidden, "ExpiredToken", "The security token included in the request is expired")
	}
	return nil
}

// caller returns the ARN and the id of who signed the request.
func (r *request) caller() (arn, id string) {
	if s, ok := r.aws.sessions[r.key]; ok {
		return s.arn, s.id
	}
	return "arn:aws:iam::" + r.account.id + ":user/local", "AIDALOCALAWS"
}

func getCallerIdentity(r *request, _ *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
	arn, id := r.caller()
	return &sts.GetCallerIdentityOutput{Account: aws.String(r.account.id), Arn: aws.String(arn), UserId: aws.String(id)}, nil
}

var (
	assumableRole = regexp.MustCompile(`^arn:aws[\w-]*:iam::(\d{12}):role/([\w+=,.@/-]+)$`)
	sessionName   = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	externalIDs   = regexp.MustCompile(`^[\w+=,.@:/-]{2,}$`)
)

// maxExternalID is how many characters an external id may have.
const maxExternalID = 1224

// assumeRole trusts everybody with every role, whether it was made here or not, but for those named with TrustRole.
func assumeRole(r *request, in *sts.AssumeRoleInput) (*sts.AssumeRoleOutput, error) {
	roleARN, name := aws.StringValue(in.RoleArn), aws.StringValue(in.RoleSessionName)
	parts := assumableRole.FindStringSubmatch(roleARN)
	switch {
	case parts == nil:
		return nil, refuse("ValidationError", "%s is invalid", roleARN)
	case !sessionName.MatchString(name):
		return nil, refuse("ValidationError", `1 validation error detected: Value at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`)
	case in.ExternalId != nil && (len(*in.ExternalId) > maxExternalID || !externalIDs.MatchString(*in.ExternalId)):
		return nil, refuse("ValidationError", `1 validation error detected: Value at 'externalId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@:\/-]*`)
	}
	lifetime, err := r.sessionLength(parts[1], roleARN, in.DurationSeconds)
	if err != nil {
		return nil, err
	}
	if wanted, ok := r.aws.quirks.trust[roleARN]; ok && wanted != aws.StringValue(in.ExternalId) {
		caller, _ := r.caller()
		return nil, iamError(http.StatusForbidden, "AccessDenied", "User: %s is not authorized to perform: sts:AssumeRole on resource: %s", caller, roleARN)
	}
	roleName := parts[2][strings.LastIndex(parts[2], "/")+1:]
	key := assumedKeyPrefix + parts[1] + r.aws.id("%04X")
	s := session{
		arn:     "arn:aws:sts::" + parts[1] + ":assumed-role/" + roleName + "/" + name,
		id:      "AROA" + lettersOf(roleARN, 17, upperAlnum) + ":" + name,
		expires: r.now.Add(lifetime),
	}
	r.aws.sessions[key] = s
	return &sts.AssumeRoleOutput{
		AssumedRoleUser: &sts.AssumedRoleUser{Arn: aws.String(s.arn), AssumedRoleId: aws.String(s.id)},
		Credentials: &sts.Credentials{
			AccessKeyId:     aws.String(key),
			SecretAccessKey: aws.String(r.aws.letters(40, mixedAlnum)),
			SessionToken:    aws.String(r.aws.letters(120, mixedAlnum)),
			Expiration:      aws.Time(s.expires.UTC().Truncate(time.Second)),
		},
	}, nil
}

// sessionLength returns how long a session of the role shall last, or why that is too long.
func (r *request) sessionLength(account, roleARN string, seconds *int64) (time.Duration, error) {
	most := int64(43200)
	if acc := r.aws.accounts[account]; acc != nil {
		for _, ro := range acc.iam.roles.all() {
			if ro.arn == roleARN {
				most = ro.maxSession
			}
		}
	}
	_, chained := r.aws.sessions[r.key]
	wanted := int64(3600)
	if seconds != nil {
		wanted = *seconds
	}
	switch {
	case wanted < 900 || wanted > 43200:
		return 0, refuse("ValidationError", "1 validation error detected: Value '%d' at 'durationSeconds' failed to satisfy constraint: Member must be between 900 and 43200", wanted)
	case chained && wanted > 3600:
		return 0, refuse("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	case wanted > most:
		return 0, refuse("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return time.Duration(wanted) * time.Second, nil
}
