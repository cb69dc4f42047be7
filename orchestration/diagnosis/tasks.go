package diagnosis

import (
	"strings"

	awsecs "ecs-api/ecs/sdk/ecs"
)

// actSpotTask is what to do about an interrupted Spot task of no service.
const actSpotTask = "AWS reclaimed the Spot capacity, and nothing runs the task again. Run it again; what must not be interrupted runs on FARGATE."

// OfTasks returns what is wrong with tasks that belong to no service, the most telling first: why those could not start, or failed, that have stopped. A
// task whose work is done is no problem, as a service's is that ends.
func OfTasks(tasks []*awsecs.Task, lines map[LogKey]string) []Problem {
	var found []Problem
	for _, t := range tasks {
		p, ok := stoppedTask(t, lines)
		if !ok || p.Code == ContainerExited && p.exitCode != nil && *p.exitCode == 0 {
			continue
		}
		p.Action = strings.ReplaceAll(p.Action, "&previous=true", "") // that is for the logs of services
		if p.Code == SpotInterrupted {
			p.Action = actSpotTask
		}
		found = append(found, p)
	}
	return rank(group(found))
}
