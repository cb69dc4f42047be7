package localaws

import (
	"slices"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/elbv2"

	"ecs-api/ecs/sdk/ecs"
)

// maxLoadBalancers is how many target groups a service can be in.
const maxLoadBalancers = 5

// checkLoadBalancers refuses target groups that a service of the task definition cannot be in, with ECS's words.
func (r *request) checkLoadBalancers(balancers []*ecs.LoadBalancer, definition *ecsRevision) error {
	if len(balancers) > maxLoadBalancers {
		return invalid("load balancers can have at most %d items.", maxLoadBalancers)
	}
	for _, lb := range balancers {
		if lb == nil {
			lb = &ecs.LoadBalancer{}
		}
		name, port := aws.StringValue(lb.ContainerName), aws.Int64Value(lb.ContainerPort)
		i := slices.IndexFunc(definition.out.ContainerDefinitions, func(c *ecs.ContainerDefinition) bool { return aws.StringValue(c.Name) == name })
		g, ok := r.region.elb.groups.get(aws.StringValue(lb.TargetGroupArn))
		switch {
		case lb.TargetGroupArn != nil && lb.LoadBalancerName != nil: // of a classic load balancer, which awsvpc cannot use
			return invalid("loadBalancerName and targetGroupArn cannot both be specified. You must specify either a loadBalancerName or a targetGroupArn.")
		case lb.TargetGroupArn == nil:
			return invalid("Target group ARN must be specified for services with load balancers.")
		case !ok:
			return invalid("Unable to assume role and validate the specified targetGroupArn. Please verify that the ECS service role being passed has the proper permissions.")
		case i < 0:
			return invalid("The container %s does not exist in the task definition.", name)
		case !slices.ContainsFunc(definition.out.ContainerDefinitions[i].PortMappings, func(m *ecs.PortMapping) bool { return aws.Int64Value(m.ContainerPort) == port }):
			return invalid("The container %s did not have a container port %d defined.", name, port)
		case *g.out.TargetType != elbv2.TargetTypeEnumIp:
			return invalid("The provided target group %s has target type %s, which is incompatible with the awsvpc network mode specified in the task definition.", g.arn(), *g.out.TargetType)
		case r.region.elb.balancerOf(g.arn()) == nil:
			return invalid("The target group with targetGroupArn %s does not have an associated load balancer.", g.arn())
		}
	}
	return nil
}

// registerTargets registers the running task in the target groups of its service.
func (t *ecsTask) registerTargets(r *request) {
	for _, lb := range t.service.out.LoadBalancers {
		// The target group may have been deleted under the service.
		if g, ok := r.region.elb.groups.get(aws.StringValue(lb.TargetGroupArn)); ok {
			g.register(r, &elbv2.TargetDescription{Id: aws.String(t.address), Port: lb.ContainerPort})
		}
	}
}

// drainTargets begins to take the task out of all target groups. Its address tells it from others.
func (t *ecsTask) drainTargets(r *request) {
	t.eachTarget(r, func(_ *elbTargetGroup, target *elbTarget) { target.draining = true })
}

// removeTargets takes the stopped task out of all target groups.
func (t *ecsTask) removeTargets(r *request) {
	t.eachTarget(r, func(g *elbTargetGroup, target *elbTarget) {
		target.draining = true
		g.remove(target)
	})
}

func (t *ecsTask) eachTarget(r *request, do func(*elbTargetGroup, *elbTarget)) {
	if t.service == nil {
		return
	}
	for _, g := range r.region.elb.groups.all() {
		for _, target := range slices.Clone(g.targets) {
			if target.id == t.address {
				do(g, target)
			}
		}
	}
}
