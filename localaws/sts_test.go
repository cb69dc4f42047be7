package localaws_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/credentials"
	"github.com/aws/aws-sdk-go/aws/credentials/stscreds"
	"github.com/aws/aws-sdk-go/service/iam"
	"github.com/aws/aws-sdk-go/service/ssm"
	"github.com/aws/aws-sdk-go/service/sts"
	"github.com/google/go-cmp/cmp"

	"ecs-api/localaws"
)

const (
	otherAccount = "210987654321"
	otherRole    = "arn:aws:iam::" + otherAccount + ":role/ecs-api"
)

func assume(externalID string) *sts.AssumeRoleInput {
	return &sts.AssumeRoleInput{RoleArn: aws.String(otherRole), RoleSessionName: aws.String("test"), ExternalId: aws.String(externalID)}
}

func TestAnAssumedRoleWorksInItsOwnAccount(t *testing.T) {
	t.Parallel()
	sim := localaws.New(localaws.TrustRole(otherRole, "tenant-1"))
	home := newSession(t, sim)
	away := home.Copy(&aws.Config{Credentials: stscreds.NewCredentials(home, otherRole, func(p *stscreds.AssumeRoleProvider) {
		p.ExternalID = aws.String("tenant-1")
		p.RoleSessionName = "test"
	})})
	who := must[*sts.GetCallerIdentityOutput](t)(sts.New(away).GetCallerIdentity(&sts.GetCallerIdentityInput{}))
	if *who.Account != otherAccount || *who.Arn != "arn:aws:sts::"+otherAccount+":assumed-role/ecs-api/test" {
		t.Errorf("the caller is %v", who)
	}
	must[*ssm.PutParameterOutput](t)(ssm.New(away).PutParameter(&ssm.PutParameterInput{Name: aws.String("/x"), Value: aws.String("v"), Type: aws.String("String")}))
	if err := failing(ssm.New(home).GetParameter(&ssm.GetParameterInput{Name: aws.String("/x")})); codeOf(err) != ssm.ErrCodeParameterNotFound {
		t.Errorf("the other account's parameter is seen at home: %v", err)
	}
}

func TestSTSRefuses(t *testing.T) {
	t.Parallel()
	sim := localaws.New(localaws.TrustRole(otherRole, "tenant-1"))
	sess := newSession(t, sim)
	client := sts.New(sess)
	try := func(change func(*sts.AssumeRoleInput)) func() error {
		in := assume("tenant-1")
		change(in)
		return func() error { return failing(client.AssumeRole(in)) }
	}
	must[*iam.CreateRoleOutput](t)(iam.New(sess).CreateRole(newRole("hourly")))
	testRefusals(t, []refusal{
		{"the right external id is fine", try(func(*sts.AssumeRoleInput) {}), ""},
		{"another external id", try(func(in *sts.AssumeRoleInput) { in.ExternalId = aws.String("tenant-2") }), "AccessDenied"},
		{"no external id", try(func(in *sts.AssumeRoleInput) { in.ExternalId = nil }), "AccessDenied"},
		{"an external id with a space", try(func(in *sts.AssumeRoleInput) { in.ExternalId = aws.String("a b") }), "ValidationError"},
		{"an ARN that is no role's", try(func(in *sts.AssumeRoleInput) { in.RoleArn = aws.String("arn:aws:iam::210987654321:user/bob") }), "ValidationError"},
		{"a session name with a slash", try(func(in *sts.AssumeRoleInput) { in.RoleSessionName = aws.String("a/b") }), "ValidationError"},
		{"a session of a day", try(func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int64(86400) }), "ValidationError"},
		{"a session longer than the role's longest", try(func(in *sts.AssumeRoleInput) {
			in.RoleArn, in.DurationSeconds = aws.String("arn:aws:iam::123456789012:role/hourly"), aws.Int64(7200)
		}), "ValidationError"},
	})
}

func TestASessionEnds(t *testing.T) {
	t.Parallel()
	clock := newFakeClock()
	sim := localaws.New(localaws.Clock(clock.Now))
	home := newSession(t, sim)
	out := must[*sts.AssumeRoleOutput](t)(sts.New(home).AssumeRole(assume("any")))
	if diff := cmp.Diff(clock.Now().Add(time.Hour), *out.Credentials.Expiration); diff != "" {
		t.Errorf("expiry (-want +got):\n%s", diff)
	}
	c := out.Credentials
	away := home.Copy(&aws.Config{Credentials: credentials.NewStaticCredentials(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)})
	client := sts.New(away)
	chained := assume("any")
	chained.DurationSeconds = aws.Int64(7200)
	if code := codeOf(failing(client.AssumeRole(chained))); code != "ValidationError" {
		t.Errorf("a chained session of two hours: %q", code)
	}
	clock.Advance(2 * time.Hour)
	if code := codeOf(failing(client.GetCallerIdentity(&sts.GetCallerIdentityInput{}))); code != "ExpiredToken" {
		t.Errorf("an expired session: %q", code)
	}
}
