package api

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ecs-api/config"
	"ecs-api/localaws"
	"ecs-api/sts"
)

// found checks the account "local" of a simulated AWS, after edit has changed its config.
func found(t *testing.T, aws *localaws.AWS, edit func(*config.Account)) Finding {
	t.Helper()
	server := httptest.NewServer(aws)
	t.Cleanup(server.Close)
	c := config.Local([]string{localaws.SubnetA, localaws.SubnetB}, []string{localaws.SecurityGroup})
	c.Token = testToken
	a := c.Accounts["local"]
	a.Endpoint, a.DefaultKMSKeyID = server.URL, localaws.KMSKey
	edit(&a)
	c.Accounts["local"] = a
	findings := newHarnessWith(t, aws, c).Check(t.Context())
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
	asIs := func(*config.Account) {}
	refuse := func(operation string) localaws.Option {
		return localaws.WithFaults(localaws.Fault{Operation: operation, Effect: localaws.Refuse, Code: "AccessDenied", Message: "no"})
	}
	tests := []struct {
		name    string
		aws     *localaws.AWS
		edit    func(*config.Account)
		missing []string
		unknown []string
	}{
		{"all is there", localaws.New(), asIs, nil, nil},
		{"a subnet and a group are not there", localaws.New(), func(a *config.Account) {
			a.DefaultSubnets = []string{localaws.SubnetA, "subnet-gone"}
			a.DefaultSGs = []string{"sg-gone"}
		}, []string{
			"accounts.local.defaultSubnets[1] must be a subnet that exists: us-east-1 has no subnet-gone",
			"accounts.local.defaultSgs[0] must be a security group that exists: us-east-1 has no sg-gone",
		}, nil},
		{"the key is not there", localaws.New(), func(a *config.Account) { a.DefaultKMSKeyID = "alias/gone" },
			[]string{"accounts.local.defaultKmsKeyId must be a key that is enabled and encrypts: us-east-1 has no alias/gone"}, nil},
		{"an own key of AWS's needs no leave", localaws.New(localaws.DenyActions("kms:Encrypt")), func(a *config.Account) { a.DefaultKMSKeyID = "alias/aws/ssm" }, nil, nil},
		{"no key is configured", localaws.New(localaws.DenyActions("kms:Encrypt")), func(a *config.Account) { a.DefaultKMSKeyID = "" }, nil, nil},
		{"actions are denied", localaws.New(localaws.DenyActions("ecs:CreateService", "kms:Encrypt", "iam:PassRole")), func(a *config.Account) {
			a.TaskRoles = []string{"arn:aws:iam::123456789012:role/app-*"}
		}, []string{
			"the credentials may not ecs:CreateService on arn:aws:ecs:us-east-1:123456789012:service/ecs-api-check",
			"the credentials may not iam:PassRole on arn:aws:iam::123456789012:role/ecs-api-check-ecsTaskExecution",
			"the credentials may not iam:PassRole on arn:aws:iam::123456789012:role/app-ecs-api-check",
			"the credentials may not kms:Encrypt on " + key,
		}, nil},
		{"what only the check needs may be denied", localaws.New(localaws.DenyActions("ec2:DescribeSubnets", "iam:SimulatePrincipalPolicy", "kms:DescribeKey")), asIs, nil, nil},
		{"we may not look at subnets", localaws.New(refuse("DescribeSubnets")), asIs, nil,
			[]string{"accounts.local.defaultSubnets: describe subnets: AccessDenied: no"}},
		{"we may not look at security groups", localaws.New(refuse("DescribeSecurityGroups")), asIs, nil,
			[]string{"accounts.local.defaultSgs: describe security groups: AccessDenied: no"}},
		{"we may not look at the key", localaws.New(refuse("DescribeKey")), asIs, nil,
			[]string{`accounts.local.defaultKmsKeyId: describe key "` + localaws.KMSKey + `": AccessDenied: no`}},
		{"the key's service is down", localaws.New(localaws.WithFaults(localaws.Fault{Operation: "DescribeKey", Effect: localaws.Down, Times: -1})), asIs, nil,
			[]string{`accounts.local.defaultKmsKeyId: describe key "` + localaws.KMSKey + `": AWS cannot be reached or is failing; try again later`}},
		{"we may not simulate", localaws.New(refuse("SimulatePrincipalPolicy")), asIs, nil,
			[]string{"what the credentials may do: simulate the policies of " + user + ": AccessDenied: no"}},
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
	got := found(t, aws, func(a *config.Account) { a.Role = &config.Role{ARN: role, ExternalID: "the-external-id"} })
	if want := "arn:aws:sts::210987654321:assumed-role/ecs-api/ecs-api"; got.Identity.ARN != want {
		t.Errorf("we are %s, want %s", got.Identity.ARN, want)
	}
	want := []string{"the credentials may not ecs:RunTask on arn:aws:ecs:us-east-1:210987654321:task-definition/ecs-api-check"}
	if len(got.Missing) == 0 || got.Missing[len(got.Missing)-1] != want[0] {
		t.Error(cmp.Diff(want, got.Missing))
	}
	got = found(t, aws, func(a *config.Account) { a.Role = &config.Role{ARN: role, ExternalID: "another"} })
	if got.OK() || got.Err == nil || got.Missing != nil {
		t.Errorf("a role that does not trust us is fine: %+v", got)
	}
}

func TestWhosePoliciesCount(t *testing.T) {
	h := newHarness(t, localaws.New())
	tests := []struct{ name, identity, principal, partition string }{
		{"a user", "arn:aws:iam::123456789012:user/people/me", "arn:aws:iam::123456789012:user/people/me", "aws"},
		{"a role's session", "arn:aws-us-gov:sts::123456789012:assumed-role/ecs-api/i-0123", "arn:aws-us-gov:iam::123456789012:role/ecs-api", "aws-us-gov"},
		{"the root user has no policies", "arn:aws:iam::123456789012:root", "", "aws"},
		{"a federated user has none of their own", "arn:aws:sts::123456789012:federated-user/me", "", "aws"},
		{"no ARN", "me", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := checkup{account: h.accounts["local"], identity: sts.Identity{Account: "123456789012", ARN: tt.identity}, org: "localdev"}
			principal, partition := c.principal(t.Context())
			if principal != tt.principal || partition != tt.partition {
				t.Errorf("got %q in %q, want %q in %q", principal, partition, tt.principal, tt.partition)
			}
			if principal == "" {
				if r := c.rights(t.Context(), ""); len(r.missing) > 0 || len(r.unknown) != 1 || !strings.HasSuffix(r.unknown[0], tt.identity+" is neither") {
					t.Errorf("%+v", r)
				}
			}
		})
	}
}
