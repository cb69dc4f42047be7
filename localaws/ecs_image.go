package localaws

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/ecs/sdk/ecs"
)

// image is a reference to an image, taken apart.
type image struct {
	name                      string // as containerd writes it: with registry, and a tag or a digest
	registry, repository, tag string
	digest                    string
	fault                     string // what the tag, or else the last part of the repository, says that goes wrong
}

// parseImage takes a reference to an image apart.
func parseImage(reference string) image {
	rest, digest, _ := strings.Cut(reference, "@")
	name, tag := rest, ""
	if i := strings.LastIndex(rest, ":"); i > strings.LastIndex(rest, "/") {
		name, tag = rest[:i], rest[i+1:]
	}
	registry, repository, ok := strings.Cut(name, "/")
	if !ok || !strings.ContainsAny(registry, ".:") && registry != "localhost" {
		registry, repository = "docker.io", name
		if !ok {
			repository = "library/" + name
		}
	}
	if tag == "" && digest == "" {
		tag = "latest"
	}
	out := image{registry: registry, repository: repository, tag: tag, digest: digest, fault: tag}
	out.name = registry + "/" + repository
	if tag != "" {
		out.name += ":" + tag
	}
	if digest != "" {
		out.name += "@" + digest
	}
	if !faulty(tag) {
		out.fault = lastSegment(repository)
	}
	return out
}

// host returns the name of the host that the registry's API is at.
func (i image) host() string {
	if i.registry == "docker.io" {
		return "registry-1.docker.io"
	}
	return i.registry
}

// manifest returns the URL of the image's manifest.
func (i image) manifest() string {
	reference := i.tag
	if i.digest != "" {
		reference = i.digest
	}
	return "https://" + i.host() + "/v2/" + i.repository + "/manifests/" + reference
}

// private reports whether the image can only be pulled with credentials: a part of its repository's name is "private".
func (i image) private() bool { return slices.Contains(strings.Split(i.repository, "/"), "private") }

var ecrHost = regexp.MustCompile(`^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?$`)

// ecrARN returns the ARN of the ECR repository that the image is in, or nothing if it is in another registry.
func (i image) ecrARN() string {
	m := ecrHost.FindStringSubmatch(i.registry)
	if m == nil {
		return ""
	}
	return "arn:aws:ecr:" + m[2] + ":" + m[1] + ":repository/" + i.repository
}

// pullFaults are the tags, or last parts of an image's name, that make a pull fail, and what ECS says then.
var pullFaults = map[string]func(i image, platform string) string{
	"not-found": func(i image, _ string) string {
		if i.ecrARN() != "" {
			return fmt.Sprintf("pull image manifest has been retried 7 time(s): failed to resolve ref %s: not found", i.name)
		}
		return fmt.Sprintf("pull image manifest has been retried 7 time(s): failed to resolve ref %[1]s: %[1]s: not found", i.name)
	},
	"no-permission": func(i image, _ string) string {
		if i.ecrARN() != "" {
			return pullForbidden(i)
		}
		return fmt.Sprintf("pull image manifest has been retried 1 time(s): failed to resolve ref %s: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed", i.name)
	},
	"rate-limited": func(i image, _ string) string {
		return fmt.Sprintf("ref pull has been retried 1 time(s): failed to copy: httpReadSeeker: failed open: unexpected status code https://%s/v2/%s/manifests/%s: 429 Too Many Requests - Server message: toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit", i.host(), i.repository, *imageDigest(i.name))
	},
	"wrong-platform": func(_ image, platform string) string {
		return fmt.Sprintf("pull image manifest has been retried 7 time(s): image Manifest does not contain descriptor matching platform '%s'", platform)
	},
	faultUnreachable: func(i image, _ string) string {
		return fmt.Sprintf(`pull image manifest has been retried 5 time(s): failed to resolve ref %s: failed to do request: Head "%s": dial tcp 203.0.113.10:443: i/o timeout`, i.name, i.manifest())
	},
	"digest-gone": func(i image, _ string) string {
		return fmt.Sprintf("pull image manifest has been retried 1 time(s): failed to resolve ref %s@%s: not found", strings.TrimSuffix(i.name, "@"+i.digest), *imageDigest(i.name))
	},
}

func pullForbidden(i image) string {
	return fmt.Sprintf("pull image manifest has been retried 1 time(s): failed to resolve ref %s: unexpected status from HEAD request to %s: 403 Forbidden", i.name, i.manifest())
}

// runFaults are those that make a container fail after it was pulled, whose command is not one that the simulator runs itself.
var runFaults = map[string]program{
	"exec-format":   {lines: []programLine{{0, "exec /docker-entrypoint.sh: exec format error"}}, ends: true, code: 1},
	"out-of-memory": {lines: []programLine{{0, "allocating memory"}}, ends: true, code: 137, words: "OutOfMemoryError: Container killed due to memory usage"},
	"spot-interrupted": {
		lines: []programLine{{0, "working"}}, ends: true, after: 20 * time.Second, code: 137, spot: true,
	},
}

// Other faults.
const (
	faultNoExecutable = "no-executable" // the command's program is not in the image
	faultUnhealthy    = "unhealthy"     // health checks fail
	faultNoCapacity   = "no-capacity"   // Fargate has no room for the task
	faultUnreachable  = "unreachable"   // there is no way to the registry
	faultSlowStart    = "slow-start"    // the task takes slowStart longer to start
)

var otherFaults = []string{faultNoExecutable, faultUnhealthy, faultNoCapacity, faultSlowStart}

const slowStart = 30 * time.Second

// exitFault matches the fault of an image whose program exits at once.
var exitFault = regexp.MustCompile(`^exit-(\d{1,3})$`)

// faulty reports whether a tag or a name stands for a fault.
func faulty(word string) bool {
	_, pull := pullFaults[word]
	_, run := runFaults[word]
	return pull || run || slices.Contains(otherFaults, word) || exitFault.MatchString(word)
}

// ImageFaults returns the tags of images that fail in the simulator as real ones do, without "exit-N", sorted.
func ImageFaults() []string {
	words := slices.Clone(otherFaults)
	words = slices.AppendSeq(words, maps.Keys(pullFaults))
	words = slices.AppendSeq(words, maps.Keys(runFaults))
	slices.Sort(words)
	return words
}

// runs returns what the image's own program does.
func (i image) runs(c *ecs.ContainerDefinition) program {
	greeting := greeting(c)
	if m := exitFault.FindStringSubmatch(i.fault); m != nil {
		n, _ := strconv.Atoi(m[1]) // three digits
		return program{lines: append(greeting[:1:1], programLine{0, "cannot go on: exiting with code " + m[1]}), ends: true, code: int64(n & 255)}
	}
	p, ok := runFaults[i.fault]
	if !ok {
		return program{lines: greeting}
	}
	if i.fault != "exec-format" { // nothing of it has run
		p.lines = append(greeting[:1:1], p.lines...)
	}
	return p
}

// greeting is what a container's program says when it starts.
func greeting(c *ecs.ContainerDefinition) []programLine {
	lines := []programLine{{0, "starting " + *c.Name + " from " + *c.Image}}
	for _, p := range c.PortMappings {
		lines = append(lines, programLine{0, fmt.Sprintf("listening on 0.0.0.0:%d/%s", aws.Int64Value(p.ContainerPort), aws.StringValue(p.Protocol))})
	}
	return append(lines, programLine{0, *c.Name + " is ready"})
}

// platform returns what the images of a task definition must run on.
func platform(definition *ecs.TaskDefinition) string {
	if p := definition.RuntimePlatform; p != nil && aws.StringValue(p.CpuArchitecture) == ecs.CPUArchitectureArm64 {
		return "linux/arm64"
	}
	return "linux/amd64"
}
