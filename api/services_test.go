package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ecs-api/localaws"
)

// servicesHarness is a server with clusters of ours, of nobody's and of another org's; services of ours in the first two, and
// another org's in the last two.
func servicesHarness(t *testing.T) *harness {
	h := tasksHarness(t)
	h.addService(t, "mine", "www", "mine", tagsOurs)
	h.addService(t, "bare", "www", "mine", tagsOurs)
	h.addService(t, "bare", "foreign", "bare", tagsOthers)
	h.addService(t, "theirs", "www", "theirs", tagsOthers)
	return h
}

func TestServicesAreFoundByTheARNsThatListsReturn(t *testing.T) {
	t.Parallel()
	h := servicesHarness(t)
	cluster, service := escaped(arnECS+"cluster/mine"), escaped(arnECS+"service/mine/www")
	one := "/clusters/" + cluster + "/services/" + service
	task := h.addTask(t, "mine", "mine", tagsOurs)
	elsewhere := strings.NewReplacer("us-east-1", "eu-west-1")
	foreign := strings.NewReplacer("123456789012", "210987654321")
	var rows []asked
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		body := ""
		if method == "PUT" {
			body = `{"ForceNewDeployment":true}`
		}
		rows = append(rows,
			asked{"a service of another cluster", method, "/clusters/bare/services/" + service, body, 404, map[string]any{"detail": "there is no service www in cluster bare"}},
			asked{"a service of another region", method, "/clusters/mine/services/" + elsewhere.Replace(service), body, 404, map[string]any{"detail": "there is no service www"}},
			asked{"a service of another account", method, "/clusters/mine/services/" + foreign.Replace(service), body, 404, nil},
			asked{"a cluster of another account", method, "/clusters/" + foreign.Replace(cluster) + "/services/www", body, 404, map[string]any{"detail": "there is no cluster mine"}},
			asked{"another org's", method, "/clusters/theirs/services/" + escaped(arnECS+"service/theirs/www"), body, 404, nil},
			asked{"the ARN of something else", method, "/clusters/mine/services/" + cluster, body, 400, wrong("service")},
			asked{"something else as the cluster", method, "/clusters/" + service + "/services/www", body, 400, wrong("cluster")},
			asked{"what leads elsewhere", method, "/clusters/mine/services/" + escaped(arnECS+"service/mine/../www"), body, 400, wrong("service")},
			asked{"too many parts", method, "/clusters/mine/services/" + escaped(arnECS+"service/mine/www/x"), body, 400, wrong("service")},
			asked{"no name", method, "/clusters/mine/services/" + escaped("a b"), body, 400, wrong("service")},
		)
	}
	ask(t, h, append(rows,
		asked{"listed", "GET", "/clusters/" + cluster + "/services", "", 200, map[string]any{"#": 1, "0": arnECS + "service/mine/www"}},
		asked{"shown", "GET", one, "", 200, map[string]any{"ServiceName": "www"}},
		asked{"by the ARN that services had until 2018", "GET", "/clusters/mine/services/" + escaped(arnECS+"service/www"), "", 200, map[string]any{"ServiceName": "www"}},
		asked{"with all that belongs to it", "GET", one + "?all=true", "", 200, map[string]any{"Cluster.ClusterName": "mine", "Tasks.#": 1}},
		asked{"its events", "GET", one + "/events", "", 200, nil},
		asked{"its logs", "GET", one + "/logs?container=web&task=" + task, "", 404, map[string]any{"detail": "task " + task + " is not one of service www"}},
		asked{"changed", "PUT", one, `{"Tags":[{"Key":"a","Value":"b"}]}`, 200, map[string]any{"Service.ServiceName": "www"}},
		asked{"changed, named in the body", "PUT", "/clusters/" + cluster + "/services", `{"Service":{"Service":"` + arnECS + `service/mine/www"},"ForceNewDeployment":true}`, 200, nil},
		asked{"deleted", "DELETE", one, "", 200, map[string]any{"Service.ServiceName": "www"}},
	))
}

func TestInNobodysClusterOtherOrgsAreNotSeen(t *testing.T) {
	t.Parallel()
	h := servicesHarness(t)
	ours, theirs := h.addTask(t, "bare", "bare", tagsOurs), h.addTask(t, "bare", "bare", tagsOthers)
	ask(t, h, []asked{
		{"their services are not listed", "GET", "/clusters/bare/services", "", 200, map[string]any{"": []any{arnECS + "service/bare/www"}}},
		{"their tasks are not listed", "GET", "/clusters/bare/tasks?family=bare", "", 200, map[string]any{"": []any{
			arnECS + "task/bare/" + h.taskOf(t, "bare", "foreign"), // it carries nobody's tag: the service does not pass its own on
			arnECS + "task/bare/" + ours,
		}}},
		{"nor shown", "GET", "/clusters/bare/tasks/" + theirs, "", 404, nil},
		{"a service of the same name cannot be made", "POST", "/services", `{"service":{"cluster":"bare","servicename":"foreign","taskdefinition":"bare:1"}}`, 404, map[string]any{
			"detail": "create service foreign in cluster bare: the name foreign is taken by a service of another org; choose another",
		}},
	})
}

func TestAnErrorNamesTheWholeTaskDefinition(t *testing.T) {
	t.Parallel()
	h := servicesHarness(t)
	h.addDefinition(t, "old", tagsOurs)
	if _, err := h.sdk().ECS.DeregisterTaskDefinition(t.Context(), "old:1"); err != nil {
		t.Fatal(err)
	}
	ask(t, h, []asked{
		{"in a log", "GET", "/clusters/mine/services/www/logs?container=nope&task=" + h.taskOf(t, "mine", "www"), "", 404, map[string]any{"detail": "there is no container nope in task definition mine:1"}},
		{"of a task", "POST", "/clusters/mine/tasks", `{"taskDefinition":"old:1"}`, 409, map[string]any{"detail": "task definition old:1 is not ACTIVE; name another revision"}},
	})
}

// taskOf returns the id of the one task of a service.
func (h *harness) taskOf(t *testing.T, cluster, service string) string {
	t.Helper()
	filter := taskFilter(cluster)
	filter.Service = service
	arns, err := h.sdk().ECS.ListTasks(t.Context(), filter)
	if err != nil || len(arns) != 1 {
		t.Fatal(arns, err)
	}
	return arns[0][strings.LastIndex(arns[0], "/")+1:]
}

func TestWhatTheSDKWouldRefuseIsReportedByFieldBeforeAnythingIsCreated(t *testing.T) {
	t.Parallel()
	h := servicesHarness(t)
	definition := `{"family":"x","cpu":"256","memory":"512","containerdefinitions":[{"name":"web","image":"nginx","secrets":[{"name":"A"}],"logConfiguration":{}}]}`
	wrongDefinition := []string{".containerdefinitions[0].logConfiguration.logdriver", ".containerdefinitions[0].secrets[0].valuefrom"}
	below := func(key string, paths []string) []string {
		var all []string
		for _, path := range paths {
			all = append(all, key+path)
		}
		return all
	}
	before := len(h.aws.Calls())
	ask(t, h, []asked{
		{"a new service", "POST", "/services", `{"cluster":{"clustername":"new","defaultCapacityProviderStrategy":[{}],"tags":[{}]},"taskdefinition":` + definition + `,
			"service":{"servicename":"x","deploymentConfiguration":{"alarms":{}}},"serviceregistry":{"name":"x","namespaceid":"ns-1","dnsconfig":{}},
			"credentials":{"web":{"Name":"x","SecretString":"{\"username\":\"u\",\"password\":\"hunter2\"}","AddReplicaRegions":[{"Region":""}]}}}`, 400,
			wrong(append(append([]string{"cluster.tags[0].Key", "cluster.defaultCapacityProviderStrategy[0].capacityprovider"}, below("taskdefinition", wrongDefinition)...),
				"serviceregistry.dnsconfig.dnsrecords", "service.deploymentConfiguration.alarms.alarmnames", "service.deploymentConfiguration.alarms.enable",
				"service.deploymentConfiguration.alarms.rollback", "credentials.web.AddReplicaRegions[0].Region")...)},
		{"a change", "PUT", "/clusters/mine/services/www", `{"Service":{"serviceConnectConfiguration":{}},"TaskDefinition":` + definition + `,
			"Credentials":{"web":{"SecretString":"{\"username\":\"u\",\"password\":\"hunter2\"}","AddReplicaRegions":[{"Region":""}]}}}`, 400,
			wrong(append(append([]string{"Service.serviceConnectConfiguration.enabled"}, below("TaskDefinition", wrongDefinition)...), "Credentials.web.AddReplicaRegions[0].Region")...)},
	})
	ask(t, h, []asked{
		{"more than ECS allows", "POST", "/services", `{"cluster":{"clustername":"new"},"service":{"servicename":"x","serviceregistries":[{"registryarn":"a"},{"registryarn":"b"}]},
			"taskdefinition":{"family":"x","cpu":"256","memory":"512","containerdefinitions":[` + manyContainers(11) + `]}}`, 400,
			wrong("taskdefinition.containerdefinitions", "service.serviceregistries")},
	})
	if n := len(h.aws.Calls()) - before; n > 0 {
		t.Errorf("%d calls to AWS were made", n)
	}
	ask(t, h, []asked{
		{"a task definition alone", "POST", "/taskdefs", definition, 400, wrong("containerdefinitions[0].logConfiguration.logdriver", "containerdefinitions[0].secrets[0].valuefrom")},
		{"a cluster alone", "POST", "/clusters", `{"ClusterName":"new","defaultCapacityProviderStrategy":[{}]}`, 400, wrong("defaultCapacityProviderStrategy[0].capacityprovider")},
	})
}

func TestWhatTheServerCompletesMayBeLeftOut(t *testing.T) {
	t.Parallel()
	h := servicesHarness(t)
	definition := `{"family":"x","cpu":"256","memory":"512","containerdefinitions":[{"name":"web","image":"nginx","repositoryCredentials":{}}]}`
	network := `"networkConfiguration":{"awsvpcConfiguration":{"securityGroups":["` + localaws.SecurityGroup + `"]}}`
	ask(t, h, []asked{
		{"when a service is made", "POST", "/services", `{"cluster":{"clustername":"new"},"taskdefinition":` + definition + `,"service":{"servicename":"x",` + network + `},
			"credentials":{"web":{"Name":"x","SecretString":"{\"username\":\"u\",\"password\":\"hunter2\"}"}}}`, 200, map[string]any{
			"Service.NetworkConfiguration.AwsvpcConfiguration.Subnets.#": 2,
		}},
		{"and when it is changed", "PUT", "/clusters/new/services/x", `{"TaskDefinition":` + definition + `,"Service":{` + network + `},
			"Credentials":{"web":{"SecretString":"{\"username\":\"u\",\"password\":\"hunter3\"}"}}}`, 200, map[string]any{
			"Service.NetworkConfiguration.AwsvpcConfiguration.Subnets.#": 2,
		}},
	})
}

// manyContainers returns n containers' definitions.
func manyContainers(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(`{"name":"web%d","image":"nginx"}`, i)
	}
	return strings.Join(all, ",")
}

func TestAnotherOrgsLooksLikeNothing(t *testing.T) {
	t.Parallel()
	h := servicesHarness(t)
	registry := h.addCloudMapService(t, "theirs", tagsOthers)
	ours := `"service":{"cluster":"mine","servicename":"new","taskdefinition":"mine:1"`
	named := func(what, theirs, none string) {
		t.Helper()
		for _, method := range []string{"GET", "DELETE"} {
			sameNotFound(t, h, method, what+theirs, "", theirs, none, what+none, "")
		}
	}
	named("/clusters/", "theirs", "nothing")
	named("/clusters/theirs/services/", "www", "other")
	named("/taskdefs/", "theirs:1", "nothing:1")
	named("/servicediscovery/services/", registry, "srv-nothing")
	create := func(theirs, none, with string) {
		t.Helper()
		sameNotFound(t, h, "POST", "/services", "{"+strings.ReplaceAll(with, "THEIRS", theirs)+"}", theirs, none, "/services", "{"+strings.ReplaceAll(with, "THEIRS", none)+"}")
	}
	create("theirs", "nothing", strings.Replace(ours, `"mine"`, `"THEIRS"`, 1)+"}")
	create("theirs:1", "nothing:1", strings.Replace(ours, `"mine:1"`, `"THEIRS"`, 1)+"}")
	create(arnCloud+"service/"+registry, arnCloud+"service/srv-nothing", ours+`,"serviceregistries":[{"registryarn":"THEIRS"}]}`)
	sameNotFound(t, h, "PUT", "/clusters/mine/services/www", `{"Service":{"TaskDefinition":"theirs:1"}}`, "theirs:1", "nothing:1", "/clusters/mine/services/www", `{"Service":{"TaskDefinition":"nothing:1"}}`)
}

// sameNotFound sees that two requests get the same 404, but for the names.
func sameNotFound(t *testing.T, h *harness, method, target, body, theirs, none, otherTarget, otherBody string) {
	t.Helper()
	about := func(target, body, name string) problem {
		resp, text := h.do(t, method, base+"/local"+target, body)
		p := problemOf(t, resp, text)
		p.Detail, p.RequestID = strings.ReplaceAll(p.Detail, name, "NAME"), ""
		return p
	}
	got, want := about(target, body, theirs), about(otherTarget, otherBody, none)
	if diff := cmp.Diff(want, got); diff != "" || got.Status != 404 {
		t.Errorf("%s %s %s (-nothing +another org's):\n%s", method, target, body, diff)
	}
}
