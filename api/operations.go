package api

import (
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"ecs-api/api/progress"
	"ecs-api/orchestration/saga"
)

// listOperations returns the account's operations, the latest first.
func listOperations(c call, _ none) (progress.List, error) {
	list := progress.List{}
	state, target := c.text("state"), c.text("target")
	for _, op := range c.server.fleet.Background.Operations(c.Context(), c.account.Name) {
		if (state == "" || state == string(op.State)) && (target == "" || target == op.Target) {
			list = append(list, progress.Of(c.request, op))
		}
	}
	return list, nil
}

// showOperation returns an operation: as it is, when it has ended, or as a stream of its progress.
func showOperation(c call, _ none) (any, error) {
	group, id := c.server.fleet.Background, c.name("operation")
	if c.streams() {
		if _, err := group.Operation(c.Context(), c.account.Name, id); err != nil {
			return nil, err
		}
		return c.follow(id), nil
	}
	op, err := group.Await(c.Context(), c.account.Name, id, c.wait())
	if err != nil {
		return nil, err
	}
	return progress.Of(c.request, op), nil
}

// flywheel returns the operations of those ids that the caller may see.
func flywheel(c call, _ none) (map[string]*progress.FlywheelTask, error) {
	var allowed []string
	for name := range c.server.accounts {
		if recordOf(c.request).Grant.Allows(name) {
			allowed = append(allowed, name)
		}
	}
	tasks := map[string]*progress.FlywheelTask{}
	for id, op := range c.server.fleet.Background.FindAll(c.Context(), allowed, c.texts("task")) {
		tasks[id] = progress.NewFlywheelTask(progress.Of(c.request, op))
	}
	return tasks, nil
}

// maxTasks is how many tasks one request may ask for.
const maxTasks = 100

// operationRoutes are the routes of background work, which continues after the response.
func (s *Server) operationRoutes(v1 *mux.Router) {
	get := func(path string, h http.Handler) { v1.Handle(path, h).Methods(http.MethodGet) }
	get("/{account}/operations", handle(s, http.StatusOK, listOperations,
		choice("state", string(saga.Running), string(saga.Succeeded), string(saga.Failed), string(saga.Interrupted)), text("target"), uncacheable()))
	get("/{account}/operations/{operation}", handle(s, http.StatusOK, showOperation, number("wait", 1, longestWait, 0), unshared(),
		within((longestWait+30)*time.Second)))
	get("/flywheel", handle(s, http.StatusOK, flywheel, texts("task", maxTasks)))
}
