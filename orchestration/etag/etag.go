// Package etag computes the entity tags of what callers read and change, and compares them with those that a request was sent with. It owns one rule: an
// entity tag is strong, and is of the desired state: it changes exactly when somebody changes that, and not with what AWS observes (counts, events, tasks, the
// progress of deployments).
package etag

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
)

// Of returns the entity tag, quotes included, of what JSON says of v. It must hold nothing but desired state.
func Of(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings, numbers, and lists and structs of them
	}
	sum := sha256.Sum256(text)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:18]) + `"`
}

// desired is what somebody wants of a service.
type desired struct {
	ARN                           *string
	CreatedAt                     *time.Time // one that was deleted and created again is another
	Inactive                      bool       // it is being deleted
	TaskDefinition                *string
	DesiredCount                  *int64
	LaunchType                    *string
	Strategy                      []*awsecs.CapacityProviderStrategyItem
	PlatformVersion               *string
	SchedulingStrategy            *string
	AvailabilityZoneRebalancing   *string
	DeploymentController          *awsecs.DeploymentController
	DeploymentConfiguration       *awsecs.DeploymentConfiguration
	EnableECSManagedTags          bool
	EnableExecuteCommand          bool
	HealthCheckGracePeriodSeconds int64
	PropagateTags                 string
	LoadBalancers                 []*awsecs.LoadBalancer
	ServiceRegistries             []*awsecs.ServiceRegistry
	PlacementConstraints          []*awsecs.PlacementConstraint
	PlacementStrategy             []*awsecs.PlacementStrategy
	Subnets, SecurityGroups       []string
	AssignPublicIP                *string
	// ECS shows these with the deployment.
	ServiceConnect *awsecs.ServiceConnectConfiguration
	Volumes        []*awsecs.ServiceVolumeConfiguration
	Lattice        []*awsecs.VpcLatticeConfiguration
	Tags           map[string]string
}

// Service returns the entity tag of a service that was read with its tags.
func Service(s *awsecs.Service) string {
	d := desired{
		ARN: s.ServiceArn, CreatedAt: s.CreatedAt, Inactive: aws.StringValue(s.Status) != "ACTIVE", TaskDefinition: s.TaskDefinition, DesiredCount: s.DesiredCount,
		LaunchType: s.LaunchType, Strategy: s.CapacityProviderStrategy, PlatformVersion: s.PlatformVersion, SchedulingStrategy: s.SchedulingStrategy,
		AvailabilityZoneRebalancing: s.AvailabilityZoneRebalancing, DeploymentController: s.DeploymentController, DeploymentConfiguration: s.DeploymentConfiguration,
		EnableECSManagedTags: aws.BoolValue(s.EnableECSManagedTags), EnableExecuteCommand: aws.BoolValue(s.EnableExecuteCommand),
		HealthCheckGracePeriodSeconds: aws.Int64Value(s.HealthCheckGracePeriodSeconds), PropagateTags: aws.StringValue(s.PropagateTags),
		LoadBalancers: some(s.LoadBalancers), ServiceRegistries: some(s.ServiceRegistries), PlacementConstraints: some(s.PlacementConstraints), PlacementStrategy: some(s.PlacementStrategy),
		Tags: map[string]string{},
	}
	d.Strategy = some(d.Strategy)
	if d.PropagateTags == "NONE" { // AWS shows it, or nothing
		d.PropagateTags = ""
	}
	if n := s.NetworkConfiguration; n != nil && n.AwsvpcConfiguration != nil {
		d.Subnets, d.SecurityGroups = sorted(n.AwsvpcConfiguration.Subnets), sorted(n.AwsvpcConfiguration.SecurityGroups)
		d.AssignPublicIP = n.AwsvpcConfiguration.AssignPublicIp
	}
	for _, deployment := range s.Deployments {
		if aws.StringValue(deployment.Status) == "PRIMARY" {
			d.ServiceConnect = deployment.ServiceConnectConfiguration
			d.Volumes, d.Lattice = some(deployment.VolumeConfigurations), some(deployment.VpcLatticeConfigurations)
		}
	}
	for _, tag := range s.Tags {
		d.Tags[aws.StringValue(tag.Key)] = aws.StringValue(tag.Value)
	}
	return Of(d)
}

// TaskDefinition returns the entity tag of a revision that was read with its tags. Nothing else of it can change.
func TaskDefinition(revision *awsecs.TaskDefinition, tags []*awsecs.Tag) string {
	d := struct {
		ARN, Status *string
		Tags        map[string]string
	}{revision.TaskDefinitionArn, revision.Status, map[string]string{}}
	for _, tag := range tags {
		d.Tags[aws.StringValue(tag.Key)] = aws.StringValue(tag.Value)
	}
	return Of(d)
}

// some returns the list, or nil for an empty one: AWS shows either.
func some[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

// sorted returns names in an order that does not depend on AWS's.
func sorted(names []*string) []string {
	out := aws.StringValueSlice(names)
	slices.Sort(out)
	return some(out)
}

// Condition is what If-Match says of the state that a request expects. The zero value expects nothing.
type Condition struct {
	Any  bool     `json:"any,omitempty"`  // *: whatever state there is
	Tags []string `json:"tags,omitempty"` // one of these, quotes included
}

// Compares reports whether the condition depends on the state.
func (c Condition) Compares() bool { return !c.Any && len(c.Tags) > 0 }

// Check is an ETagMismatch if the condition does not hold for the current entity tag.
func (c Condition) Check(what, current string) error {
	if !c.Compares() || slices.Contains(c.Tags, current) {
		return nil
	}
	if slices.Contains(c.Tags, "W/"+current) { // something on the way, such as a proxy that compresses, has weakened the tag
		return common.Coded(common.CodeETagMismatch, "%s is as expected, but If-Match does not take weak entity tags. Send %s, without W/.", what, current)
	}
	return common.Coded(common.CodeETagMismatch, "%s has changed since: its ETag is %s now. Read it anew, then decide.", what, current)
}
