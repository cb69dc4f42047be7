package diagnosis

import (
	"fmt"
	"strings"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
)

// Exit codes that a signal makes.
const (
	exitKilled     = 128 + 9
	exitTerminated = 128 + 15
)

// exitActions say what an exit code means, where it means more than that the program failed. {container} stands for the container.
var exitActions = map[int64]string{
	0:              "The main process of {container} ended without an error. A service's process must keep running: do not start a one-off command, nor send the program to the background.",
	126:            "Container {container} found its command but may not execute it. Make it executable (chmod +x); it must be no directory, and its interpreter must be in the image.",
	127:            "The shell of {container} did not find the command. Check command and PATH; Windows line ends in an entrypoint script do this too.",
	134:            "The program in {container} aborted itself (SIGABRT), as after a failed assertion. " + actExited,
	exitKilled:     "Container {container} was killed (SIGKILL), probably for want of memory. Give the task more memory and see whether it stays. " + actExited,
	139:            "The program in {container} crashed (SIGSEGV): native code, a wrong base image, or CPU features that Fargate lacks. " + actExited,
	exitTerminated: "The program in {container} ended on SIGTERM. Find who sent it: a process in the container, or somebody who stopped the task.",
}

// exitAction returns what to do about a container that ended with the code; nil means that it has none, as it never started.
func exitAction(code *int64) string {
	if code == nil {
		return "Container {container} never started. See its Reason in Tasks."
	}
	if action, ok := exitActions[*code]; ok {
		return action
	}
	return actExited
}

// bySignal reports whether a container was ended from outside.
func bySignal(c *awsecs.Container) bool {
	return c.ExitCode != nil && (*c.ExitCode == exitKilled || *c.ExitCode == exitTerminated)
}

// blame ranks how likely it is that a container ended its task.
func blame(c *awsecs.Container) int {
	switch {
	case c.ExitCode != nil && !bySignal(c) && *c.ExitCode != 0:
		return 4
	case common.Value(c.Reason) != "":
		return 3
	case c.ExitCode != nil && !bySignal(c):
		return 2
	case c.ExitCode != nil:
		return 1
	}
	return 0
}

// blamed returns the container that ended a task. When an essential container ends, ECS stops the others, which then show 137 or 143: so it
// is the one whose code is neither, an error before a success; else the one with a reason, else the first. Nil for a task without any.
func blamed(task *awsecs.Task) *awsecs.Container {
	var best *awsecs.Container
	for _, c := range task.Containers {
		if c != nil && (best == nil || blame(c) > blame(best)) {
			best = c
		}
	}
	return best
}

// exitDetail is AWS's words about a container that ended.
func exitDetail(stopped string, c *awsecs.Container) string {
	if reason := common.Value(c.Reason); reason != "" {
		stopped += ": " + reason
	}
	if c.ExitCode != nil {
		stopped += fmt.Sprintf(" (exit code %d)", *c.ExitCode)
	}
	return strings.TrimPrefix(stopped, ": ")
}
