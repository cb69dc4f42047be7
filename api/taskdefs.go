package api

import (
	"net/http"
	"reflect"

	"github.com/aws/aws-sdk-go/service/secretsmanager"
	"github.com/gorilla/mux"

	"ecs-api/api/respond"
	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/etag"
	"ecs-api/orchestration/taskdefs"
)

func listTaskDefinitions(c call, _ none) ([]string, error) {
	return c.account.Adhoc.TaskDefinitions.List(c.Context(), c.text("prefix"), c.text("status"))
}

// taskDefinitionInput is a task definition by itself, or, in the member taskdefinition, one that is managed.
type taskDefinitionInput struct {
	awsecs.RegisterTaskDefinitionInput
	Cluster        *awsecs.CreateClusterInput
	TaskDefinition *awsecs.RegisterTaskDefinitionInput
	Credentials    map[string]*secretsmanager.CreateSecretInput
	Tags           []*awsecs.Tag
}

// managed reports whether the body is of a managed task definition.
func (in *taskDefinitionInput) managed() bool {
	return in.TaskDefinition != nil || in.Cluster != nil || in.Credentials != nil
}

// createTaskDefinition registers a task definition, or creates a managed one with all it needs.
func createTaskDefinition(c call, in taskDefinitionInput) (any, error) {
	if !in.managed() {
		if c.flag(flagDryRun) {
			return nil, common.Invalid(common.FieldError{Field: flagDryRun,
				Detail: "is of managed task definitions: put the task definition into the member taskdefinition, beside cluster, or leave it out"})
		}
		in.RegisterTaskDefinitionInput.Tags = in.Tags
		return c.account.Adhoc.TaskDefinitions.Register(c.Context(), &in.RegisterTaskDefinitionInput)
	}
	if !reflect.DeepEqual(in.RegisterTaskDefinitionInput, awsecs.RegisterTaskDefinitionInput{}) {
		return nil, common.Invalid(common.FieldError{Field: "taskdefinition",
			Detail: "must hold all of the task definition: beside it, the request may have cluster, credentials and tags alone"})
	}
	return createManaged(c, &taskdefs.CreateInput{Cluster: in.Cluster, TaskDefinition: in.TaskDefinition, Credentials: in.Credentials, Tags: in.Tags})
}

// checkTaskDefinition returns what is wrong with the values of a task definition, managed or not.
func checkTaskDefinition(c call, in *taskDefinitionInput) []common.FieldError {
	if in.managed() {
		return common.Fields(c.account.ManagedTaskDefinitions.CheckCreate(&taskdefs.CreateInput{Cluster: in.Cluster,
			TaskDefinition: in.TaskDefinition, Credentials: in.Credentials, Tags: in.Tags}))
	}
	in.RegisterTaskDefinitionInput.Tags = in.Tags
	return c.account.Adhoc.TaskDefinitions.Check(&in.RegisterTaskDefinitionInput)
}

func showTaskDefinition(c call, _ none) (*awsecs.DescribeTaskDefinitionOutput, error) {
	out, err := c.account.Adhoc.TaskDefinitions.Show(c.Context(), c.name("taskdef"))
	if err != nil {
		return nil, err
	}
	out.Tags = respond.OrEmpty(out.Tags)
	c.header.Set(headerETag, etag.TaskDefinition(out.TaskDefinition, out.Tags))
	return out, nil
}

func deregisterTaskDefinition(c call, _ none) (*awsecs.DeregisterTaskDefinitionOutput, error) {
	if c.match.Compares() {
		out, err := showTaskDefinition(c, none{})
		if err != nil {
			return nil, err
		}
		if err := c.match.Check("task definition "+c.name("taskdef"), etag.TaskDefinition(out.TaskDefinition, out.Tags)); err != nil {
			return nil, err
		}
		c.header.Del(headerETag) // it is another one now
	}
	definition, err := c.account.Adhoc.TaskDefinitions.Deregister(c.Context(), c.name("taskdef"))
	return &awsecs.DeregisterTaskDefinitionOutput{TaskDefinition: definition}, err
}

// taskDefinitionRoutes are the routes of task definitions, each by its family, family:revision or ARN.
func (s *Server) taskDefinitionRoutes(v1 *mux.Router) {
	const taskdefs = "/{account}/taskdefs"
	const taskdef = taskdefs + "/{taskdef}"
	status := choice("status", awsecs.TaskDefinitionStatusActive, awsecs.TaskDefinitionStatusInactive)
	v1.Handle(taskdefs, handle(s, http.StatusOK, listTaskDefinitions, status, text("prefix"))).Methods(http.MethodGet)
	v1.Handle(taskdefs, handle(s, http.StatusOK, createTaskDefinition,
		checked(checkTaskDefinition), asynchronous("create task definition"), flag(flagDryRun), within(orchestrationTime))).Methods(http.MethodPost)
	v1.Handle(taskdef, handle(s, http.StatusOK, showTaskDefinition, slashes("taskdef"))).Methods(http.MethodGet)
	v1.Handle(taskdef, handle(s, http.StatusOK, deregisterTaskDefinition, slashes("taskdef"), takesIfMatch)).Methods(http.MethodDelete)
}
