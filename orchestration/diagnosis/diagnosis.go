// Package diagnosis says how a service is and why. It turns what ECS and the load balancer report (stopped tasks, service events,
// deployments, target health) into a State and a list of Problems, each with a code, AWS's own words and what to do about it.
//
// It is pure: it calls nothing and knows no clock. Its rule is that AWS's messages are data. The table in messages.go maps them to codes,
// and a test holds it against every message that is known; what the table does not know is Unknown, with AWS's words.
package diagnosis

import (
	"time"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
)

// Code names a kind of problem. Callers branch on it.
type Code string

// The codes.
const (
	ImageNotFound       Code = "ImageNotFound"
	ImageAuth           Code = "ImageAuth"
	ImageRateLimited    Code = "ImageRateLimited"
	ImagePlatform       Code = "ImagePlatform"
	EndpointUnreachable Code = "EndpointUnreachable" // any endpoint that a task must reach before it starts: registry, secrets, logs
	SecretDenied        Code = "SecretDenied"
	SecretMissing       Code = "SecretMissing"
	LogConfiguration    Code = "LogConfiguration"
	VolumeMount         Code = "VolumeMount"
	ContainerExited     Code = "ContainerExited"
	OutOfMemory         Code = "OutOfMemory"
	HealthCheck         Code = "HealthCheck"
	TargetUnhealthy     Code = "TargetUnhealthy"
	RoleNotAssumable    Code = "RoleNotAssumable"
	NoCapacity          Code = "NoCapacity"
	SpotInterrupted     Code = "SpotInterrupted"
	QuotaExceeded       Code = "QuotaExceeded"
	NetworkInterface    Code = "NetworkInterface"
	DeploymentBlocked   Code = "DeploymentBlocked"
	Unknown             Code = "Unknown"
)

// Codes returns all codes, for documents that must not forget one.
func Codes() []Code {
	return []Code{
		ImageNotFound, ImageAuth, ImageRateLimited, ImagePlatform, EndpointUnreachable, SecretDenied, SecretMissing, LogConfiguration,
		VolumeMount, ContainerExited, OutOfMemory, HealthCheck, TargetUnhealthy, RoleNotAssumable, NoCapacity, SpotInterrupted,
		QuotaExceeded, NetworkInterface, DeploymentBlocked, Unknown,
	}
}

// Problem is one thing that is wrong with a service now.
type Problem struct {
	Code      Code
	Container *string    // the container it is about; nil if it is about the task as a whole, or the service
	Task      *string    // the id of the newest task that shows it; nil if no task does
	Count     int        // how many tasks show it, or how many events tell of it
	Since     *time.Time // when the first of them did
	Detail    string     // AWS's words
	Action    string     // what to do

	exitCode *int64
	latest   time.Time
	past     bool // it is of a deployment that failed, and no longer runs: it tells why, and not how the service is now
}

// Target is a task's address in a target group, and what the load balancer's health check says of it.
type Target struct {
	TargetGroupArn string
	Id             string // AWS's spelling
	Port           int64
	State          string  // as DescribeTargetHealth has it: initial, healthy, unhealthy, unused, draining, unavailable, …
	Reason         *string // the description if there is one, else the reason's code
	ReasonCode     string  `json:"-"` // such as Target.Timeout
}

// Focus is the deployment that is asked about: the newest that somebody asked for, or a chosen one.
type Focus struct {
	ID      string // ecs-svc/NUMBER; empty: the service's primary deployment
	Created time.Time
	Ended   time.Time // zero while it is in progress
	Failed  bool      // it failed or was rolled back
}

// Evidence is what was read of a service.
type Evidence struct {
	Now     time.Time
	Service *awsecs.Service
	Focus   Focus
	Tasks   []*awsecs.Task // running and stopped ones
	Targets []Target
	// LastLines are the last log lines of containers that have exited, by task id and container name, as far as they have been read.
	LastLines map[LogKey]string
}

// LogKey names a container of a task.
type LogKey struct{ Task, Container string }

// Report is the diagnosis.
type Report struct {
	State    State
	Summary  string // one line
	Problems []Problem
}

// Diagnose says how the service is and what is wrong with it.
func Diagnose(e Evidence) Report {
	e.Focus = e.focus()
	problems := gather(e)
	state := refine(StateOf(e.Service), e, problems)
	return Report{State: state, Summary: summary(state, e.Service, problems), Problems: problems}
}

// focus returns the deployment that is asked about: the primary one, if none is named.
func (e Evidence) focus() Focus {
	if e.Focus.ID != "" {
		return e.Focus
	}
	p := ecs.Primary(e.Service)
	if p == nil {
		return Focus{}
	}
	return Focus{ID: common.Value(p.Id), Created: common.Value(p.CreatedAt), Failed: common.Value(p.RolloutState) == awsecs.DeploymentRolloutStateFailed}
}
