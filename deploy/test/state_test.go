package test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// withState are what kustomize makes of deploy/k8s-state, by kind and name; a Secret's name without its hash.
func withState(t *testing.T) map[string]runtime.Object {
	t.Helper()
	given := map[string]string{"k8s/config.json": "k8s/config.example.json", "k8s-state/valkey.env": "k8s-state/valkey.env.example"}
	return kustomized(t, "k8s-state", []string{"k8s", "k8s-state"}, given, func(kind, name string) string {
		if kind == "Secret" {
			name = name[:strings.LastIndex(name, "-")]
		}
		return kind + " " + name
	})
}

func TestTheServersFindTheirState(t *testing.T) {
	all := withState(t)
	server := all["Deployment ecs-api"].(*apps.Deployment)
	valkey := all["Deployment ecs-api-state"].(*apps.Deployment)
	service := all["Service ecs-api-state"].(*core.Service)
	secret := all["Secret ecs-api-state"].(*core.Secret)
	if *server.Spec.Replicas != 2 || *valkey.Spec.Replicas != 1 {
		t.Errorf("%d servers, %d Valkeys", *server.Spec.Replicas, *valkey.Spec.Replicas)
	}
	at := slices.IndexFunc(server.Spec.Template.Spec.Containers[0].Env, func(e core.EnvVar) bool { return e.Name == "ECS_API_STATE_REDIS" })
	if at < 0 {
		t.Fatal("the servers know of no state")
	}
	from := server.Spec.Template.Spec.Containers[0].Env[at].ValueFrom.SecretKeyRef
	address, err := url.Parse(string(secret.Data[from.Key]))
	if err != nil || from.Name != secret.Name {
		t.Fatalf("it comes from %s, the Secret is %s: %v", from.Name, secret.Name, err)
	}
	password, _ := address.User.Password()
	if address.Hostname() != service.Name || address.Port() != "6379" || service.Spec.Ports[0].Port != 6379 || password != string(secret.Data["VALKEY_PASSWORD"]) {
		t.Errorf("they look for it at %s; the service is %s with port %v", address.Host, service.Name, service.Spec.Ports)
	}
	labels := map[string]string{"app.kubernetes.io/name": "ecs-api-state"}
	for what, got := range map[string]map[string]string{
		"the service selects": service.Spec.Selector, "the deployment selects": valkey.Spec.Selector.MatchLabels, "the pods have": valkey.Spec.Template.Labels,
		"the policy selects": all["NetworkPolicy ecs-api-state"].(*networking.NetworkPolicy).Spec.PodSelector.MatchLabels,
	} {
		if diff := cmp.Diff(labels, got); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	if diff := cmp.Diff(map[string]string{"app.kubernetes.io/name": "ecs-api"}, all["Service ecs-api"].(*core.Service).Spec.Selector); diff != "" {
		t.Errorf("callers reach other pods: %s", diff)
	}
	container := valkey.Spec.Template.Spec.Containers[0]
	if container.Ports[0].Name != service.Spec.Ports[0].TargetPort.String() || container.Ports[0].ContainerPort != 6379 {
		t.Errorf("the service's ports are %v, the container's %v", service.Spec.Ports, container.Ports)
	}
}

func TestOnlyTheServersReachTheState(t *testing.T) {
	all := withState(t)
	ingress := all["NetworkPolicy ecs-api-state"].(*networking.NetworkPolicy).Spec.Ingress
	if len(ingress) != 1 || len(ingress[0].From) != 1 || ingress[0].From[0].PodSelector.MatchLabels["app.kubernetes.io/name"] != "ecs-api" || ingress[0].From[0].NamespaceSelector != nil {
		t.Errorf("who may come: %v", ingress)
	}
	egress := all["NetworkPolicy ecs-api"].(*networking.NetworkPolicy).Spec.Egress
	last := egress[len(egress)-1]
	if len(egress) != 3 || last.To[0].PodSelector.MatchLabels["app.kubernetes.io/name"] != "ecs-api-state" || last.Ports[0].Port.IntValue() != 6379 {
		t.Errorf("where the servers may go: %v", egress)
	}
}

func TestTheStateIsHardenedAndKeepsLocks(t *testing.T) {
	pod := withState(t)["Deployment ecs-api-state"].(*apps.Deployment).Spec.Template.Spec
	container := pod.Containers[0]
	no, yes := false, true
	want := &core.SecurityContext{AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes, Capabilities: &core.Capabilities{Drop: []core.Capability{"ALL"}}}
	if diff := cmp.Diff(want, container.SecurityContext); diff != "" || !*pod.SecurityContext.RunAsNonRoot || pod.SecurityContext.SeccompProfile == nil || *pod.AutomountServiceAccountToken {
		t.Errorf("it may do more than it needs: %s", diff)
	}
	args := strings.Join(container.Args, " ")
	for _, arg := range []string{"--maxmemory-policy noeviction", "--maxmemory 200mb", "--requirepass $(VALKEY_PASSWORD)", "--appendonly no"} {
		if !strings.Contains(args, arg) {
			t.Errorf("it is started with %s, without %s", args, arg)
		}
	}
	if limit := container.Resources.Limits.Memory().Value(); limit <= 200<<20 {
		t.Errorf("it may take %d bytes, and its maxmemory is 200 MB", limit)
	}
}
