package orchestration

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	awsiam "github.com/aws/aws-sdk-go/service/iam"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"
	awscloud "github.com/aws/aws-sdk-go/service/servicediscovery"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/space"
	"ecs-api/orchestration/spec"
)

// What is found in the tables below.
var (
	who       = account.Identity{Partition: "aws", Account: "123456789012"}
	spaceTags = spec.Tags("localdev", "myclu", "service", "www/0197f3a0-0000-7000-8000-000000000000")
	foreign   = common.Tags{{Key: common.TagOrg, Value: "theirs"}}
)

const (
	credName    = "spinup/localdev/myclu/www-cred"
	credARN     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:" + credName + "-AbCdEf"
	revisionARN = "arn:aws:ecs:us-east-1:123456789012:task-definition/www-task:1"
)

func foundCluster(tags common.Tags, services int64) *resource.State {
	return &resource.State{ID: "myclu", Tags: tags, Value: &awsecs.Cluster{ClusterName: aws.String("myclu"), ActiveServicesCount: &services}}
}

func foundSecret(tags common.Tags, deleted *time.Time) *resource.State {
	return &resource.State{ID: credARN, Tags: tags, Value: &awssecrets.DescribeSecretOutput{ARN: aws.String(credARN), Name: aws.String(credName), DeletedDate: deleted}}
}

// foundRole returns a role of ours that trusts all regions, as roles do now, or one alone.
func foundRole(trust string) *resource.State {
	return &resource.State{ID: "myclu-ecsTaskExecution", Tags: spaceTags, Value: &awsiam.Role{AssumeRolePolicyDocument: &trust}}
}

func foundRevision(tags common.Tags, status string, c *awsecs.ContainerDefinition) *awsecs.DescribeTaskDefinitionOutput {
	return &awsecs.DescribeTaskDefinitionOutput{Tags: ecs.FromTags(tags), TaskDefinition: &awsecs.TaskDefinition{
		Family: aws.String("www-task"), TaskDefinitionArn: aws.String(revisionARN), Status: &status, Cpu: aws.String("256"), Memory: aws.String("512"), ContainerDefinitions: []*awsecs.ContainerDefinition{c},
	}}
}

// webserver returns the container of wholeService, whose image is pulled with the credential.
func webserver() *awsecs.ContainerDefinition {
	return &awsecs.ContainerDefinition{Name: aws.String("webserver"), Image: aws.String("nginx:1"), RepositoryCredentials: &awsecs.RepositoryCredentials{CredentialsParameter: aws.String(credARN)}}
}

// planned returns a plan's changes in one line each, sorted: action, resource, name.
func planned(p *resource.Plan) []string {
	all := []string{}
	for _, c := range p.Changes() {
		all = append(all, fmt.Sprintf("%s %s %s", c.Action, c.Resource, c.Name))
		if c.Reason == "" {
			all = append(all, "no reason for "+all[len(all)-1])
		}
	}
	slices.Sort(all)
	return all
}

// planWith returns the lines without one, and with others.
func planWith(lines []string, without string, with ...string) []string {
	out := slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return line == without })
	if without != "" && len(out) == len(lines) {
		panic("there is no line " + without)
	}
	out = append(out, with...)
	slices.Sort(out)
	return out
}

func TestWhatACreateDecides(t *testing.T) {
	t.Parallel()
	all := []string{
		"create cloudMapService www-myclu", "create cluster myclu", "create credential " + credName, "create logGroup myclu", "create role myclu-ecsTaskExecution",
		"create rolePolicy myclu-ecsTaskExecution", "create service www", "create taskDefinition www-task", "update logGroup myclu",
	}
	named := func(in *CreateInput) {
		in.TaskDefinition, in.Credentials, in.ServiceRegistry = nil, nil, nil
		in.Service.TaskDefinition = aws.String("www-task:1")
	}
	for name, test := range map[string]struct {
		request func(*CreateInput)
		found   func(*createFound)
		want    []string
		code    common.Code // of the refusal
		kind    common.Kind
	}{
		"nothing is there": {want: all},
		"the cluster is there": {
			found: func(f *createFound) { f.space.Cluster = foundCluster(spaceTags, 1) },
			want:  planWith(all, "create cluster myclu", "adopt cluster myclu")},
		"the secret is there": {
			found: func(f *createFound) {
				f.space.Credentials = map[string]*resource.State{"webserver": foundSecret(spaceTags, nil)}
			},
			want: planWith(all, "create credential "+credName, "adopt credential "+credName)},
		"an up-to-date role is there": {
			found: func(f *createFound) { f.space.Role = foundRole(spec.TrustPolicy(who)) },
			want:  planWith(all, "create role myclu-ecsTaskExecution", "adopt role myclu-ecsTaskExecution")},
		"a role that trusts one region is there": {
			found: func(f *createFound) { f.space.Role = foundRole(`{"Statement": []}`) },
			want:  planWith(all, "create role myclu-ecsTaskExecution", "adopt role myclu-ecsTaskExecution", "update role myclu-ecsTaskExecution")},
		"the role's policy is as it is to be": {
			found: func(f *createFound) {
				f.space.Policies.Regional = spec.AccessPolicy(who, "us-east-1", "localdev", "myclu", localaws.KMSKey)
			},
			want: planWith(all, "create rolePolicy myclu-ecsTaskExecution", "keep rolePolicy myclu-ecsTaskExecution")},
		"the Cloud Map service is there": {
			found: func(f *createFound) {
				f.cloudMap = &resource.State{ID: "arn:aws:servicediscovery:us-east-1:123456789012:service/srv-1", Tags: spaceTags, Value: &awscloud.Service{}}
			},
			want: planWith(all, "create cloudMapService www-myclu", "adopt cloudMapService www-myclu")},
		"it names a revision": {
			request: named,
			found:   func(f *createFound) { f.revision = foundRevision(spaceTags, "ACTIVE", webserver()) },
			want:    []string{"create cluster myclu", "create service www", "keep taskDefinition www-task:1"}},
		"it names a revision whose secret is scheduled for deletion": {
			request: named,
			found: func(f *createFound) {
				f.revision, f.secrets = foundRevision(spaceTags, "ACTIVE", webserver()), []*resource.State{foundSecret(spaceTags, aws.Time(time.Unix(1, 0)))}
			},
			want: []string{"create cluster myclu", "create service www", "keep taskDefinition www-task:1", "update credential " + credName}},
		"it names a revision that is INACTIVE": {
			request: named, found: func(f *createFound) { f.revision = foundRevision(spaceTags, "INACTIVE", webserver()) }, code: common.CodeTaskDefinitionInactive, kind: common.Conflict},
		"it names another org's revision": {
			request: named, found: func(f *createFound) { f.revision = foundRevision(foreign, "ACTIVE", webserver()) }, kind: common.NotFound},
		"the service is there": {
			found: func(f *createFound) { f.service = &awsecs.Service{Tags: ecs.FromTags(spaceTags)} }, code: common.CodeServiceExists, kind: common.Conflict},
		"another org's cluster is there": {
			found: func(f *createFound) { f.space.Cluster = foundCluster(foreign, 0) }, kind: common.NotFound},
		"another service's secret is there": {
			found: func(f *createFound) {
				f.space.Credentials = map[string]*resource.State{"webserver": foundSecret(spec.Tags("localdev", "myclu", "service", "api/1"), nil)}
			}, code: common.CodeNameTaken, kind: common.Conflict},
		"the namespace is another org's": {found: func(f *createFound) { f.namespaceTags = foreign }, kind: common.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, localaws.New())
			in := wholeService(t, "myclu", "www")
			if test.request != nil {
				test.request(in)
			}
			c, err := w.newCreation(in)
			if err != nil {
				t.Fatal(err)
			}
			found := &createFound{}
			found.space.Identity = who
			if test.found != nil {
				test.found(found)
			}
			p, err := c.decide(found)
			checkDecision(t, w, p != nil, err, test.kind, test.code)
			if p == nil {
				return
			}
			if diff := cmp.Diff(test.want, planned(&p.Plan)); diff != "" {
				t.Errorf("the plan (-want +got):\n%s", diff)
			}
		})
	}
}

// checkDecision checks that there is a plan or the wanted refusal, and that AWS was not called for it.
func checkDecision(t *testing.T, w *world, planned bool, err error, kind common.Kind, code common.Code) {
	t.Helper()
	refused := err != nil
	switch {
	case planned == refused:
		t.Fatalf("there is a plan: %v; error: %v", planned, err)
	case refused && (!common.Is(err, kind) || code != "" && common.ResponseCode(err) != code):
		t.Errorf("got %v (%s), want %v %s", err, common.ResponseCode(err), kind, code)
	case !refused && code != "":
		t.Errorf("there is a plan, want %s", code)
	}
	if calls := w.aws.Calls(); len(calls) > 0 {
		t.Errorf("decide calls AWS: %v", calls)
	}
}

func TestWhatAnUpdateDecides(t *testing.T) {
	t.Parallel()
	const definition = `{"TaskDefinition": {"family": "www-task", "cpu": "512", "memory": "1024", "containerdefinitions": [{"name": "webserver", "image": "nginx:2"}]}}`
	registers := []string{
		"adopt logGroup myclu", "adopt role myclu-ecsTaskExecution", "create taskDefinition www-task", "keep cluster myclu", "keep rolePolicy myclu-ecsTaskExecution", "update service www",
	}
	tags := []string{
		"keep cluster myclu", "keep service www", "update tags cluster myclu", "update tags log group myclu", "update tags role myclu-ecsTaskExecution", "update tags secret " + credName,
		"update tags service www", "update tags task definition www-task:1",
	}
	scheduled := func(f *updateFound) { f.secrets = []*resource.State{foundSecret(spaceTags, aws.Time(time.Unix(1, 0)))} }
	registered := func(service string) func(*updateFound) { // from the same task definition
		owner := resource.RevisionOwner(service, spec.Digest(updateInput(t, definition, &CreateOutput{Credentials: map[string]*awssecrets.CreateSecretOutput{"webserver": {}}}).TaskDefinition)) + "1"
		return func(f *updateFound) {
			f.present.Tags = ecs.FromTags(ecs.ToTags(f.present.Tags).With(spec.Tags("localdev", "myclu", space.FlavorService, owner)...))
		}
	}
	other := func(tags common.Tags, status string) func(*updateFound) {
		return func(f *updateFound) { f.other = foundRevision(tags, status, webserver()) }
	}
	for name, test := range map[string]struct {
		request string
		nulls   []string
		found   func(*updateFound)
		want    []string
		code    common.Code
		kind    common.Kind
	}{
		"new tasks":                            {request: `{"ForceRedeploy": true}`, want: []string{"keep cluster myclu", "update service www"}},
		"new tasks whose secret was scheduled": {request: `{"ForceRedeploy": true}`, found: scheduled, want: []string{"keep cluster myclu", "update credential " + credName, "update service www"}},
		"a count":                              {request: `{"Service": {"DesiredCount": 2}}`, want: []string{"keep cluster myclu", "update service www"}},
		"tags":                                 {request: `{"Tags": [{"Key": "New", "Value": "tag"}]}`, want: tags},
		"tags, on an INACTIVE revision": {request: `{"Tags": [{"Key": "New", "Value": "tag"}]}`,
			found: func(f *updateFound) { f.present.TaskDefinition.Status = aws.String("INACTIVE") },
			want:  planWith(tags, "update tags task definition www-task:1")},
		"tags, of a secret that is scheduled": {request: `{"Tags": [{"Key": "New", "Value": "tag"}]}`, found: scheduled, want: planWith(tags, "update tags secret "+credName)},
		"tags, in a space with another org's log group": {request: `{"Tags": [{"Key": "New", "Value": "tag"}]}`,
			found: func(f *updateFound) { f.space.LogGroup.Tags = foreign }, want: planWith(tags, "update tags log group myclu")},
		"tags and a value of one secret": {request: `{"Tags": [{"Key": "New", "Value": "tag"}], "Credentials": {"webserver": {"SecretString": "{\"username\":\"u\",\"password\":\"p\"}"}}}`,
			want: planWith(tags, "update tags secret "+credName, "update credential "+credName)},
		"a value":                         {request: `{"Credentials": {"webserver": {"SecretString": "{\"username\":\"u\",\"password\":\"p\"}"}}}`, want: []string{"keep cluster myclu", "keep service www", "update credential " + credName}},
		"a task definition":               {request: definition, want: registers},
		"the task definition that it has": {request: definition, found: registered("www"), want: []string{"keep cluster myclu", "keep service www", "keep taskDefinition www-task:1"}},
		"the task definition that it has, with a count": {request: definition[:len(definition)-1] + `, "Service": {"DesiredCount": 2}}`, found: registered("www"),
			want: []string{"keep cluster myclu", "keep taskDefinition www-task:1", "update service www"}},
		"the task definition that another service has": {request: definition, found: registered("api"), want: registers},
		"the task definition that it has, INACTIVE": {request: definition, found: func(f *updateFound) {
			registered("www")(f)
			f.present.TaskDefinition.Status = aws.String("INACTIVE")
		}, want: registers},
		"the task definition that it has, without credentials": {request: definition, nulls: []string{"taskdefinition.containerdefinitions[0].repositorycredentials"}, found: registered("www"), want: registers},
		"the task definition that it has, with other tags":     {request: strings.Replace(definition, `"cpu"`, `"tags": [{"Key": "a", "Value": "b"}], "cpu"`, 1), found: registered("www"), want: registers},
		"a task definition whose secret was scheduled":         {request: definition, found: scheduled, want: planWith(registers, "", "update credential "+credName)},
		"another name of credentials": {request: `{"Credentials": {"webserver": {"Name": "another", "SecretString": "{\"username\":\"u\",\"password\":\"p\"}"}}}`,
			want: planWith(registers, "", "create credential spinup/localdev/myclu/another")},
		"a role that trusts one region": {request: definition, found: func(f *updateFound) { f.space.Role = foundRole(`{"Statement": []}`) },
			want: planWith(registers, "", "update role myclu-ecsTaskExecution")},
		"a revision":                    {request: `{"Service": {"TaskDefinition": "www-task:1"}}`, found: other(spaceTags, "ACTIVE"), want: []string{"keep cluster myclu", "keep service www"}},
		"a revision that is INACTIVE":   {request: `{"Service": {"TaskDefinition": "www-task:1"}}`, found: other(spaceTags, "INACTIVE"), kind: common.Conflict, code: common.CodeTaskDefinitionInactive},
		"a revision of another org":     {request: `{"Service": {"TaskDefinition": "www-task:1"}}`, found: other(foreign, "ACTIVE"), kind: common.NotFound},
		"credentials of no container":   {request: `{"Credentials": {"nobody": {"Name": "x", "SecretString": "{\"username\":\"u\",\"password\":\"p\"}"}}}`, kind: common.BadRequest},
		"a family that another org has": {request: definition, found: other(foreign, "ACTIVE"), kind: common.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, localaws.New())
			in := updateInput(t, test.request, &CreateOutput{Credentials: map[string]*awssecrets.CreateSecretOutput{"webserver": {}}})
			in.SetNulls(test.nulls)
			u, err := w.newUpdate("myclu", "www", in)
			if err != nil {
				t.Fatal(err)
			}
			found := &updateFound{
				service: &awsecs.Service{ServiceName: aws.String("www"), Status: aws.String("ACTIVE"), TaskDefinition: aws.String(revisionARN), Tags: ecs.FromTags(spaceTags), DesiredCount: aws.Int64(1)},
				present: foundRevision(spaceTags, "ACTIVE", webserver()), secrets: []*resource.State{foundSecret(spaceTags, nil)},
			}
			found.space.Identity, found.space.Cluster, found.space.Role = who, foundCluster(spaceTags, 1), foundRole(spec.TrustPolicy(who))
			found.space.LogGroup = &resource.State{ID: "arn:aws:logs:us-east-1:123456789012:log-group:myclu", Tags: spaceTags}
			found.space.Policies.Regional = spec.AccessPolicy(who, "us-east-1", "localdev", "myclu", localaws.KMSKey)
			if test.found != nil {
				test.found(found)
			}
			p, err := u.decide(found)
			checkDecision(t, w, p != nil, err, test.kind, test.code)
			if p == nil {
				return
			}
			if diff := cmp.Diff(test.want, planned(&p.Plan)); diff != "" {
				t.Errorf("the plan (-want +got):\n%s", diff)
			}
		})
	}
}
