package localaws

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/ecs/sdk/ecs"
)

// ecsName is what ECS allows as the name of a cluster, service, family or container.
var ecsName = atMost(255, `^[A-Za-z0-9_-]+$`)

// invalid is ECS's response to most of what it does not like.
func invalid(format string, args ...any) error {
	return refuse(ecs.ErrCodeInvalidParameterException, format, args...)
}

// clientError is ECS's response to what it does not like of task definitions.
func clientError(format string, args ...any) error {
	return refuse(ecs.ErrCodeClientException, format, args...)
}

// missing is how ECS says in a response that one of several things asked for does not exist.
func missing(arn string) *ecs.Failure {
	return &ecs.Failure{Arn: aws.String(arn), Reason: aws.String("MISSING")}
}

// lastSegment returns what follows the last slash of a name or an ARN.
func lastSegment(ref string) string { return ref[strings.LastIndex(ref, "/")+1:] }

// wants reports whether a describe call's include names what.
func wants(include []*string, what string) bool {
	return slices.Contains(aws.StringValueSlice(include), what)
}

// oneOf refuses a value that the enumeration does not have; no value at all is good.
func oneOf(field string, value *string, values []string) error {
	if value != nil && !slices.Contains(values, *value) {
		return invalid("%s must be one of [%s], not '%s'", field, strings.Join(values, ", "), *value)
	}
	return nil
}

// firstError returns the first error of several checks.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// ecsPageLimit is pageLimit with ECS's refusal.
func ecsPageLimit(wanted *int64, fallback int) (int, error) {
	limit, ok := pageLimit(wanted, fallback, 100)
	if !ok {
		return 0, invalid("MaxResults must be between 1 and 100")
	}
	return limit, nil
}

// ecsPage returns a page of an ECS list.
func ecsPage[V any](o *ordered[V], token *string, wanted *int64, fallback int, match func(V) bool) ([]V, *string, error) {
	limit, err := ecsPageLimit(wanted, fallback)
	if err != nil {
		return nil, nil, err
	}
	page, next, err := o.page(token, limit, match)
	if err != nil {
		return nil, nil, invalid("Invalid token. Start the pagination again.")
	}
	return page, next, nil
}

// serviceLinkedRole refuses the calls that need ECS's service-linked role while the account's first use of ECS is making it.
func (r *request) serviceLinkedRole() error {
	if r.aws.quirks.noServiceLinkedRole > 0 {
		r.aws.quirks.noServiceLinkedRole--
		return invalid("Unable to assume the service linked role. Please verify that the ECS service linked role exists.")
	}
	return nil
}

// checkNetwork refuses a network that awsvpc tasks cannot use, or that the region does not have.
func (r *request) checkNetwork(n *ecs.NetworkConfiguration, definition *ecsRevision) error {
	awsvpc := aws.StringValue(definition.out.NetworkMode) == ecs.NetworkModeAwsvpc
	switch {
	case n == nil || n.AwsvpcConfiguration == nil:
		if awsvpc {
			return invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
		}
		return nil
	case !awsvpc:
		return invalid("Network Configuration is not valid for the given networkMode of this task definition.")
	}
	vpc := n.AwsvpcConfiguration
	switch {
	case len(vpc.Subnets) == 0:
		return invalid("subnets can not be empty.")
	case len(vpc.Subnets) > 16:
		return invalid("subnets can have at most 16 items.")
	case len(vpc.SecurityGroups) > 5:
		return invalid("securityGroups can have at most 5 items.")
	}
	for _, id := range aws.StringValueSlice(vpc.Subnets) {
		if r.region.network.subnet(id) == nil {
			return invalid("The subnet ID '%s' does not exist", id)
		}
	}
	for _, id := range aws.StringValueSlice(vpc.SecurityGroups) {
		if !slices.Contains(r.region.network.securityGroups, id) {
			return invalid("The security group '%s' does not exist", id)
		}
	}
	return oneOf("assignPublicIp", vpc.AssignPublicIp, ecs.AssignPublicIp_Values())
}

// networkWithDefaults returns the network as ECS returns it.
func networkWithDefaults(n *ecs.NetworkConfiguration) *ecs.NetworkConfiguration {
	if n == nil || n.AwsvpcConfiguration == nil {
		return nil
	}
	vpc := *n.AwsvpcConfiguration
	if vpc.AssignPublicIp == nil {
		vpc.AssignPublicIp = aws.String(ecs.AssignPublicIpDisabled)
	}
	if vpc.SecurityGroups == nil {
		vpc.SecurityGroups = []*string{} // the VPC's default group stays unnamed
	}
	return &ecs.NetworkConfiguration{AwsvpcConfiguration: &vpc}
}

// platformVersion returns the version that a request's means on Fargate.
func platformVersion(wanted *string) (*string, error) {
	switch v := aws.StringValue(wanted); v {
	case "", "LATEST":
		return aws.String("LATEST"), nil
	case "1.3.0", "1.4.0":
		return wanted, nil
	default:
		return nil, refuse(ecs.ErrCodePlatformUnknownException, "The specified platform version does not exist: %s", v)
	}
}
