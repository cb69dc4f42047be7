package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ecs-api/api/warnings"
	"ecs-api/localaws"
)

// Dry runs warn of subnets that tasks cannot run in. What AWS does not let the server see is no error, and no warning.
func TestDryRunsWarnOfSubnets(t *testing.T) {
	t.Parallel()
	sim := localaws.New()
	h := newHastyHarness(t, sim)
	network := func(subnets ...string) string {
		return `"networkconfiguration": {"awsvpcconfiguration": {"subnets": ["` + strings.Join(subnets, `", "`) + `"]}}`
	}
	create := func(subnets ...string) string {
		return strings.Replace(createFrom(insideImage), `"servicename"`, network(subnets...)+`, "servicename"`, 1)
	}
	warned := func(method, path, body string) []string {
		t.Helper()
		res, text := h.do(t, method, path, body)
		if res.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", res.StatusCode, text)
		}
		said := []string{}
		for _, w := range decoded[struct{ Warnings []warnings.Warning }](t, text).Warnings {
			said = append(said, w.Code+" "+w.Field)
		}
		return said
	}
	const at = " service.networkconfiguration.awsvpcconfiguration.subnets" // as the bodies spell it
	dry := base + "/local/services?dryRun=true"
	for _, test := range []struct {
		subnets []string
		want    []string
	}{
		{[]string{localaws.SubnetA, localaws.SubnetB}, []string{}},
		{[]string{localaws.SubnetA, localaws.SubnetC}, []string{"SubnetIsolated" + at}},
		{[]string{"subnet-gone"}, []string{"SubnetMissing" + at}},
	} {
		if diff := cmp.Diff(test.want, warned("POST", dry, create(test.subnets...))); diff != "" {
			t.Errorf("a create in %v (-want +got)\n%s", test.subnets, diff)
		}
	}
	if res, text := h.do(t, "POST", base+"/local/services", createFrom(insideImage)); res.StatusCode != http.StatusOK {
		t.Fatal(text)
	}
	for body, want := range map[string][]string{
		`{"Service": {` + network(localaws.SubnetC) + `}}`: {"SubnetIsolated" + strings.Replace(at, "service", "Service", 1)},
		`{"Service": {` + network(localaws.SubnetB) + `}}`: {},
		`{"Service": {"desiredcount": 2}}`:                 {},
	} {
		if diff := cmp.Diff(want, warned("PUT", oneService+"?dryRun=true", body)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", body, diff)
		}
	}
	for _, call := range []string{"DescribeSubnets", "DescribeRouteTables"} {
		sim.Inject(localaws.Fault{Operation: call, Effect: localaws.Refuse, Code: "UnauthorizedOperation"})
		if said := warned("POST", dry, strings.Replace(create(localaws.SubnetC), `"www"`, `"other"`, 1)); len(said) > 0 {
			t.Errorf("without the right to %s: %v", call, said)
		}
	}
}
