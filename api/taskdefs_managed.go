package api

import (
	"net/http"

	"github.com/gorilla/mux"

	"ecs-api/api/negotiation"
	"ecs-api/api/urlparams"
	"ecs-api/api/warnings"
	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	awsaccount "ecs-api/orchestration/account"
	"ecs-api/orchestration/etag"
	"ecs-api/orchestration/taskdefs"
)

// inCluster lets the path's cluster be a name or an ARN, and gives f its name and that of the managed task definition, if the path has one.
func inCluster[In, Out any](f func(c call, cluster, family string, in In) (Out, error)) func(call, In) (Out, error) {
	return func(c call, in In) (out Out, err error) {
		cluster, err := c.account.AWS.ClusterNamed(c.Context(), c.name("cluster"))
		if err != nil {
			return out, err
		}
		return f(c, cluster, c.named("taskdef"), in)
	}
}

func listManaged(c call, cluster, _ string, _ none) ([]string, error) {
	return c.account.ManagedTaskDefinitions.List(c.Context(), cluster)
}

func showManaged(c call, cluster, family string, _ none) (*taskdefs.View, error) {
	view, err := c.account.ManagedTaskDefinitions.Show(c.Context(), cluster, family)
	if err != nil {
		return nil, err
	}
	c.header.Set(headerETag, etag.TaskDefinition(view.TaskDefinition, view.Tags))
	return view, nil
}

// managed is the response to a request that creates or changes a managed task definition.
type managed struct {
	*taskdefs.Output
	Warnings []warnings.Warning
}

// managed returns the response to a request that has created or changed a managed task definition.
func (c call) managed(out *taskdefs.Output, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	c.header.Set(headerETag, etag.TaskDefinition(out.TaskDefinition, out.Tags))
	return &managed{out, c.warnings()}, nil
}

// createManaged creates a managed task definition and all it needs.
func createManaged(c call, in *taskdefs.CreateInput) (any, error) {
	if c.flag(flagDryRun) {
		plan, err := c.account.ManagedTaskDefinitions.PlanCreate(c.Context(), in)
		return c.preview(plan, err)
	}
	return c.managed(c.account.ManagedTaskDefinitions.Create(c.Context(), in))
}

// changesManaged makes an endpoint of what changes a managed task definition.
func changesManaged[In any](change func(c call, cluster, family string, in *In) (*taskdefs.Write, error)) func(call, In) (any, error) {
	return inCluster(func(c call, cluster, family string, in In) (any, error) {
		write, err := change(c, cluster, family, &in)
		if err != nil {
			return nil, err
		}
		write.IfMatch(c.match)
		if c.flag(flagDryRun) {
			plan, err := write.Plan(c.Context())
			return c.preview(plan, err)
		}
		return c.managed(write.Apply(c.Context()))
	})
}

// checksManaged has change find what is wrong with the values of a body that is wrong in form. It makes a request of the body, and asks AWS nothing.
func checksManaged[In any](change func(c call, cluster, family string, in *In) (*taskdefs.Write, error)) setting {
	return checked(func(c call, in *In) []common.FieldError {
		_, err := change(c, awsaccount.NameOf(c.name("cluster")), c.named("taskdef"), in)
		return common.Fields(err)
	})
}

func updateManaged(c call, cluster, family string, in *taskdefs.UpdateInput) (*taskdefs.Write, error) {
	return c.account.ManagedTaskDefinitions.Update(cluster, family, in)
}

func patchManaged(c call, cluster, family string, in *taskdefs.PatchInput) (*taskdefs.Write, error) {
	return c.account.ManagedTaskDefinitions.Patch(cluster, family, in)
}

// deleteManaged deletes a managed task definition in the background, and says where that can be followed.
func deleteManaged(c call, cluster, family string, _ none) (any, error) {
	if c.flag(flagDryRun) {
		plan, err := c.account.ManagedTaskDefinitions.PlanDelete(c.Context(), cluster, family, c.flag("recursive"), c.flag("force"), c.match)
		return c.preview(plan, err)
	}
	out, op, err := c.account.ManagedTaskDefinitions.Delete(c.Context(), cluster, family, c.flag("recursive"), c.flag("force"), c.match)
	switch {
	case err != nil:
		return nil, err
	case negotiation.WantsProgress(c.request):
		return op, nil
	}
	c.locate(*op)
	return out, nil
}

// ran is the response to a request that runs tasks.
type ran struct {
	*taskdefs.RunOutput
	Warnings []warnings.Warning
}

func runManaged(c call, cluster, family string, in taskdefs.RunInput) (*ran, error) {
	out, err := c.account.ManagedTaskDefinitions.Run(c.Context(), cluster, family, &in, c.wait())
	if err != nil {
		return nil, err
	}
	if out.Replayed {
		c.header.Set(headerReplayed, "true")
	}
	return &ran{out, c.warnings()}, nil
}

// checkRunManaged returns what is wrong with the values of a request to run tasks.
func checkRunManaged(c call, in *taskdefs.RunInput) []common.FieldError {
	return c.account.ManagedTaskDefinitions.CheckRun(awsaccount.NameOf(c.name("cluster")), c.named("taskdef"), in)
}

func listManagedTasks(c call, cluster, family string, _ none) ([]string, error) {
	return c.account.ManagedTaskDefinitions.ListTasks(c.Context(), cluster, family, c.texts("status"), c.text("startedBy"))
}

func showManagedTask(c call, cluster, family string, _ none) (*taskdefs.TaskOutput, error) {
	task, err := c.account.ManagedTaskDefinitions.ShowTask(c.Context(), cluster, family, c.name("task"))
	if err != nil {
		return nil, err
	}
	return taskdefs.NewTaskOutput(task), nil
}

func stopManagedTask(c call, cluster, family string, _ none) (*awsecs.StopTaskOutput, error) {
	task, err := c.account.ManagedTaskDefinitions.StopTask(c.Context(), cluster, family, c.name("task"), c.text("reason"))
	return &awsecs.StopTaskOutput{Task: task}, err
}

// jobTaskLogs returns lines of a task, as a page or as a stream.
func jobTaskLogs(c call, cluster, family string, _ none) (any, error) {
	return logsOf(c, func() (*awsecs.Task, error) {
		return c.account.ManagedTaskDefinitions.ShowTask(c.Context(), cluster, family, c.name("task"))
	})
}

// managedTaskDefinitionRoutes are the routes of managed task definitions and their tasks.
func (s *Server) managedTaskDefinitionRoutes(v1 *mux.Router) {
	const taskdefs = "/{account}/clusters/{cluster}/taskdefs"
	const taskdef = taskdefs + "/{taskdef}"
	slashed := slashes("cluster")
	v1.Handle(taskdefs, handle(s, http.StatusOK, inCluster(listManaged), slashed)).Methods(http.MethodGet)
	v1.Handle(taskdef, handle(s, http.StatusOK, inCluster(showManaged), slashed)).Methods(http.MethodGet)
	v1.Handle(taskdef, handle(s, http.StatusOK, changesManaged(updateManaged),
		checksManaged(updateManaged), asynchronous("update task definition"), slashed, flag(flagDryRun), takesIfMatch, within(orchestrationTime))).Methods(http.MethodPut)
	v1.Handle(taskdef, handle(s, http.StatusOK, changesManaged(patchManaged),
		checksManaged(patchManaged), asynchronous("patch task definition"), slashed, flag(flagDryRun), takesIfMatch, within(orchestrationTime))).Methods(http.MethodPatch)
	v1.Handle(taskdef, handle(s, http.StatusAccepted, inCluster(deleteManaged),
		slashed, flag("recursive"), flag("force"), flag(flagDryRun), takesIfMatch, within(orchestrationTime))).Methods(http.MethodDelete)
	tasks, task, id := taskdef+"/tasks", taskdef+"/tasks/{task}", slashes("cluster", "task")
	status := takes(urlparams.Choices("status", awsecs.DesiredStatus_Values()...))
	v1.Handle(tasks, handle(s, http.StatusOK, inCluster(runManaged),
		slashed, number("wait", 1, longestWait, 0), optionalBody(), checked(checkRunManaged), within(orchestrationTime))).Methods(http.MethodPost)
	v1.Handle(tasks, handle(s, http.StatusOK, inCluster(listManagedTasks), slashed, status, text("startedBy"))).Methods(http.MethodGet)
	v1.Handle(task, handle(s, http.StatusOK, inCluster(showManagedTask), id)).Methods(http.MethodGet)
	v1.Handle(task, handle(s, http.StatusOK, inCluster(stopManagedTask), id, text("reason"))).Methods(http.MethodDelete)
	v1.Handle(task+"/logs", handle(s, http.StatusOK, inCluster(jobTaskLogs), id, logLines, uncacheable())).Methods(http.MethodGet)
}
