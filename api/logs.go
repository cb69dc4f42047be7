package api

import (
	"context"
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"ecs-api/api/sse"
	"ecs-api/api/urlparams"
	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/logs"
)

// How far back logs are read unless the request says since when, and how many lines a page has.
const (
	usualSince = time.Hour
	usualLines = 1000
)

// serviceLogs returns lines of all tasks of a service, as a page or as a stream. With task it is one container's log, as CloudWatch Logs pages it.
func serviceLogs(c call, at target, _ none) (any, error) {
	if err := common.Invalid(mixedLogs(c)...); err != nil {
		return nil, err
	}
	show := func(ctx context.Context) (*awsecs.Service, error) {
		return c.account.Services.Show(ctx, at.cluster, at.service)
	}
	if c.text("task") != "" {
		return c.account.Logs.Stream(c.Context(), at.cluster, at.service, show, logs.StreamQuery{
			Task: c.text("task"), Container: c.text("container"), Limit: c.number("limit"), Token: c.text("seq"), Start: c.instant("start"), End: c.instant("end"),
		})
	}
	service, err := show(c.Context())
	if err != nil {
		return nil, err
	}
	return readLogs(c, at.cluster+"/"+at.service, c.account.Logs.Service(at.cluster, service, c.text("container"), c.flag("previous")), c.flag("previous"))
}

// mixedLogs says what is wrong with a query for the logs of a service: one for a task's log cannot have what one for the whole has.
func mixedLogs(c call) (wrong []common.FieldError) {
	ofTask, ofService := []string{"seq", "start", "end"}, []string{"since", "until", "filter", "previous", "next", "follow"}
	if c.text("task") == "" {
		wrong = c.params.Refuse("goes with task; without it, use since, until and next", ofTask...)
		return append(wrong, c.params.WrongPeriod("since", "until")...)
	}
	wrong = c.params.Refuse("goes without task; for one task use …/tasks/{task}/logs", ofService...)
	if c.text("container") == "" {
		wrong = append(wrong, common.FieldError{Field: "container", Detail: "is required with task"})
	}
	return append(wrong, c.params.WrongPeriod("start", "end")...)
}

// taskLogs returns lines of a task, one of no service even, as a page or as a stream.
func taskLogs(c call, _ none) (any, error) {
	return logsOf(c, func() (*awsecs.Task, error) {
		return c.account.Adhoc.Tasks.Show(c.Context(), c.name("cluster"), c.name("task"))
	})
}

// logsOf returns lines of the task that show returns.
func logsOf(c call, show func() (*awsecs.Task, error)) (any, error) {
	if err := common.Invalid(c.params.WrongPeriod("since", "until")...); err != nil {
		return nil, err
	}
	task, err := show()
	if err != nil {
		return nil, err
	}
	return readLogs(c, *task.TaskArn, c.account.Logs.Task(task, c.text("container")), false)
}

// readLogs returns a page of lines, or a stream of them. Of says what they are of.
func readLogs(c call, of string, from logs.Source, previous bool) (any, error) {
	q := logs.Query{
		Container: c.text("container"), Since: c.instant("since"), Until: c.instant("until"), Filter: c.text("filter"), Previous: previous,
		Limit: int(c.number("limit")), Next: c.text("next"),
	}
	if !c.streams() {
		if q.Limit == 0 {
			q.Limit = usualLines
		}
		if q.Since.IsZero() {
			q.Since = time.Now().Add(-usualSince)
		}
		return c.account.Logs.Read(c.Context(), of, from, q)
	}
	if err := common.Invalid(c.params.Refuse("does not go with follow", "previous", "until", "next", "limit")...); err != nil {
		return nil, err
	}
	following, err := c.account.Logs.Follow(c.Context(), from, q, c.request.Header.Get(headerLastEvent))
	if err != nil {
		return nil, err
	}
	return &stream{run: func(ctx context.Context, out *sse.Writer) error {
		if err := out.Begin(); err != nil {
			return err
		}
		return following.Run(ctx, func(e logs.Event) error {
			return out.Send(sse.Event{ID: e.ID(), Name: "log", Data: e, Text: e.Text})
		})
	}}, nil
}

// logLines takes from the query which lines are wanted.
var logLines = takes(urlparams.Text("container"), urlparams.Number("limit", 1, 10000, 0), urlparams.Moment("since"), urlparams.Moment("until"),
	urlparams.Filter("filter"),
	urlparams.Text("next"), urlparams.Flag("follow"))

// logRoutes are the routes of logs.
func (s *Server) logRoutes(v1 *mux.Router) {
	v1.Handle("/{account}/clusters/{cluster}/services/{service}/logs", handle(s, http.StatusOK, targeted(serviceLogs), slashes("cluster", "service"),
		logLines, uncacheable(), flag("previous"), text("task"), text("seq"), instant("start"), instant("end"))).Methods(http.MethodGet)
	v1.Handle("/{account}/clusters/{cluster}/tasks/{task}/logs", handle(s, http.StatusOK, taskLogs,
		slashes("cluster", "task"), logLines, uncacheable())).Methods(http.MethodGet)
}
