package preflight

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/localaws"
	"ecs-api/orchestration/account"
	_ "ecs-api/racetest" // for what it does to a process of tests
	"ecs-api/sts"
)

// setting is what a test changes of the account.
type setting struct {
	account.Settings
	taskRoles  []string
	roleARN    string
	externalID string
	endpoint   string
}

// local is the account "local" of a simulated AWS, after edit has changed its settings.
func local(t *testing.T, aws *localaws.AWS, edit func(*setting)) Account {
	t.Helper()
	s := setting{Settings: account.Settings{
		Name: "local", Region: "us-east-1", Org: "localdev", Subnets: []string{localaws.SubnetA, localaws.SubnetB}, SecurityGroups: []string{localaws.SecurityGroup}, KMSKeyID: localaws.KMSKey,
	}, endpoint: "http://localaws"}
	edit(&s)
	access := common.Access{
		Region: s.Region, AccessKeyID: "AKIDLOCAL", SecretKey: "secret", Endpoint: s.endpoint, RoleARN: s.roleARN, ExternalID: s.externalID,
		Retry: common.RetryPolicy{Failed: 1, FailedWait: 1}, Limits: common.NoLimits(),
	}
	if s.endpoint == "http://localaws" {
		access.Transport = aws.Transport()
	}
	sess, err := common.NewSession(access)
	if err != nil {
		t.Fatal(err)
	}
	return New(account.New(s.Settings, account.NewClients(sess), common.Backoff{}), sess, s.taskRoles, s.roleARN)
}

// found checks the account.
func found(t *testing.T, aws *localaws.AWS, edit func(*setting)) Finding {
	t.Helper()
	findings := Check(t.Context(), local(t, aws, edit))
	if len(findings) != 1 {
		t.Fatalf("%d findings of one account", len(findings))
	}
	return findings[0]
}

func TestCheckTellsWhatIsMissing(t *testing.T) {
	const (
		user = "arn:aws:iam::123456789012:user/local"
		key  = "arn:aws:kms:us-east-1:123456789012:key/" + localaws.KMSKey
	)
	asIs := func(*setting) {}
	refuse := func(operation string) localaws.Option {
		return localaws.WithFaults(localaws.Fault{Operation: operation, Effect: localaws.Refuse, Code: "AccessDenied", Message: "no"})
	}
	tests := []struct {
		name    string
		aws     *localaws.AWS
		edit    func(*setting)
		missing []string
		unknown []string
	}{
		{"all is there", localaws.New(), asIs, nil, nil},
		{"a subnet and a group are not there", localaws.New(), func(a *setting) {
			a.Subnets = []string{localaws.SubnetA, "subnet-gone"}
			a.SecurityGroups = []string{"sg-gone"}
		}, []string{
			"accounts.local.defaultSubnets[1] must be a subnet that exists: us-east-1 has no subnet-gone",
			"accounts.local.defaultSgs[0] must be a security group that exists: us-east-1 has no sg-gone",
		}, nil},
		{"the key is not there", localaws.New(), func(a *setting) { a.KMSKeyID = "alias/gone" },
			[]string{"accounts.local.defaultKmsKeyId must be a key that is enabled and encrypts: us-east-1 has no alias/gone"}, nil},
		{"an own key of AWS's needs no leave", localaws.New(localaws.DenyActions("kms:Encrypt")), func(a *setting) { a.KMSKeyID = "alias/aws/ssm" }, nil, nil},
		{"no key is configured", localaws.New(localaws.DenyActions("kms:Encrypt")), func(a *setting) { a.KMSKeyID = "" }, nil, nil},
		{"actions are denied", localaws.New(localaws.DenyActions("ecs:CreateService", "kms:Encrypt", "iam:PassRole")), func(a *setting) {
			a.taskRoles = []string{"arn:aws:iam::123456789012:role/app-*"}
		}, []string{
			"the credentials may not ecs:CreateService on arn:aws:ecs:us-east-1:123456789012:service/ecs-api-check",
			"the credentials may not iam:PassRole on arn:aws:iam::123456789012:role/ecs-api-check-ecsTaskExecution to ecs-tasks.amazonaws.com",
			"the credentials may not iam:PassRole on arn:aws:iam::123456789012:role/app-ecs-api-check to ecs-tasks.amazonaws.com",
			"the credentials may not iam:PassRole on arn:aws:iam::123456789012:role/app-ecs-api-check to ecs.amazonaws.com",
			"the credentials may not kms:Encrypt on " + key,
		}, nil},
		{"what only the check needs may be denied", localaws.New(localaws.DenyActions("ec2:DescribeSubnets", "iam:SimulatePrincipalPolicy", "kms:DescribeKey")), asIs, nil, nil},
		{"we may not look at subnets", localaws.New(refuse("DescribeSubnets")), asIs, nil,
			[]string{"accounts.local.defaultSubnets: the credentials may not ec2:DescribeSubnets (AccessDenied)"}},
		{"we may not look at security groups", localaws.New(refuse("DescribeSecurityGroups")), asIs, nil,
			[]string{"accounts.local.defaultSgs: the credentials may not ec2:DescribeSecurityGroups (AccessDenied)"}},
		{"we may not look at the key", localaws.New(refuse("DescribeKey")), asIs, nil,
			[]string{"accounts.local.defaultKmsKeyId: the credentials may not kms:DescribeKey (AccessDenied)"}},
		{"the key's service is down", localaws.New(localaws.WithFaults(localaws.Fault{Operation: "DescribeKey", Effect: localaws.Down, Times: -1})), asIs, nil,
			[]string{"accounts.local.defaultKmsKeyId: AWS cannot be reached for kms:DescribeKey, or is failing: look at the network, the region and the endpoint"}},
		{"we may not simulate", localaws.New(refuse("SimulatePrincipalPolicy")), asIs, nil,
			[]string{"what the credentials may do: the credentials may not iam:SimulatePrincipalPolicy (AccessDenied)"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := Finding{
				Account: "local", Region: "us-east-1", Identity: sts.Identity{Account: "123456789012", ARN: user},
				Missing: tt.missing, Unknown: tt.unknown,
			}
			got := found(t, tt.aws, tt.edit)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if got.OK() != (len(tt.missing) == 0) {
				t.Errorf("OK says %v", got.OK())
			}
		})
	}
}

func TestCheckLooksAtThePoliciesOfTheRoleThatIsAssumed(t *testing.T) {
	const role = "arn:aws:iam::210987654321:role/servers/ecs-api"
	aws := localaws.New(localaws.TrustRole(role, "the-external-id"), localaws.DenyActions("ecs:RunTask"))
	got := found(t, aws, func(a *setting) { a.roleARN, a.externalID = role, "the-external-id" })
	if want := "arn:aws:sts::210987654321:assumed-role/ecs-api/ecs-api"; got.Identity.ARN != want {
		t.Errorf("we are %s, want %s", got.Identity.ARN, want)
	}
	want := []string{"the credentials may not ecs:RunTask on arn:aws:ecs:us-east-1:210987654321:task-definition/ecs-api-check"}
	if len(got.Missing) == 0 || got.Missing[len(got.Missing)-1] != want[0] {
		t.Error(cmp.Diff(want, got.Missing))
	}
	got = found(t, aws, func(a *setting) { a.roleARN, a.externalID = role, "another" })
	if want := "the credentials may not assume the role " + role + ": look at its trust policy, at externalId, and at sts:AssumeRole in the policy of the credentials (AccessDenied)"; got.OK() || got.Err == nil || got.Err.Error() != want || got.Missing != nil {
		t.Errorf("got %+v, want %s", got, want)
	}
}

func TestWhosePoliciesCount(t *testing.T) {
	a := local(t, localaws.New(), func(*setting) {})
	tests := []struct{ name, identity, principal, partition string }{
		{"a user", "arn:aws:iam::123456789012:user/people/me", "arn:aws:iam::123456789012:user/people/me", "aws"},
		{"a role's session", "arn:aws-us-gov:sts::123456789012:assumed-role/ecs-api/i-0123", "arn:aws-us-gov:iam::123456789012:role/ecs-api", "aws-us-gov"},
		{"the root user has no policies", "arn:aws:iam::123456789012:root", "", "aws"},
		{"a federated user has none of their own", "arn:aws:sts::123456789012:federated-user/me", "", "aws"},
		{"no ARN", "me", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			id := sts.Identity{Account: "123456789012", ARN: tt.identity}
			principal, partition := a.principal(t.Context(), id)
			if principal != tt.principal || partition != tt.partition {
				t.Errorf("got %q in %q, want %q in %q", principal, partition, tt.principal, tt.partition)
			}
			if principal == "" {
				if r := a.checkRights(t.Context(), id, ""); len(r.missing) > 0 || len(r.unknown) != 1 || !strings.HasSuffix(r.unknown[0], tt.identity+" is neither") {
					t.Errorf("%+v", r)
				}
			}
		})
	}
}

func TestWhyAnAccountCannotBeUsed(t *testing.T) {
	const network = "look at the network"
	refused := func(code string) *localaws.AWS {
		return localaws.New(localaws.WithFaults(localaws.Fault{Operation: "GetCallerIdentity", Effect: localaws.Refuse, Code: code, Message: "words of the SDK", Times: -1}))
	}
	for _, tt := range []struct {
		name     string
		aws      *localaws.AWS
		endpoint string
		want     string
	}{
		{"an expired token", refused("ExpiredToken"), "", "the credentials have expired, or the clock of this machine is wrong (ExpiredToken)"},
		{"an unknown key", refused("InvalidClientTokenId"), "", "AWS does not know the access key: look at akid, and whether the region is enabled for the account (InvalidClientTokenId)"},
		{"a wrong secret", refused("SignatureDoesNotMatch"), "", "the secret does not belong to akid, or the clock of this machine is wrong (SignatureDoesNotMatch)"},
		{"a code that nobody expects", refused("OddException"), "", "AWS refuses sts:GetCallerIdentity (OddException)"},
		{"a service that is down", localaws.New(localaws.WithFaults(localaws.Fault{Operation: "GetCallerIdentity", Effect: localaws.Down, Times: -1})), "",
			"AWS cannot be reached for sts:GetCallerIdentity, or is failing: " + network + ", the region and the endpoint"},
		{"nobody at the endpoint", localaws.New(), "http://127.0.0.1:1", "AWS cannot be reached for sts:GetCallerIdentity, or is failing: " + network + ", the region and the endpoint"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := found(t, tt.aws, func(s *setting) {
				if tt.endpoint != "" {
					s.endpoint = tt.endpoint
				}
			})
			if got.Err == nil || got.Err.Error() != tt.want || got.OK() {
				t.Errorf("got %v, want %s", got.Err, tt.want)
			}
		})
	}
}
