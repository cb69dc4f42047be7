package observe

import (
	"context"
	"time"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/diagnosis"
	"ecs-api/orchestration/etag"
)

// Status says how a service is, and why.
type Status struct {
	State        diagnosis.State
	Summary      string
	DesiredCount int64
	RunningCount int64
	PendingCount int64
	Deployment   *Deployment // the newest that somebody asked for
	Tasks        []Task
	Targets      []diagnosis.Target
	Events       []Event
	Problems     []diagnosis.Problem

	// ETag is of what somebody wants of the service, not of how it is.
	ETag string `json:"-"`
}

// Task is a task of a service.
type Task struct {
	Id             string // AWS's spelling
	TaskDefinition *string
	LastStatus     *string
	DesiredStatus  *string
	HealthStatus   *string
	StopCode       *string
	StoppedReason  *string
	StartedAt      *time.Time
	StoppedAt      *time.Time
	Containers     []Container
}

// Container is a container of a task.
type Container struct {
	Name         *string
	Image        *string
	ImageDigest  *string
	LastStatus   *string
	HealthStatus *string
	ExitCode     *int64
	Reason       *string
}

// Event is a service event.
type Event struct {
	Id        *string // AWS's spelling
	CreatedAt *time.Time
	Message   *string
}

// How many events and stopped tasks a status shows. Of tasks that run it shows those that were read.
const (
	shownEvents  = 10
	shownStopped = 20
)

// Status reads how a service is.
func (o *Observer) Status(ctx context.Context, cluster, service string) (*Status, error) {
	f, err := o.look(ctx, target{cluster, service})
	if err != nil {
		return nil, err
	}
	return f.statusOnce(), nil
}

// status returns the status of what was found.
func (f *found) status() *Status {
	s := &Status{
		DesiredCount: common.Value(f.service.DesiredCount), RunningCount: common.Value(f.service.RunningCount), PendingCount: common.Value(f.service.PendingCount),
		Tasks: f.shownTasks(), Targets: f.targets, Events: f.shownEvents(), ETag: etag.Service(f.service),
	}
	if s.Targets == nil {
		s.Targets = []diagnosis.Target{}
	}
	if all := f.deployments(); len(all) > 0 {
		s.Deployment = &all[0]
	}
	report := f.diagnose(s.Deployment)
	s.State, s.Summary, s.Problems = report.State, report.Summary, report.Problems
	return s
}

// diagnose returns what is wrong with the service, as far as it concerns the present and the deployment; nil for the one that runs.
func (f *found) diagnose(d *Deployment) diagnosis.Report {
	e := diagnosis.Evidence{Now: f.at, Service: f.service, Tasks: f.tasks, Targets: f.presentTargets(), LastLines: f.lines}
	if d != nil {
		e.Focus = diagnosis.Focus{ID: d.Id, Created: common.Value(d.CreatedAt), Ended: common.Value(d.EndedAt), Failed: d.failed()}
	}
	return diagnosis.Diagnose(e)
}

// shownTasks returns the tasks that run, and the newest of those that have stopped.
func (f *found) shownTasks() []Task {
	all := []Task{}
	stopped := 0
	for _, t := range f.tasks {
		if common.Value(t.LastStatus) == awsecs.DesiredStatusStopped {
			if stopped++; stopped > shownStopped {
				break // they come last
			}
		}
		all = append(all, ShownTask(t))
	}
	return all
}

// ShownTask returns a task as responses show it.
func ShownTask(t *awsecs.Task) Task {
	shown := Task{
		Id: taskID(t.TaskArn), TaskDefinition: t.TaskDefinitionArn, LastStatus: t.LastStatus, DesiredStatus: t.DesiredStatus, HealthStatus: t.HealthStatus,
		StopCode: t.StopCode, StoppedReason: t.StoppedReason, StartedAt: t.StartedAt, StoppedAt: t.StoppedAt, Containers: []Container{},
	}
	for _, c := range t.Containers {
		if c != nil {
			shown.Containers = append(shown.Containers, Container{
				Name: c.Name, Image: c.Image, ImageDigest: c.ImageDigest, LastStatus: c.LastStatus, HealthStatus: c.HealthStatus, ExitCode: c.ExitCode, Reason: c.Reason,
			})
		}
	}
	return shown
}

// shownEvents returns the newest events.
func (f *found) shownEvents() []Event {
	all := []Event{}
	for _, e := range f.service.Events {
		if e != nil && len(all) < shownEvents {
			all = append(all, Event{e.Id, e.CreatedAt, e.Message})
		}
	}
	return all
}
