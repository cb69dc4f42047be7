package api

import (
	"context"
	"net/http"
	"time"

	"github.com/gorilla/mux"

	textreport "ecs-api/api/report"
	"ecs-api/api/sse"
	"ecs-api/common"
	"ecs-api/orchestration/diagnosis"
	"ecs-api/orchestration/observe"
	"ecs-api/orchestration/rollout"
	"ecs-api/orchestration/show"
)

// How long a caller may wait for a deployment, in seconds.
const (
	longestWait = 300
	defaultWait = 60
)

// showStatus returns how a service is and why; as a stream, now and whenever it changes.
func showStatus(c call, at target, _ none) (any, error) {
	if !c.streams() {
		status, err := c.account.Observer.Status(c.Context(), at.cluster, at.service)
		if err != nil {
			return nil, err
		}
		c.header.Set(headerETag, status.ETag)
		return status, nil
	}
	observer := c.account.Observer
	return &stream{run: func(ctx context.Context, out *sse.Writer) error {
		return observer.Watch(ctx, at.cluster, at.service, func(s *observe.Status) error {
			return out.Send(sse.Event{Name: "status", Data: s, Text: func() string { return textreport.StatusLine(time.Now(), s) }})
		})
	}}, nil
}

// waitForService waits until a deployment has an outcome.
func waitForService(c call, at target, _ none) (*observe.Result, error) {
	id := c.text("deployment")
	if id != "" {
		var err error
		if id, err = observe.DeploymentNamed(id); err != nil {
			return nil, err
		}
	}
	return c.account.Observer.Wait(c.Context(), at.cluster, at.service, id, time.Duration(c.number("timeout"))*time.Second)
}

func listDeployments(c call, at target, _ none) ([]observe.Deployment, error) {
	return c.account.Observer.Deployments(c.Context(), at.cluster, at.service)
}

func showDeployment(c call, at target, _ none) (*observe.Deployment, error) {
	id, err := observe.DeploymentNamed(c.name("deployment"))
	if err != nil {
		return nil, err
	}
	return c.account.Observer.Deployment(c.Context(), at.cluster, at.service, id)
}

// continueDeployment continues a deployment that waits at a lifecycle hook.
func continueDeployment(c call, at target, in rollout.ContinueInput) (*observe.Deployment, error) {
	id, err := observe.DeploymentNamed(c.name("deployment"))
	if err != nil {
		return nil, err
	}
	return c.account.Rollouts.Continue(c.Context(), rollout.Deployment{Cluster: at.cluster, Service: at.service, ID: id}, in)
}

// stopDeployment stops a deployment in progress.
func stopDeployment(c call, at target, in rollout.StopInput) (*observe.Deployment, error) {
	id, err := observe.DeploymentNamed(c.name("deployment"))
	if err != nil {
		return nil, err
	}
	return c.account.Rollouts.Stop(c.Context(), rollout.Deployment{Cluster: at.cluster, Service: at.service, ID: id}, in)
}

func listRevisions(c call, at target, _ none) ([]observe.Revision, error) {
	return c.account.Observer.Revisions(c.Context(), at.cluster, at.service, int(c.number("limit")))
}

// listAllServices returns the org's services in all clusters. What the query says beside the state is tags that they must have.
func listAllServices(c call, _ none) ([]show.Summary, error) {
	tags, err := c.params.Tags()
	if err != nil {
		return nil, err
	}
	if space := c.text("space"); space != "" {
		tags = append(tags, common.Tag{Key: common.TagSpace, Value: space})
	}
	return c.account.Services.All(c.Context(), diagnosis.State(c.text("state")), tags)
}

// observeRoutes are the routes that say how services are, and those that decide about their deployments.
func (s *Server) observeRoutes(v1 *mux.Router) {
	const service = "/{account}/clusters/{cluster}/services/{service}"
	slashed := slashes("cluster", "service")
	get := func(path string, h http.Handler) { v1.Handle(path, h).Methods(http.MethodGet) }
	get("/{account}/services", handle(s, http.StatusOK, listAllServices, anyQuery, text("space"), choice("state", diagnosis.StateNames()...),
		within(time.Minute)))
	get(service+"/status", handle(s, http.StatusOK, targeted(showStatus), slashed, flag("follow")))
	get(service+"/wait", handle(s, http.StatusOK, targeted(waitForService), slashed, unshared(), within((longestWait+30)*time.Second),
		number("timeout", 1, longestWait, defaultWait), text("deployment")))
	get(service+"/deployments", handle(s, http.StatusOK, targeted(listDeployments), slashed))
	get(service+"/deployments/{deployment}", handle(s, http.StatusOK, targeted(showDeployment), slashed, slashes("deployment")))
	v1.Handle(service+"/deployments/{deployment}/continue", handle(s, http.StatusOK, targeted(continueDeployment), slashed, slashes("deployment"), optionalBody(),
		checked(func(_ call, in *rollout.ContinueInput) []common.FieldError { return in.Check() }))).Methods(http.MethodPost)
	v1.Handle(service+"/deployments/{deployment}/stop", handle(s, http.StatusOK, targeted(stopDeployment), slashed, slashes("deployment"), optionalBody(),
		checked(func(_ call, in *rollout.StopInput) []common.FieldError { return in.Check() }))).Methods(http.MethodPost)
	get(service+"/revisions", handle(s, http.StatusOK, targeted(listRevisions), slashed, number("limit", 1, 100, 20)))
}
