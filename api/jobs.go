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
	"ecs-api/orchestration/jobs"
)

// inCluster lets the path's cluster be a name or an ARN, and gives f its name and that of the managed task definition, if the path has one.
func inCluster[In, Out any](f func(c call, cluster, family string, in In) (Out, error)) func(call, In) (Out, error) {
	return func(c call, in In) (out Out, err error) {
		cluster, err := c.account.Scope.ClusterNamed(c.Context(), c.name("cluster"))
		if err != nil {
			return out, err
		}
		return f(c, cluster, c.named("taskdef"), in)
	}
}

func listJobs(c call, cluster, _ string, _ none) ([]string, error) {
	return c.account.Jobs.List(c.Context(), cluster)
}

func showJobs(c call, cluster, family string, _ none) (*jobs.View, error) {
	view, err := c.account.Jobs.Show(c.Context(), cluster, family)
	if err != nil {
		return nil, err
	}
	c.header.Set(headerETag, etag.TaskDefinition(view.TaskDefinition, view.Tags))
	return view, nil
}

// managed is the response to a request that creates or changes a managed task definition.
type managed struct {
	*jobs.Output
	Warnings []warnings.Warning
}

// managed returns the response to a request that has created or changed a managed task definition.
func (c call) managed(out *jobs.Output, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	c.header.Set(headerETag, etag.TaskDefinition(out.TaskDefinition, out.Tags))
	return &managed{out, c.warnings()}, nil
}

// createJobs creates a managed task definition and all it needs.
func createJobs(c call, in *jobs.CreateInput) (any, error) {
	if c.flag(flagDryRun) {
		plan, err := c.account.Jobs.PlanCreate(c.Context(), in)
		return c.preview(plan, err)
	}
	return c.managed(c.account.Jobs.Create(c.Context(), in))
}

// changesJobs makes an endpoint of what changes a managed task definition.
func changesJobs[In any](change func(c call, cluster, family string, in *In) (*jobs.Write, error)) func(call, In) (any, error) {
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

// checksJobs has change find what is wrong with the values of a body that is wrong in form. It makes a request of the body, and asks AWS nothing.
func checksJobs[In any](change func(c call, cluster, family string, in *In) (*jobs.Write, error)) setting {
	return checked(func(c call, in *In) []common.FieldError {
		_, err := change(c, awsaccount.NameOf(c.name("cluster")), c.named("taskdef"), in)
		return common.Fields(err)
	})
}

func updateJobs(c call, cluster, family string, in *jobs.UpdateInput) (*jobs.Write, error) {
	return c.account.Jobs.Update(cluster, family, in)
}

func patchJobs(c call, cluster, family string, in *jobs.PatchInput) (*jobs.Write, error) {
	return c.account.Jobs.Patch(cluster, family, in)
}

// deleteJobs deletes a managed task definition in the background, and says where that can be followed.
func deleteJobs(c call, cluster, family string, _ none) (any, error) {
	if c.flag(flagDryRun) {
		plan, err := c.account.Jobs.PlanDelete(c.Context(), cluster, family, c.flag("recursive"), c.flag("force"), c.match)
		return c.preview(plan, err)
	}
	out, op, err := c.account.Jobs.Delete(c.Context(), cluster, family, c.flag("recursive"), c.flag("force"), c.match)
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
	*jobs.RunOutput
	Warnings []warnings.Warning
}

func runJobs(c call, cluster, family string, in jobs.RunInput) (*ran, error) {
	out, err := c.account.Jobs.Run(c.Context(), cluster, family, &in, c.wait())
	if err != nil {
		return nil, err
	}
	if out.Replayed {
		c.header.Set(headerReplayed, "true")
	}
	return &ran{out, c.warnings()}, nil
}

// checkRunJobs returns what is wrong with the values of a request to run tasks.
func checkRunJobs(c call, in *jobs.RunInput) []common.FieldError {
	return c.account.Jobs.CheckRun(awsaccount.NameOf(c.name("cluster")), c.named("taskdef"), in)
}

func listJobTasks(c call, cluster, family string, _ none) ([]string, error) {
	return c.account.Jobs.ListTasks(c.Context(), cluster, family, c.texts("status"), c.text("startedBy"))
}

func showJobTask(c call, cluster, family string, _ none) (*jobs.TaskOutput, error) {
	task, err := c.account.Jobs.ShowTask(c.Context(), cluster, family, c.name("task"))
	if err != nil {
		return nil, err
	}
	return jobs.NewTaskOutput(task), nil
}

func stopJobTask(c call, cluster, family string, _ none) (*awsecs.StopTaskOutput, error) {
	task, err := c.account.Jobs.StopTask(c.Context(), cluster, family, c.name("task"), c.text("reason"))
	return &awsecs.StopTaskOutput{Task: task}, err
}

// jobTaskLogs returns lines of a task, as a page or as a stream.
func jobTaskLogs(c call, cluster, family string, _ none) (any, error) {
	return logsOf(c, func() (*awsecs.Task, error) {
		return c.account.Jobs.ShowTask(c.Context(), cluster, family, c.name("task"))
	})
}

// jobRoutes are the routes of managed task definitions and their tasks.
func (s *Server) jobRoutes(v1 *mux.Router) {
	const taskdefs = "/{account}/clusters/{cluster}/taskdefs"
	const taskdef = taskdefs + "/{taskdef}"
	slashed := slashes("cluster")
	v1.Handle(taskdefs, handle(s, http.StatusOK, inCluster(listJobs), slashed)).Methods(http.MethodGet)
	v1.Handle(taskdef, handle(s, http.StatusOK, inCluster(showJobs), slashed)).Methods(http.MethodGet)
	v1.Handle(taskdef, handle(s, http.StatusOK, changesJobs(updateJobs), checksJobs(updateJobs), asynchronous("update task definition"), slashed, flag(flagDryRun), conditional, within(orchestrationTime))).Methods(http.MethodPut)
	v1.Handle(taskdef, handle(s, http.StatusOK, changesJobs(patchJobs), checksJobs(patchJobs), asynchronous("patch task definition"), slashed, flag(flagDryRun), conditional, within(orchestrationTime))).Methods(http.MethodPatch)
	v1.Handle(taskdef, handle(s, http.StatusAccepted, inCluster(deleteJobs), slashed, flag("recursive"), flag("force"), flag(flagDryRun), conditional, within(orchestrationTime))).Methods(http.MethodDelete)
	tasks, task, id := taskdef+"/tasks", taskdef+"/tasks/{task}", slashes("cluster", "task")
	status := takes(urlparams.Choices("status", awsecs.DesiredStatus_Values()...))
	v1.Handle(tasks, handle(s, http.StatusOK, inCluster(runJobs), slashed, number("wait", 1, longestWait, 0), bare(), checked(checkRunJobs), within(orchestrationTime))).Methods(http.MethodPost)
	v1.Handle(tasks, handle(s, http.StatusOK, inCluster(listJobTasks), slashed, status, text("startedBy"))).Methods(http.MethodGet)
	v1.Handle(task, handle(s, http.StatusOK, inCluster(showJobTask), id)).Methods(http.MethodGet)
	v1.Handle(task, handle(s, http.StatusOK, inCluster(stopJobTask), id, text("reason"))).Methods(http.MethodDelete)
	v1.Handle(task+"/logs", handle(s, http.StatusOK, inCluster(jobTaskLogs), id, logLines, unkept())).Methods(http.MethodGet)
}
