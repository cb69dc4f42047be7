package api

import (
	"net/http"
	"time"

	"github.com/gorilla/mux"

	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/etag"
)

// newRoleTime is enough for a role that was created a moment ago to become known to ECS.
const newRoleTime = 2 * time.Minute

func listTaskDefinitions(c call, _ none) ([]string, error) {
	return c.account.adhoc.TaskDefinitions.List(c.Context(), c.text("prefix"), c.text("status"))
}

func registerTaskDefinition(c call, in awsecs.RegisterTaskDefinitionInput) (*awsecs.RegisterTaskDefinitionOutput, error) {
	return c.account.adhoc.TaskDefinitions.Register(c.Context(), &in)
}

func showTaskDefinition(c call, _ none) (*awsecs.DescribeTaskDefinitionOutput, error) {
	out, err := c.account.adhoc.TaskDefinitions.Show(c.Context(), c.name("taskdef"))
	if err != nil {
		return nil, err
	}
	out.Tags = orEmpty(out.Tags)
	c.header.Set(headerETag, etag.Of(out))
	return out, nil
}

func deregisterTaskDefinition(c call, _ none) (*awsecs.DeregisterTaskDefinitionOutput, error) {
	if c.match.Compares() {
		out, err := showTaskDefinition(c, none{})
		if err != nil {
			return nil, err
		}
		if err := c.match.Check("task definition "+c.name("taskdef"), etag.Of(out)); err != nil {
			return nil, err
		}
		c.header.Del(headerETag) // it is another one now
	}
	definition, err := c.account.adhoc.TaskDefinitions.Deregister(c.Context(), c.name("taskdef"))
	return &awsecs.DeregisterTaskDefinitionOutput{TaskDefinition: definition}, err
}

// taskDefinitionRoutes are the routes of task definitions, each by its family, family:revision or ARN.
func (s *Server) taskDefinitionRoutes(v1 *mux.Router) {
	const taskdefs = "/{account}/taskdefs"
	const taskdef = taskdefs + "/{taskdef}"
	status := choice("status", awsecs.TaskDefinitionStatusActive, awsecs.TaskDefinitionStatusInactive)
	v1.Handle(taskdefs, handle(s, http.StatusOK, listTaskDefinitions, status, text("prefix"))).Methods(http.MethodGet)
	v1.Handle(taskdefs, handle(s, http.StatusOK, registerTaskDefinition, within(newRoleTime))).Methods(http.MethodPost)
	v1.Handle(taskdef, handle(s, http.StatusOK, showTaskDefinition, slashes("taskdef"))).Methods(http.MethodGet)
	v1.Handle(taskdef, handle(s, http.StatusOK, deregisterTaskDefinition, slashes("taskdef"), conditional)).Methods(http.MethodDelete)
}
