package test

import (
	"slices"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

func TestComposeFile(t *testing.T) {
	options, err := cli.NewProjectOptions([]string{"../../docker-compose.yml"}, cli.WithName("ecs-api"))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context()) // by the schema, and by what services say of each other
	if err != nil {
		t.Fatal(err)
	}
	server, ok := project.Services["ecs-api"]
	if !ok {
		t.Fatalf("the services are %v", project.ServiceNames())
	}
	second, ok := project.Services["ecs-api-2"]
	if !ok || second.Ports[0].Published == server.Ports[0].Published || second.Image != server.Image {
		t.Errorf("the second server is %v", second)
	}
	for _, s := range []types.ServiceConfig{server, second} {
		if url := s.Environment["ECS_API_STATE_REDIS"]; url == nil || *url != "redis://state:6379" || s.DependsOn["state"].Condition != types.ServiceConditionHealthy {
			t.Errorf("%s does not share the state", s.Name)
		}
	}
	for service, condition := range map[string]string{"aws": types.ServiceConditionHealthy, "seed": types.ServiceConditionCompletedSuccessfully} {
		waits := slices.ContainsFunc(project.ServiceNames(), func(name string) bool {
			return project.Services[name].DependsOn[service].Condition == condition
		})
		if !waits {
			t.Errorf("nobody waits until %s is %s", service, condition)
		}
	}
	if !server.ReadOnly || !slices.Equal(server.CapDrop, []string{"ALL"}) || server.Privileged || server.User != "" {
		t.Error("the server may do more in its container than it needs")
	}
	if server.StopGracePeriod == nil || time.Duration(*server.StopGracePeriod) <= 2*time.Minute {
		t.Errorf("the server has %v to stop, and may need 2m", server.StopGracePeriod)
	}
	for _, port := range slices.Concat(server.Ports, second.Ports) {
		if port.HostIP != "127.0.0.1" {
			t.Errorf("port %s is open to others, with a token that everybody knows", port.Published)
		}
	}
}
