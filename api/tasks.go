package api

import (
	"net/http"

	"github.com/gorilla/mux"

	"ecs-api/api/respond"
	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	awsaccount "ecs-api/orchestration/account"
	"ecs-api/orchestration/adhoc"
)

func listTasks(c call, _ none) ([]string, error) {
	return c.account.Adhoc.Tasks.List(c.Context(), adhoc.TaskFilter{
		Cluster: c.name("cluster"), Service: c.text("service"), Family: c.text("family"), Status: c.text("status"),
	})
}

func runTasks(c call, in awsecs.RunTaskInput) (*awsecs.RunTaskOutput, error) {
	started, err := c.account.Adhoc.Tasks.Run(c.Context(), c.name("cluster"), &in)
	if err != nil {
		return nil, err
	}
	if started.Replayed {
		c.header.Set(headerReplayed, "true")
	}
	return &awsecs.RunTaskOutput{Tasks: started.Tasks, Failures: respond.OrEmpty(started.Failures)}, nil
}

func showTask(c call, _ none) (*awsecs.DescribeTasksOutput, error) {
	task, err := c.account.Adhoc.Tasks.Show(c.Context(), c.name("cluster"), c.name("task"))
	return &awsecs.DescribeTasksOutput{Tasks: []*awsecs.Task{task}, Failures: []*awsecs.Failure{}}, err
}

func stopTask(c call, _ none) (*awsecs.StopTaskOutput, error) {
	task, err := c.account.Adhoc.Tasks.Stop(c.Context(), c.name("cluster"), c.name("task"), c.text("reason"))
	return &awsecs.StopTaskOutput{Task: task}, err
}

// taskRoutes are the routes of tasks, each by its id or its ARN.
func (s *Server) taskRoutes(v1 *mux.Router) {
	const tasks = "/{account}/clusters/{cluster}/tasks"
	const task = tasks + "/{task}"
	status := choice("status", awsecs.DesiredStatus_Values()...)
	v1.Handle(tasks, handle(s, http.StatusOK, listTasks, slashes("cluster"), text("service"), text("family"), status)).Methods(http.MethodGet)
	v1.Handle(tasks, handle(s, http.StatusOK, runTasks, slashes("cluster"), within(firstUseTime),
		checked(func(c call, in *awsecs.RunTaskInput) []common.FieldError {
			return c.account.Adhoc.Tasks.Check(awsaccount.NameOf(c.name("cluster")), in)
		}))).Methods(http.MethodPost)
	v1.Handle(task, handle(s, http.StatusOK, showTask, slashes("cluster", "task"))).Methods(http.MethodGet)
	v1.Handle(task, handle(s, http.StatusOK, stopTask, slashes("cluster", "task"), text("reason"))).Methods(http.MethodDelete)
}
