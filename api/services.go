package api

import (
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"ecs-api/api/negotiation"
	"ecs-api/api/progress"
	"ecs-api/api/responsecache"
	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration"
	awsaccount "ecs-api/orchestration/account"
	"ecs-api/orchestration/etag"
	"ecs-api/orchestration/oneoff"
	"ecs-api/orchestration/teardown"
)

// orchestrationTime is longer than any orchestration takes: they have deadlines of their own, and roll back what they created when those
// have passed.
const orchestrationTime = 12 * time.Minute

// checkCreate returns what is wrong with the values of a create whose body is wrong in form.
func checkCreate(c call, in *orchestration.CreateInput) []common.FieldError {
	return common.Fields(c.account.Orchestrator.CheckCreate(in))
}

// checks has change find what is wrong with the values of a body that is wrong in form. It makes a request of the body, and asks AWS nothing.
func checks[In any](change func(call, target, *In) (*orchestration.Write, error)) setting {
	return checked(func(c call, in *In) []common.FieldError {
		_, err := change(c, target{awsaccount.NameOf(c.name("cluster")), awsaccount.NameOf(c.named("service"))}, in)
		return common.Fields(err)
	})
}

// target is the cluster, and the service if there is one, that a path names.
type target struct{ cluster, service string }

// targeted lets the path's cluster and service be names or ARNs, as lists return them, and gives f the names.
func targeted[In, Out any](f func(call, target, In) (Out, error)) func(call, In) (Out, error) {
	return func(c call, in In) (out Out, err error) {
		var at target
		if service := c.named("service"); service != "" {
			at.cluster, at.service, err = c.account.AWS.ServiceNamed(c.Context(), c.name("cluster"), service)
		} else {
			at.cluster, err = c.account.AWS.ClusterNamed(c.Context(), c.name("cluster"))
		}
		if err != nil {
			return out, err
		}
		return f(c, at, in)
	}
}

// listServices returns ARNs, or with all the services.
func listServices(c call, at target, _ none) (any, error) {
	if c.flag("all") {
		return c.account.Services.ListAll(c.Context(), at.cluster)
	}
	return c.account.Services.List(c.Context(), at.cluster)
}

// showService returns the service, or with all also what belongs to it.
func showService(c call, at target, _ none) (any, error) {
	if c.flag("all") {
		view, err := c.account.Services.ShowAll(c.Context(), at.cluster, at.service, responsecache.Demanded(c.request.Header))
		if err != nil {
			return nil, err
		}
		c.header.Set(headerETag, etag.Service(view.Service))
		return view, nil
	}
	service, err := c.account.Services.Show(c.Context(), at.cluster, at.service)
	if err != nil {
		return nil, err
	}
	c.header.Set(headerETag, etag.Service(service))
	return service, nil
}

// deletedService is the response to the delete of a service.
type deletedService struct {
	*teardown.Output
	Operation *progress.Operation // that tears down what belonged to it; nil where nothing is to
}

// deleteService deletes a service; recursive tears down what belongs to it as well, params the space's parameters too, and says where that can be
// followed. With wait it responds when that has ended, or without recursive when the tasks have stopped, or when the time is over: with the service
// as it is then.
func deleteService(c call, at target, _ none) (any, error) {
	scope := teardown.Scope{Recursive: c.flag("recursive"), Params: c.flag("params")}
	if scope.Params && !scope.Recursive {
		return nil, common.Invalid(common.FieldError{Field: "params", Detail: "goes with recursive=true: the parameters are deleted along with the cluster"})
	}
	if c.flag(flagDryRun) {
		plan, err := c.account.Orchestrator.PlanDelete(c.Context(), at.cluster, at.service, scope, c.match)
		return c.preview(plan, err)
	}
	out, op, err := c.account.Orchestrator.Delete(c.Context(), at.cluster, at.service, scope, c.match)
	switch {
	case err != nil:
		return nil, err
	case op == nil:
		if wait := c.waitWritten(); wait > 0 {
			out.Service = c.account.Observer.AfterDelete(c.Context(), at.cluster, out.Service, wait)
		}
		return &deletedService{Output: out}, nil
	case negotiation.WantsProgress(c.request):
		return op, nil
	}
	c.locate(*op)
	if ended, err := c.server.fleet.Background.Await(c.Context(), c.account.Name, op.ID, c.waitWritten()); err == nil { // else it continues all the same
		op = &ended
	}
	if op.Err != nil {
		return nil, op.Err
	}
	op.Result = nil // which is this response again
	if c.wait() > 0 {
		out.Service = c.account.Observer.Deleted(c.Context(), at.cluster, out.Service)
	}
	return &deletedService{out, progress.Of(c.request, *op)}, nil
}

func listServiceEvents(c call, at target, _ none) ([]*awsecs.ServiceEvent, error) {
	return c.account.Services.Events(c.Context(), at.cluster, at.service)
}

// serviceWrite returns the endpoint of a write of a service. change builds the write from the body; it also finds the wrong values of a body that is wrong in
// form. Where its caller does not wait, it is an operation of the kind.
func serviceWrite[In any](
	s *Server, kind string, change func(call, target, *In) (*orchestration.Write, error), settings ...setting,
) http.Handler {
	return handle(s, http.StatusOK, changes(change), append(settings,
		checks(change), asynchronous(kind), number("wait", 1, longestWait, 0), flag(flagDryRun), takesIfMatch, within(orchestrationTime))...)
}

// serviceRoutes are the routes of the orchestration.
func (s *Server) serviceRoutes(v1 *mux.Router) {
	const services = "/{account}/clusters/{cluster}/services"
	const service = services + "/{service}"
	slashed, waits, dry := slashes("cluster", "service"), number("wait", 1, longestWait, 0), flag(flagDryRun)
	v1.Handle("/{account}/services", handle(s, http.StatusOK, createService,
		asynchronous("create service"), waits, dry, checked(checkCreate), within(orchestrationTime))).Methods(http.MethodPost)
	v1.Handle(services, handle(s, http.StatusOK, targeted(listServices), slashes("cluster"), flag("all"))).Methods(http.MethodGet)
	v1.Handle(services, serviceWrite(s, "update service", updateNamedService, slashes("cluster"))).Methods(http.MethodPut)
	v1.Handle(service, handle(s, http.StatusOK, targeted(showService), slashed, flag("all"))).Methods(http.MethodGet)
	v1.Handle(service, serviceWrite(s, "update service", updateService, slashed)).Methods(http.MethodPut)
	v1.Handle(service, serviceWrite(s, "patch service", patchService, slashed)).Methods(http.MethodPatch)
	v1.Handle(service, handle(s, http.StatusOK, targeted(deleteService),
		asynchronous("delete service alone"), slashed, flag("recursive"), flag("params"), waits, dry, takesIfMatch, within(orchestrationTime))).Methods(http.MethodDelete)
	v1.Handle(service+"/rollback", serviceWrite(s, "roll back service", rollBackService, slashed, optionalBody())).Methods(http.MethodPost)
	v1.Handle(service+"/restart", handle(s, http.StatusOK, changes(restartService),
		asynchronous("restart service"), slashed, waits, dry, takesIfMatch, within(orchestrationTime))).Methods(http.MethodPost)
	v1.Handle(service+"/power", serviceWrite(s, "start or stop service", powerService, slashed)).Methods(http.MethodPut)
	v1.Handle(service+"/run", handle(s, http.StatusOK, targeted(runTask), asynchronous("start task"), slashed, waits,
		checked(func(_ call, in *oneoff.Input) []common.FieldError { return in.Check() }), within(orchestrationTime))).Methods(http.MethodPost)
	v1.Handle(service+"/events", handle(s, http.StatusOK, targeted(listServiceEvents), slashes("cluster", "service"))).Methods(http.MethodGet)
}
