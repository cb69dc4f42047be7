// Package test checks what is deployed beside the program: the Kubernetes manifests, the compose file, the dashboard and the alert rules, each
// with the code of those who read it. It is a module of its own, so that the program does not depend on any of that.
package test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// kinds are the types that the manifests may be of.
var kinds = map[string]func() runtime.Object{
	"v1/Namespace":                       func() runtime.Object { return &core.Namespace{} },
	"v1/Secret":                          func() runtime.Object { return &core.Secret{} },
	"v1/Service":                         func() runtime.Object { return &core.Service{} },
	"v1/ServiceAccount":                  func() runtime.Object { return &core.ServiceAccount{} },
	"apps/v1/Deployment":                 func() runtime.Object { return &apps.Deployment{} },
	"policy/v1/PodDisruptionBudget":      func() runtime.Object { return &policy.PodDisruptionBudget{} },
	"networking.k8s.io/v1/NetworkPolicy": func() runtime.Object { return &networking.NetworkPolicy{} },
}

// kustomized are what kustomize makes of a folder of deploy, by what key returns for a kind and name. Copied are the folders that it needs; given are the files
// that kustomization.yaml tells to write, by the example that stands for them: whether or not somebody has some of their own there.
func kustomized(t *testing.T, folder string, copied []string, given map[string]string, key func(kind, name string) string) map[string]runtime.Object {
	t.Helper()
	dir := t.TempDir()
	for _, one := range copied {
		if err := os.CopyFS(filepath.Join(dir, one), os.DirFS("../"+one)); err != nil {
			t.Fatal(err)
		}
	}
	for name, from := range given {
		example, err := os.ReadFile("../" + from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), example, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(dir, folder))
	if err != nil {
		t.Fatal(err)
	}
	objects := map[string]runtime.Object{}
	for _, r := range resources.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		kind := r.GetApiVersion() + "/" + r.GetKind()
		if kinds[kind] == nil {
			t.Fatalf("this test does not know %s", kind)
		}
		object := kinds[kind]()
		if err := yaml.UnmarshalStrict(text, object); err != nil {
			t.Errorf("%s %s: %v", kind, r.GetName(), err)
		}
		if ns := r.GetNamespace(); ns != "ecs-api" && r.GetKind() != "Namespace" {
			t.Errorf("%s is in namespace %q", kind, ns)
		}
		at := key(r.GetKind(), r.GetName())
		if objects[at] != nil {
			t.Fatalf("two of %s", at)
		}
		objects[at] = object
	}
	return objects
}

// manifests are what kustomize makes of deploy/k8s, by kind.
func manifests(t *testing.T) map[string]runtime.Object {
	t.Helper()
	objects := kustomized(t, "k8s", []string{"k8s"}, map[string]string{"k8s/config.json": "k8s/config.example.json"}, func(kind, _ string) string { return kind })
	if len(objects) != len(kinds) {
		t.Fatalf("%d objects of %d kinds", len(objects), len(kinds))
	}
	return objects
}

func TestPodsAreHardened(t *testing.T) {
	all := manifests(t)
	pod := all["Deployment"].(*apps.Deployment).Spec.Template.Spec
	container := pod.Containers[0]
	no, yes, user := false, true, int64(65532)
	wantPod := &core.PodSecurityContext{
		RunAsNonRoot: &yes, RunAsUser: &user, RunAsGroup: &user, FSGroup: &user,
		SeccompProfile: &core.SeccompProfile{Type: core.SeccompProfileTypeRuntimeDefault},
	}
	if diff := cmp.Diff(wantPod, pod.SecurityContext); diff != "" {
		t.Error(diff)
	}
	wantContainer := &core.SecurityContext{
		AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes, Capabilities: &core.Capabilities{Drop: []core.Capability{"ALL"}},
	}
	if diff := cmp.Diff(wantContainer, container.SecurityContext); diff != "" {
		t.Error(diff)
	}
	account := all["ServiceAccount"].(*core.ServiceAccount)
	if *pod.AutomountServiceAccountToken || *account.AutomountServiceAccountToken || pod.ServiceAccountName != account.Name {
		t.Error("the pods can talk to Kubernetes, or have another's account")
	}
	if container.Resources.Requests.Cpu().IsZero() || container.Resources.Requests.Memory().IsZero() || container.Resources.Limits.Memory().IsZero() {
		t.Errorf("resources are not bounded: %v", container.Resources)
	}
	if level := all["Namespace"].(*core.Namespace).Labels["pod-security.kubernetes.io/enforce"]; level != "restricted" {
		t.Errorf("the namespace enforces %q", level)
	}
}

func TestPodsStopWithoutDroppingWhatWasBegun(t *testing.T) {
	all := manifests(t)
	deployment := all["Deployment"].(*apps.Deployment)
	pod := deployment.Spec.Template.Spec
	container := pod.Containers[0]
	// shutdownGrace of config.example.json, which its own test holds to this, and what the last traces may take.
	need := 2*time.Minute + 5*time.Second + time.Duration(container.Lifecycle.PreStop.Sleep.Seconds)*time.Second
	if have := time.Duration(*pod.TerminationGracePeriodSeconds) * time.Second; have <= need {
		t.Errorf("a pod has %s to stop, and may need %s", have, need)
	}
	for name, probe := range map[string]*core.Probe{"startup": container.StartupProbe, "readiness": container.ReadinessProbe, "liveness": container.LivenessProbe} {
		if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != "/v1/ecs/ping" || probe.HTTPGet.Port != intstr.FromString("http") {
			t.Errorf("the %s probe is %v", name, probe)
		}
	}
	if deployment.Spec.Replicas == nil || *deployment.Spec.Replicas < 2 || deployment.Spec.Strategy.RollingUpdate.MaxUnavailable.IntValue() != 0 {
		t.Error("an upgrade leaves no server that responds")
	}
	if budget := all["PodDisruptionBudget"].(*policy.PodDisruptionBudget); budget.Spec.MaxUnavailable.IntValue() != 1 {
		t.Errorf("a node's drain takes %v pods", budget.Spec.MaxUnavailable)
	}
}

func TestManifestsMeanEachOther(t *testing.T) {
	all := manifests(t)
	deployment := all["Deployment"].(*apps.Deployment)
	template := deployment.Spec.Template
	labels := template.Labels
	for name, selector := range map[string]map[string]string{
		"Deployment":          deployment.Spec.Selector.MatchLabels,
		"Service":             all["Service"].(*core.Service).Spec.Selector,
		"PodDisruptionBudget": all["PodDisruptionBudget"].(*policy.PodDisruptionBudget).Spec.Selector.MatchLabels,
		"NetworkPolicy":       all["NetworkPolicy"].(*networking.NetworkPolicy).Spec.PodSelector.MatchLabels,
	} {
		if diff := cmp.Diff(map[string]string{"app.kubernetes.io/name": "ecs-api"}, selector); diff != "" {
			t.Errorf("%s selects other pods: %s", name, diff)
		}
	}
	if labels["app.kubernetes.io/name"] != "ecs-api" {
		t.Errorf("the pods' labels are %v", labels)
	}
	container := template.Spec.Containers[0]
	ports := all["Service"].(*core.Service).Spec.Ports
	if len(ports) != 1 || ports[0].TargetPort.String() != container.Ports[0].Name || container.Ports[0].ContainerPort != 8080 {
		t.Errorf("the service's ports are %v, the container's %v", ports, container.Ports)
	}
	secret := all["Secret"].(*core.Secret)
	volume := template.Spec.Volumes[0]
	if volume.Secret.SecretName != secret.Name || secret.Data["config.json"] == nil || *volume.Secret.DefaultMode != 0o440 {
		t.Errorf("the volume is of secret %s with mode %o; the secret is %s", volume.Secret.SecretName, *volume.Secret.DefaultMode, secret.Name)
	}
	file := container.VolumeMounts[0].MountPath + "/config.json"
	if volume.Name != container.VolumeMounts[0].Name || !slices.Contains(container.Args, file) {
		t.Errorf("the config is mounted as %s, and read by %v", file, container.Args)
	}
}
