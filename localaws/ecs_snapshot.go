package localaws

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/private/protocol/json/jsonutil"

	"ecs-api/ecs/sdk/ecs"
)

// snapshot writes the clusters, services and task definitions that are ACTIVE.
func (s *ecsState) snapshot(b *strings.Builder) {
	for _, c := range s.clusters.all() {
		if !c.active {
			continue
		}
		thing := "ecs:cluster " + c.name
		structFacts(b, thing, &ecs.Cluster{
			CapacityProviders: c.providers, DefaultCapacityProviderStrategy: c.strategy,
			Settings: c.settings, Configuration: c.configuration, ServiceConnectDefaults: c.connect,
		})
		tagFacts(b, thing, c.tags)
		for _, svc := range c.services.all() {
			if svc.status == statusActive {
				svc.snapshot(b)
			}
		}
	}
	for _, rev := range s.revisions.all() {
		if rev.status() == ecs.TaskDefinitionStatusActive {
			thing := "ecs:task-definition " + lastSegment(rev.arn())
			out := rev.out
			out.RegisteredAt = nil
			structFacts(b, thing, &out)
			tagFacts(b, thing, rev.tags)
		}
	}
}

// snapshot writes the service's parameters.
func (svc *ecsService) snapshot(b *strings.Builder) {
	thing := "ecs:service " + svc.cluster.name + "/" + svc.name
	out := svc.out
	out.CreatedAt = nil
	structFacts(b, thing, &out)
	tagFacts(b, thing, svc.tags)
}

// structFacts writes what is set of an SDK value, each member on a line of its own, so that a difference is easily seen.
func structFacts(b *strings.Builder, thing string, v any) {
	body, err := jsonutil.BuildJSON(v)
	members := map[string]json.RawMessage{}
	if err == nil {
		err = json.Unmarshal(body, &members)
	}
	if err != nil { // SDK values always encode
		panic(err)
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		fact(b, thing, name, string(members[name]))
	}
}
