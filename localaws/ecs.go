package localaws

import (
	"iter"
	"slices"
	"strconv"

	"ecs-api/ecs/sdk/ecs"
)

// ecsState is a region's clusters, services, tasks and task definitions.
//
// What an SDK value of the state points to is replaced, never changed in place: a response may share it, although it is encoded after
// the lock is released.
type ecsState struct {
	clusters  ordered[*ecsCluster]
	families  ordered[*ecsFamily]
	revisions ordered[*ecsRevision] // of all families
	deleting  []*ecsRevision        // in DELETE_IN_PROGRESS
	timeline  timeline
	memory    memory
	started   map[string]*startedTasks // what RunTask did, by cluster and client token
	live      int                      // tasks that are not STOPPED
	addresses int                      // private addresses given out
}

func newECSState() ecsState { return ecsState{started: map[string]*startedTasks{}} }

// inventory lists what is ACTIVE or still DRAINING, and the tasks that run for no service.
func (s *ecsState) inventory() iter.Seq[string] {
	var lines []string
	for _, c := range s.clusters.all() {
		if c.active {
			lines = append(lines, "cluster "+c.name)
		}
		for _, svc := range c.services.all() {
			lines = append(lines, "service "+c.name+"/"+svc.name)
		}
		for _, t := range c.tasks.all() {
			if t.service == nil {
				lines = append(lines, "task "+c.name+"/"+t.id)
			}
		}
	}
	for _, rev := range s.revisions.all() {
		if rev.status() == ecs.TaskDefinitionStatusActive {
			lines = append(lines, "task-definition "+rev.family.name+":"+strconv.Itoa(rev.number))
		}
	}
	return slices.Values(lines)
}

// settle lets happen what is due.
func (s *ecsState) settle(a *AWS, acc *account, r *region) {
	now := a.now()
	for e := s.timeline.due(now); e != nil; e = s.timeline.due(now) {
		e.do(&request{aws: a, account: acc, region: r, now: e.at})
	}
	s.memory.fade(now)
}

func ecsOperations() map[string]operation {
	return map[string]operation{
		"ContinueServiceDeployment":   op(continueServiceDeployment),
		"CreateCluster":               op(createCluster),
		"CreateService":               op(ecsCreateService),
		"DeleteCluster":               op(deleteCluster),
		"DeleteService":               op(ecsDeleteService),
		"DeleteTaskDefinitions":       op(deleteTaskDefinitions),
		"DeregisterTaskDefinition":    op(deregisterTaskDefinition),
		"DescribeClusters":            op(describeClusters),
		"DescribeServiceDeployments":  op(describeServiceDeployments),
		"DescribeServiceRevisions":    op(describeServiceRevisions),
		"DescribeServices":            op(describeServices),
		"DescribeTaskDefinition":      op(describeTaskDefinition),
		"DescribeTasks":               op(describeTasks),
		"ListClusters":                op(listClusters),
		"ListServiceDeployments":      op(listServiceDeployments),
		"ListServices":                op(ecsListServices),
		"ListTagsForResource":         op(ecsListTags),
		"ListTaskDefinitionFamilies":  op(listTaskDefinitionFamilies),
		"ListTaskDefinitions":         op(listTaskDefinitions),
		"ListTasks":                   op(listTasks),
		"PutClusterCapacityProviders": op(putClusterCapacityProviders),
		"RegisterTaskDefinition":      op(registerTaskDefinition),
		"RunTask":                     op(runTask),
		"StopServiceDeployment":       op(stopServiceDeployment),
		"StopTask":                    op(stopTask),
		"TagResource":                 op(ecsTagResource),
		"UntagResource":               op(ecsUntagResource),
		"UpdateCluster":               op(updateCluster),
		"UpdateService":               op(ecsUpdateService),
	}
}
