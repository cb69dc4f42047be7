package localaws

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/ecs/sdk/ecs"
)

// ecsDeployment is one deployment of a service, as DescribeServices shows it, and the service revision that it runs: the two share a
// number.
type ecsDeployment struct {
	number     string // 19 digits
	definition *ecsRevision
	service    ecs.Service    // the service's parameters of the time: what a rollback restores
	parts      serviceParts   // likewise
	out        ecs.Deployment // as ECS returns it, without status and counts
	failed     int64          // consecutive tasks that did not start, or failed their health checks
	blocked    bool           // the event that its configuration leaves no room has been written
}

func (d *ecsDeployment) id() string { return *d.out.Id }

func (d *ecsDeployment) state() string { return *d.out.RolloutState }

// setState sets how far the rollout is.
func (d *ecsDeployment) setState(r *request, state, reason string) {
	d.out.RolloutState, d.out.RolloutStateReason, d.out.UpdatedAt = aws.String(state), aws.String(reason), aws.Time(r.now)
}

// deploy makes a new primary deployment of the service's present parameters. A deployment that is in progress is superseded.
func (svc *ecsService) deploy(r *request, definition *ecsRevision) {
	number := r.aws.id("1%018d")
	d := &ecsDeployment{number: number, definition: definition, service: svc.out, parts: svc.parts, out: ecs.Deployment{
		Id: aws.String("ecs-svc/" + number), TaskDefinition: definition.out.TaskDefinitionArn, CreatedAt: aws.Time(r.now),
		LaunchType: svc.out.LaunchType, CapacityProviderStrategy: svc.out.CapacityProviderStrategy,
		NetworkConfiguration: svc.out.NetworkConfiguration, PlatformVersion: svc.out.PlatformVersion, PlatformFamily: svc.out.PlatformFamily,
	}}
	d.parts.show(&d.out)
	d.setState(r, ecs.DeploymentRolloutStateInProgress, "ECS deployment "+d.id()+" in progress.")
	sources := slices.DeleteFunc(slices.Clone(svc.deployments), func(old *ecsDeployment) bool {
		return old != svc.good && !slices.ContainsFunc(svc.tasks, func(t *ecsTask) bool { return t.deployment == old })
	})
	svc.supersede(r)
	svc.addRollout(r, d, sources)
	svc.primaryIs(d)
	r.after(0, svc.schedule)
}

// primaryIs makes d, which may be an old deployment, the primary one.
func (svc *ecsService) primaryIs(d *ecsDeployment) {
	others := slices.DeleteFunc(slices.Clone(svc.deployments), func(old *ecsDeployment) bool { return old == d })
	svc.deployments = append([]*ecsDeployment{d}, others...)
	svc.steady, svc.failures, svc.retryAt = false, 0, time.Time{}
}

// restore sets the parameters that a service revision holds back to those of an old deployment. The rest (the count, the tags, how the
// service is deployed) is not part of a revision.
func (svc *ecsService) restore(d *ecsDeployment) {
	old := d.service
	svc.parts = d.parts
	svc.out.TaskDefinition, svc.out.NetworkConfiguration = old.TaskDefinition, old.NetworkConfiguration
	svc.out.LaunchType, svc.out.CapacityProviderStrategy = old.LaunchType, old.CapacityProviderStrategy
	svc.out.PlatformVersion, svc.out.PlatformFamily = old.PlatformVersion, old.PlatformFamily
	svc.out.ServiceRegistries, svc.out.LoadBalancers = old.ServiceRegistries, old.LoadBalancers
}

// revisionARN returns the ARN of the service revision that a deployment runs. AWS does not promise that its number is the deployment's;
// public tools rely on it.
func (svc *ecsService) revisionARN(r *request, d *ecsDeployment) *string {
	return aws.String(r.arn("ecs", "service-revision/"+svc.cluster.name+"/"+svc.name+"/"+d.number))
}

// showRevision returns a service revision as DescribeServiceRevisions shows it.
func (svc *ecsService) showRevision(r *request, d *ecsDeployment) *ecs.ServiceRevision {
	out := &ecs.ServiceRevision{
		ServiceRevisionArn: svc.revisionARN(r, d), ServiceArn: aws.String(svc.arn), ClusterArn: aws.String(svc.cluster.arn),
		TaskDefinition: d.out.TaskDefinition, CreatedAt: d.out.CreatedAt, GuardDutyEnabled: aws.Bool(false),
		LaunchType: d.out.LaunchType, CapacityProviderStrategy: d.out.CapacityProviderStrategy,
		PlatformFamily: d.out.PlatformFamily, PlatformVersion: aws.String(resolvedPlatform(d.out.PlatformVersion)),
		NetworkConfiguration: d.out.NetworkConfiguration, ServiceRegistries: orEmpty(d.service.ServiceRegistries),
		LoadBalancers: orEmpty(d.service.LoadBalancers), ContainerImages: []*ecs.ContainerImage{},
		ServiceConnectConfiguration: d.parts.Connect, VolumeConfigurations: d.parts.Volumes, VpcLatticeConfigurations: d.parts.Lattice,
	}
	for _, c := range d.definition.out.ContainerDefinitions {
		out.ContainerImages = append(out.ContainerImages, &ecs.ContainerImage{ContainerName: c.Name, Image: c.Image, ImageDigest: imageDigest(*c.Image)})
	}
	return out
}

// resolvedPlatform returns the platform version that LATEST means.
func resolvedPlatform(version *string) string {
	if v := aws.StringValue(version); v != "" && v != "LATEST" {
		return v
	}
	return "1.4.0"
}

// imageDigest returns the digest that a reference to an image names, or one that follows from the reference.
func imageDigest(image string) *string {
	if _, digest, ok := strings.Cut(image, "@"); ok {
		return aws.String(digest)
	}
	sum := sha256.Sum256([]byte(image))
	return aws.String("sha256:" + hex.EncodeToString(sum[:]))
}
