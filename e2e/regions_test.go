package e2e

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/iam"
	"github.com/google/go-cmp/cmp"

	"ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
)

// twoRegions adds the account "west": the same AWS account in another region.
func twoRegions(config map[string]any) {
	accounts := config["accounts"].(map[string]any)
	west := map[string]any{}
	for key, value := range accounts["local"].(map[string]any) {
		west[key] = value
	}
	west["region"] = westRegion
	accounts["west"] = west
}

const westRegion = "us-west-2"

// west returns an independent client of the other region.
func (w *world) west() *ecs.ECS { return ecs.New(w.sess, aws.NewConfig().WithRegion(westRegion)) }

// running returns how many tasks a service runs, of which revision.
func running(t *testing.T, client *ecs.ECS, cluster, service string) string {
	t.Helper()
	out := must(client.DescribeServices(&ecs.DescribeServicesInput{Cluster: &cluster, Services: []*string{&service}}))(t)
	s := out.Services[0]
	return fmt.Sprintf("%d of %d run", aws.Int64Value(s.RunningCount), aws.Int64Value(s.DesiredCount))
}

func multi(account, image string) row {
	return row{name: "create in " + account, send: "POST /" + account + "/services", status: 200,
		body: `{"cluster": {"clustername": "multi"}, "service": {"servicename": "x"}, "credentials": ` + credA + `, "taskdefinition": ` + strings.Replace(tdApp1, "app:1", image, 1) + `}`}
}

const (
	boundary  = "arn:aws:iam::123456789012:policy/boundary"
	multiRole = "multi-ecsTaskExecution"
	multiX    = "/clusters/multi/services/x"
)

// policies returns the names of the role's policies.
func (w *world) policies(t *testing.T, role string) []string {
	t.Helper()
	names := aws.StringValueSlice(must(w.iamClient().ListRolePolicies(&iam.ListRolePoliciesInput{RoleName: &role}))(t).PolicyNames)
	slices.Sort(names)
	return names
}

func (w *world) expectPolicies(t *testing.T, role string, want ...string) {
	t.Helper()
	if got := w.policies(t, role); !slices.Equal(got, want) {
		t.Errorf("role %s has the policies %q, want %q", role, got, want)
	}
}

func TestCase06OneRoleServesAllRegions(t *testing.T) {
	parallel(t)
	w := newCaseWorld(t, twoRegions)
	if w == nil {
		return
	}
	w.run(t, []row{multi("local", "app:1"), multi("west", "app:1")})
	w.pass(t, 3*time.Minute)
	for name, client := range map[string]*ecs.ECS{"east": w.ecsClient(), "west": w.west()} {
		if got := running(t, client, "multi", "x"); got != "1 of 1 run" {
			t.Errorf("in the %s %s", name, got)
		}
	}
	w.expectPolicies(t, multiRole, "ECSTaskAccessPolicy-us-east-1", "ECSTaskAccessPolicy-us-west-2")

	w.run(t, []row{{name: "delete in the west", send: "DELETE /west" + multiX + "?recursive=true", status: 200, follow: true}})
	w.expectPolicies(t, multiRole, "ECSTaskAccessPolicy-us-east-1")
	w.run(t, []row{{name: "new tasks in the east", send: "PUT /local" + multiX, status: 200, body: `{"forcenewdeployment": true}`}})
	w.pass(t, 3*time.Minute)
	w.expect(t, []fact{{name: "start", of: service("multi", "x"), want: `{"Services": [{"RunningCount": 1, "Deployments": [{"RolloutState": "COMPLETED", "FailedTasks": 0}]}]}`}})

	w.run(t, []row{{name: "delete in the east", send: "DELETE /local" + multiX + "?recursive=true", status: 200, follow: true}})
	if diff := cmp.Diff([]string{"logs:log-group multi", "logs:log-group multi"}, w.inventory()); diff != "" { // of all regions
		t.Errorf("the role goes with the last region: what AWS holds (-want +got):\n%s", diff)
	}
}

// oldRole gives the role the policy and the trust that roles of before have.
func (w *world) oldRole(t *testing.T, role, region string) {
	t.Helper()
	client := w.iamClient()
	for _, name := range w.policies(t, role) {
		must(client.DeleteRolePolicy(&iam.DeleteRolePolicyInput{RoleName: &role, PolicyName: &name}))(t)
	}
	must(client.PutRolePolicy(&iam.PutRolePolicyInput{RoleName: &role, PolicyName: aws.String("ECSTaskAccessPolicy"), PolicyDocument: aws.String(w.fill(t, `{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents", "ecr:GetAuthorizationToken"], "Resource": ["*"]},
		{"Effect": "Allow", "Action": ["secretsmanager:GetSecretValue"], "Resource": ["arn:aws:secretsmanager:`+region+`:${account}:secret:spinup/localdev/multi/*"]}]}`))}))(t)
	must(client.UpdateAssumeRolePolicy(&iam.UpdateAssumeRolePolicyInput{RoleName: &role, PolicyDocument: aws.String(w.fill(t, `{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": ["sts:AssumeRole"],
		 "Condition": {"StringEquals": {"aws:SourceAccount": "${account}"}, "ArnLike": {"aws:SourceArn": "arn:aws:ecs:`+region+`:${account}:*"}}}]}`))}))(t)
}

func TestCase06And27OldRolesAreBroughtUpToDate(t *testing.T) {
	parallel(t)
	for name, test := range map[string]struct {
		next     row
		policies []string
	}{
		"by a create in the other region": {multi("west", "app:1"), []string{"ECSTaskAccessPolicy", "ECSTaskAccessPolicy-us-west-2"}},
		"by a task definition update": {
			row{name: "update", send: "PUT /local" + multiX, status: 200, body: `{"taskdefinition": ` + tdApp2 + `}`}, []string{"ECSTaskAccessPolicy-us-east-1"}},
		"by a create in the same region": {
			row{name: "create another", send: "POST /local/services", status: 200, body: `{"cluster": {"clustername": "multi"}, "service": {"servicename": "y"}, "taskdefinition": ` + strings.Replace(tdApp1, `"f"`, `"g"`, 1) + `}`},
			[]string{"ECSTaskAccessPolicy-us-east-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			old := newCaseWorld(t, twoRegions)
			if old == nil {
				return
			}
			old.run(t, []row{multi("local", "app:1")})
			old.oldRole(t, multiRole, region)
			// Another server, whose account wants a boundary, in front of the same AWS.
			w := newWorldOn(t, old.backEnd, twoRegions, func(config map[string]any) {
				for _, account := range config["accounts"].(map[string]any) {
					account.(map[string]any)["permissionsBoundary"] = boundary
				}
			})
			w.run(t, []row{test.next})
			w.expectPolicies(t, multiRole, test.policies...)
			got := must(w.iamClient().GetRole(&iam.GetRoleInput{RoleName: aws.String(multiRole)}))(t).Role
			if got.PermissionsBoundary == nil || aws.StringValue(got.PermissionsBoundary.PermissionsBoundaryArn) != boundary {
				t.Errorf("the role's boundary is %v", got.PermissionsBoundary)
			}
			if trust := must(url.QueryUnescape(aws.StringValue(got.AssumeRolePolicyDocument)))(t); strings.Contains(trust, region) || !strings.Contains(trust, "arn:aws:ecs:*:") {
				t.Errorf("the role trusts one region alone: %s", trust)
			}
			old.run(t, []row{{name: "new tasks", send: "PUT /local" + multiX, status: 200, body: `{"forcenewdeployment": true}`}})
			old.pass(t, 3*time.Minute)
			old.expect(t, []fact{{name: "start", of: service("multi", "x"), want: `{"Services": [{"RunningCount": 1, "Deployments": [{"RolloutState": "COMPLETED", "FailedTasks": 0}]}]}`}})
		})
	}
}

// TestCase27AnOldSpaceIsDeleted deletes a space whose role has no boundary, where our credentials may delete policies only of roles that have it.
func TestCase27AnOldSpaceIsDeleted(t *testing.T) {
	parallel(t)
	old := newCaseWorld(t)
	if old == nil {
		return
	}
	old.run(t, []row{multi("local", "app:1")})
	old.oldRole(t, multiRole, region)
	w := newWorldOn(t, old.backEnd, func(config map[string]any) {
		config["accounts"].(map[string]any)["local"].(map[string]any)["permissionsBoundary"] = boundary
	})
	looked := false
	old.cloud.Inject(localaws.Fault{Service: "iam", Operation: "DeleteRolePolicy", Effect: localaws.Hook, Func: func() {
		looked = true
		got := must(w.iamClient().GetRole(&iam.GetRoleInput{RoleName: aws.String(multiRole)}))(t).Role
		if got.PermissionsBoundary == nil || aws.StringValue(got.PermissionsBoundary.PermissionsBoundaryArn) != boundary {
			t.Errorf("the role has the boundary %v when its policy is deleted", got.PermissionsBoundary)
		}
	}})
	w.run(t, []row{{name: "delete", send: "DELETE /local" + multiX + "?recursive=true", status: 200, follow: true}})
	if !looked {
		t.Error("no policy was deleted")
	}
	w.holds(t, "only the logs are left", "logs:log-group multi")
}
