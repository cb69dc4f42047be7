package adhoc

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/launch"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/spec"
)

// roleFields calls found with the path of each field below v that names a role, after it has set that field, alone, to role. Pointers and lists on the way
// there have one element.
func roleFields(v reflect.Value, path, role string, found func(path string)) {
	for field, f := range v.Fields() {
		if !field.IsExported() {
			continue
		}
		at := strings.ToLower(strings.TrimPrefix(path+"."+field.Name, "."))
		switch {
		case f.Type() == reflect.TypeFor[*string]() && strings.Contains(field.Name, "Role"):
			f.Set(reflect.ValueOf(&role))
			found(at)
			f.SetZero()
		case f.Kind() == reflect.Pointer && f.Type().Elem().Kind() == reflect.Struct:
			f.Set(reflect.New(f.Type().Elem()))
			roleFields(f.Elem(), at, role, found)
			f.SetZero()
		case f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Pointer && f.Type().Elem().Elem().Kind() == reflect.Struct:
			one := reflect.New(f.Type().Elem().Elem())
			f.Set(reflect.Append(reflect.Zero(f.Type()), one))
			roleFields(one.Elem(), at+"[0]", role, found)
			f.SetZero()
		}
	}
}

// Every field of AWS's model that names a role is held to taskRoles, those of the next model too.
func TestEveryFieldThatNamesARoleIsChecked(t *testing.T) {
	const role = "arn:aws:iam::123456789012:role/admin"
	a := account.Settings{Org: "localdev", AllowsRole: func(arn string) bool { return arn != role }}
	refused := func(p common.Problems, path string) bool {
		return slices.ContainsFunc(p, func(f common.FieldError) bool { return f.Field == path })
	}
	definition, run := &awsecs.RegisterTaskDefinitionInput{}, &awsecs.RunTaskInput{}
	for _, tt := range []struct {
		name  string
		in    any
		check func() common.Problems
		want  []string // the fields that there are
		more  []string // those that are held to more than taskRoles; see executionRole
	}{
		{"a task definition", definition, func() common.Problems { return spec.CheckTaskDefinition(a, "", definition) }, []string{"taskrolearn"}, []string{"executionrolearn"}},
		{"a task", run, func() common.Problems { return checkRun(a, "clu", run) },
			[]string{"overrides.executionrolearn", "overrides.taskrolearn", "volumeconfigurations[0].managedebsvolume.rolearn"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			roleFields(reflect.ValueOf(tt.in).Elem(), "", role, func(path string) {
				if slices.Contains(tt.more, path) {
					return
				}
				got = append(got, path)
				if !refused(tt.check(), path) {
					t.Errorf("%s is not checked", path)
				}
			})
			slices.Sort(got)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDefaultsOfTasks(t *testing.T) {
	a := account.Settings{Org: "localdev", Subnets: []string{"subnet-1"}, SecurityGroups: []string{"sg-1"}}
	got := completeRun(common.Caller{Name: "ui"}, resource.Key{}, a, "clu", &awsecs.RunTaskInput{LaunchType: aws.String(""), ClientToken: aws.String("mine")})
	want := &awsecs.RunTaskInput{
		Cluster: aws.String("clu"), Count: aws.Int64(1), LaunchType: aws.String("FARGATE"), EnableECSManagedTags: aws.Bool(true),
		PropagateTags: aws.String("TASK_DEFINITION"), ClientToken: aws.String("mine"), Tags: []*awsecs.Tag{{Key: aws.String("spinup:org"), Value: aws.String("localdev")}, {Key: aws.String("spinup:caller"), Value: aws.String("ui")}},
		NetworkConfiguration: &awsecs.NetworkConfiguration{AwsvpcConfiguration: &awsecs.AwsVpcConfiguration{
			Subnets: aws.StringSlice([]string{"subnet-1"}), SecurityGroups: aws.StringSlice([]string{"sg-1"}), AssignPublicIp: aws.String("DISABLED"),
		}},
	}
	if !reflect.DeepEqual(want, got) {
		t.Errorf("got %v, want %v", got, want)
	}
	strategy := []*awsecs.CapacityProviderStrategyItem{{CapacityProvider: aws.String("FARGATE_SPOT")}}
	if got := completeRun(common.Caller{Name: "ui"}, resource.Key{}, a, "clu", &awsecs.RunTaskInput{LaunchType: aws.String(""), CapacityProviderStrategy: strategy}); got.LaunchType != nil {
		t.Errorf("a strategy has the launch type %q beside it", *got.LaunchType)
	}
}

func TestReferencesToTasks(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef"
	arn := "arn:aws:ecs:us-east-1:123456789012:task/"
	for ref, want := range map[string]string{
		id: id, arn + "clu/" + id: id, arn + id: id,
		arn + "other/" + id: "there is no task " + id + " in cluster clu", "short": "there is no task short",
		"clu/" + id: id, "other/" + id: "there is no task " + id + " in cluster clu", "clu/b": "there is no task b",
		"clu/b/c": "the request is not valid: task must be a task's id or ARN",
	} {
		got, err := taskIn("clu", ref)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", ref, got, want)
		}
	}
}

// TestAPlainRunStartsItsTasksOnceOrStopsThem loses all responses of RunTask. What the request started is stopped, unless the caller's own client token leads to
// it again.
func TestAPlainRunStartsItsTasksOnceOrStopsThem(t *testing.T) {
	for name, token := range map[string]*string{"without a client token": nil, "with a client token": aws.String("mine")} {
		t.Run(name, func(t *testing.T) {
			simulator := localaws.New()
			r, tx := resources(t, simulator)
			tx.Account.Settings.Subnets = []string{localaws.SubnetA}
			role := addRole(t, tx)
			if _, err := r.Clusters.Create(t.Context(), &awsecs.CreateClusterInput{ClusterName: aws.String("clu")}); err != nil {
				t.Fatal(err)
			}
			_, err := r.TaskDefinitions.Register(t.Context(), &awsecs.RegisterTaskDefinitionInput{
				Family: aws.String("web"), Cpu: aws.String("256"), Memory: aws.String("512"), ExecutionRoleArn: &role,
				ContainerDefinitions: []*awsecs.ContainerDefinition{{Name: aws.String("web"), Image: aws.String("nginx:alpine")}},
			})
			if err != nil {
				t.Fatal(err)
			}
			run := func() (*launch.Started, error) {
				return r.Tasks.Run(t.Context(), "clu", &awsecs.RunTaskInput{TaskDefinition: aws.String("web"), Count: aws.Int64(2), ClientToken: token})
			}
			running := func() int {
				arns, err := r.Tasks.List(t.Context(), TaskFilter{Cluster: "clu"})
				if err != nil {
					t.Fatal(err)
				}
				return len(arns)
			}
			if _, err := run(); err != nil { // of another request: it keeps running
				t.Fatal(err)
			}
			want := 2
			if token != nil {
				token, want = aws.String("other"), 4
			}
			simulator.Inject(localaws.Fault{Operation: "RunTask", Effect: localaws.Lose, Times: -1})
			if _, err := run(); !common.Is(err, common.Unavailable) {
				t.Fatalf("%v; want Unavailable", err)
			}
			simulator.Heal()
			if got := running(); got != want {
				t.Errorf("%d tasks run, want %d", got, want)
			}
			if _, err := run(); err != nil {
				t.Fatal(err)
			}
			if got := running(); got != 4 {
				t.Errorf("%d tasks run after the request was repeated, want 4", got)
			}
		})
	}
}
