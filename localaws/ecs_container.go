package localaws

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/ecs/sdk/ecs"
)

// greeting is what a container says when it starts.
func greeting(c *ecs.ContainerDefinition) []string {
	lines := []string{"starting " + *c.Name + " from " + *c.Image}
	for _, p := range c.PortMappings {
		lines = append(lines, fmt.Sprintf("listening on 0.0.0.0:%d/%s", aws.Int64Value(p.ContainerPort), aws.StringValue(p.Protocol)))
	}
	return append(lines, *c.Name+" is ready")
}

var exitCommand = regexp.MustCompile(`(?:^|[\s;&])exit (\d{1,3})$`)

// exitCode returns what a container ends with. Containers run until they are stopped, and then end with 0, except those whose command is
// "exit N" or ends with it: they do so as soon as they have started.
func exitCode(c *ecs.ContainerDefinition, overrides *ecs.TaskOverride) (code int64, atOnce bool) {
	command := c.Command
	if overrides != nil {
		for _, o := range overrides.ContainerOverrides {
			if aws.StringValue(o.Name) == *c.Name && o.Command != nil {
				command = o.Command
			}
		}
	}
	m := exitCommand.FindStringSubmatch(strings.Join(aws.StringValueSlice(command), " "))
	if m == nil {
		return 0, false
	}
	n, _ := strconv.Atoi(m[1]) // three digits
	return int64(n & 255), true
}

// secretsMissing returns why a task of the definition cannot be given its secrets, or nothing.
func (r *request) secretsMissing(rev *ecsRevision) string {
	for _, c := range rev.out.ContainerDefinitions {
		if c.RepositoryCredentials != nil {
			if reason := r.secretMissing(*c.RepositoryCredentials.CredentialsParameter); reason != "" {
				return reason
			}
		}
		for _, s := range c.Secrets {
			if reason := r.secretMissing(*s.ValueFrom); reason != "" {
				return reason
			}
		}
	}
	return ""
}

// secretMissing returns why a secret or a parameter cannot be fetched, or nothing. A reference to a secret may go on with a JSON key, a
// stage and a version.
func (r *request) secretMissing(ref string) string {
	const failed = "unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from %s: %s"
	parts := strings.Split(ref, ":")
	if len(parts) > 2 && parts[2] == "secretsmanager" {
		ref = strings.Join(parts[:min(len(parts), 7)], ":")
		if _, err := r.usableSecret(&ref); err != nil {
			return fmt.Sprintf(failed, "asm", "failed to fetch secret "+ref+" from secrets manager: "+err.Error())
		}
		return ""
	}
	if _, ok := r.parameter(&ref); ok {
		return ""
	}
	if _, err := r.usableSecret(&ref); err == nil {
		return ""
	}
	return fmt.Sprintf(failed, "ssm", "invalid ssm parameters: "+ref)
}
