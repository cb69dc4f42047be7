package api

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	awscloud "github.com/aws/aws-sdk-go/service/servicediscovery"

	"ecs-api/localaws"
)

func TestServiceDiscovery(t *testing.T) {
	t.Parallel()
	h := adhocHarness(t)
	theirs, bare := h.addCloudMapService(t, "theirs", tagsOthers), h.addCloudMapService(t, "bare", tagsNone)
	mine, used := h.addCloudMapService(t, "mine", tagsOurs), h.addCloudMapService(t, "used", tagsOurs)
	h.addCluster(t, "clu", tagsOurs)
	h.addDefinition(t, "web", tagsOurs)
	h.addRegisteredService(t, "clu", "www", "web", used)

	const services = "/servicediscovery/services"
	const records = `"dnsConfig":{"namespaceId":"` + localaws.Namespace + `","dnsRecords":[{"ttl":30,"type":"A"}]}`
	odd := func(method string) []asked {
		return []asked{
			{"another org's", method, services + "/" + theirs, "", 404, map[string]any{"detail": "there is no Cloud Map service " + theirs}},
			{"another org's by its ARN", method, services + "/" + escaped(arnCloud+"service/"+theirs), "", 404, nil},
			{"an unknown one", method, services + "/srv-nope", "", 404, map[string]any{"detail": "there is no Cloud Map service srv-nope"}},
			{"one of another account", method, services + "/" + escaped("arn:aws:servicediscovery:us-east-1:210987654321:service/"+mine), "", 404, nil},
			{"no id", method, services + "/a%20b", "", 400, wrong("id")},
			{"slashes", method, services + "/" + escaped("service/"+mine), "", 400, wrong("id")},
			{"an ARN of something else", method, services + "/" + escaped(arnCloud+"namespace/"+localaws.Namespace), "", 400, wrong("id")},
			{"what leads elsewhere", method, services + "/" + escaped("../"+mine), "", 400, wrong("id")},
		}
	}
	ask(t, h, append(odd("GET"), odd("DELETE")...))
	ask(t, h, []asked{
		{"a new one is as it was asked for", "POST", services, `{"name":"new",` + records + `,"healthCheckCustomConfig":{"failureThreshold":1},"tags":[{"key":"Application","value":"myapp"}]}`, 200, map[string]any{
			"Service.Name": "new", "Service.NamespaceId": localaws.Namespace, "Service.DnsConfig.DnsRecords.0.TTL": 30, "Service.HealthCheckCustomConfig.FailureThreshold": 1,
		}},
		{"a health check is not added", "POST", services, `{"name":"plain","namespaceId":"` + localaws.Namespace + `"}`, 200, map[string]any{"Service.HealthCheckCustomConfig": nil}},
		{"the caller's id of the request is not taken over", "POST", services, `{"name":"own","creatorRequestId":"x","namespaceId":"` + localaws.Namespace + `"}`, 200, nil},
		{"one that is there", "POST", services, `{"name":"NEW",` + records + `}`, 409, nil},
		{"one that is nobody's", "POST", services, `{"name":"bare",` + records + `}`, 409, nil},
		{"one that is another org's", "POST", services, `{"name":"theirs",` + records + `}`, 404, nil},
		{"an unknown namespace", "POST", services, `{"name":"x","namespaceId":"ns-nope"}`, 404, map[string]any{"detail": "there is no namespace ns-nope"}},
		{"nothing", "POST", services, `{}`, 400, wrong("name", "namespaceid")},
		{"another org in the tags", "POST", services, `{"name":"x",` + records + `,"tags":[{"key":"spinup:org","value":"localdev2"}]}`, 400, wrong("tags[0].value")},
		{"what AWS refuses", "POST", services, `{"name":"a b",` + records + `}`, 400, map[string]any{"code": "InvalidInput"}},
		{"records that are none", "POST", services, `{"name":"x","dnsConfig":{"dnsRecords":"A"}}`, 400, nil},

		{"one by its id", "GET", services + "/" + mine, "", 200, map[string]any{"Service.Id": mine, "Service.Name": "mine", "Service.Arn": arnCloud + "service/" + mine}},
		{"one by its ARN", "GET", services + "/" + escaped(arnCloud+"service/"+mine), "", 200, map[string]any{"Service.Id": mine}},
		{"nobody's", "GET", services + "/" + bare, "", 200, map[string]any{"Service.Name": "bare"}},

		{"all but another org's", "GET", services, "", 200, map[string]any{
			"Services.#": 6, // bare, mine, used, new, plain and own
		}},

		{"one with instances stays", "DELETE", services + "/" + used, "", 409, nil},
		{"an empty one goes", "DELETE", services + "/" + mine, "", 200, map[string]any{"": map[string]any{}}},
		{"and is not there then", "GET", services + "/" + mine, "", 404, nil},
		{"nor to be deleted again", "DELETE", services + "/" + mine, "", 404, nil},
		{"nobody's goes when it is named", "DELETE", services + "/" + escaped(arnCloud+"service/"+bare), "", 200, nil},
	})
	made := h.cloudMapServiceNamed(t, "new")
	tags, err := h.sdk().CloudMap.Tags(t.Context(), aws.StringValue(made.Arn))
	if err != nil {
		t.Fatal(err)
	}
	if org, _ := tags.Get("spinup:org"); org != "localdev" {
		t.Errorf("the new one's tags are %v", tags)
	}
	if application, _ := tags.Get("Application"); application != "myapp" {
		t.Errorf("the new one's tags are %v", tags)
	}
}

// cloudMapServiceNamed returns the summary of the Cloud Map service of that name.
func (h *harness) cloudMapServiceNamed(t *testing.T, name string) *awscloud.ServiceSummary {
	t.Helper()
	all, err := h.sdk().CloudMap.Services(t.Context(), localaws.Namespace)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if aws.StringValue(s.Name) == name {
			return s
		}
	}
	t.Fatalf("there is no %s", name)
	return nil
}

func TestAnotherOrgsNamespaceIsNotBuiltInto(t *testing.T) {
	t.Parallel()
	h := adhocHarness(t)
	err := h.sdk().CloudMap.Tag(t.Context(), arnCloud+"namespace/"+localaws.Namespace, tagsOthers)
	if err != nil {
		t.Fatal(err)
	}
	ask(t, h, []asked{{"it is not there", "POST", "/servicediscovery/services", `{"name":"x","namespaceId":"` + localaws.Namespace + `"}`, 404, map[string]any{
		"detail": "there is no namespace " + localaws.Namespace,
	}}})
}

func TestACloudMapServiceIsCreatedOnce(t *testing.T) {
	t.Parallel()
	const body = `{"name":"new","namespaceId":"` + localaws.Namespace + `"}`
	t.Run("although the response is lost", func(t *testing.T) {
		h := adhocHarness(t, localaws.WithFaults(localaws.Fault{Service: "servicediscovery", Operation: "CreateService", Effect: localaws.Lose}))
		ask(t, h, []asked{{"it is found", "POST", "/servicediscovery/services", body, 200, map[string]any{"Service.Name": "new"}}})
	})
	t.Run("or not at all", func(t *testing.T) {
		h := adhocHarness(t)
		h.aws.Inject(localaws.Fault{Service: "servicediscovery", Operation: "CreateService", Effect: localaws.Lose, Times: -1, Func: func() {
			h.aws.Inject(localaws.Fault{Service: "servicediscovery", Operation: "ListServices", Effect: localaws.Down, Times: 2}) // a look, tried twice
		}})
		ask(t, h, []asked{{"AWS never responds", "POST", "/servicediscovery/services", body, 503, nil}})
		if left := h.aws.Inventory(); len(left) > 0 {
			t.Errorf("left %v", left)
		}
	})
	t.Run("and by one of two requests", func(t *testing.T) {
		h := adhocHarness(t)
		h.aws.Inject(localaws.Fault{Service: "servicediscovery", Operation: "CreateService", Effect: localaws.Hook, Func: func() {
			h.addCloudMapService(t, "new", tagsOurs)
		}})
		ask(t, h, []asked{{"the later one is a conflict", "POST", "/servicediscovery/services", body, 409, map[string]any{"code": "ServiceAlreadyExists"}}})
	})
}

func TestCloudMapServicesAreListedByPages(t *testing.T) {
	t.Parallel()
	h := adhocHarness(t)
	for i := range 105 {
		tags := tagsOurs
		if i%10 == 0 {
			tags = tagsOthers
		}
		h.addCloudMapService(t, fmt.Sprintf("r%03d", i), tags)
	}
	h.aws.ResetCalls()
	ask(t, h, []asked{{"all but another org's", "GET", "/servicediscovery/services", "", 200, map[string]any{"Services.#": 94}}})
	if got := len(h.aws.Calls()); got != 4 {
		t.Errorf("%d calls, want 2 pages of services and 2 of tags", got)
	}
}
