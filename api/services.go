package api

import (
	"net/http"
	"net/url"
	"time"

	awslogs "github.com/aws/aws-sdk-go/service/cloudwatchlogs"
	awsecs "github.com/aws/aws-sdk-go/service/ecs"
	"github.com/gorilla/mux"

	"ecs-api/common"
	"ecs-api/orchestration"
)

// orchestrationTime is longer than any orchestration takes: they have deadlines of their own, and take back what they made when those
// have passed.
const orchestrationTime = 12 * time.Minute

// createService builds a service and all it needs.
func createService(c call, in orchestration.CreateInput) (*orchestration.CreateOutput, error) {
	return c.account.orchestrator.Create(c.Context(), &in)
}

// listServices answers ARNs, or with all the services.
func listServices(c call, _ none) (any, error) {
	if c.flag("all") {
		services, err := c.account.orchestrator.ListAll(c.Context(), c.name("cluster"))
		return orEmpty(services), err
	}
	arns, err := c.account.orchestrator.List(c.Context(), c.name("cluster"))
	return orEmpty(arns), err
}

// showService answers the service, or with all also what belongs to it.
func showService(c call, _ none) (any, error) {
	if c.flag("all") {
		return c.account.orchestrator.ShowAll(c.Context(), c.name("cluster"), c.name("service"))
	}
	return c.account.orchestrator.Show(c.Context(), c.name("cluster"), c.name("service"))
}

// updateService changes a service.
func updateService(c call, in orchestration.UpdateInput) (*orchestration.UpdateOutput, error) {
	return c.account.orchestrator.Update(c.Context(), c.name("cluster"), c.name("service"), &in)
}

// updateNamedService changes the service that the body names.
func updateNamedService(c call, in orchestration.UpdateInput) (*orchestration.UpdateOutput, error) {
	name := in.Name()
	if name == "" {
		return nil, common.Invalid(common.FieldError{Field: "ServiceName", Detail: "is required: name the service in the path, as ServiceName or as Service.Service"})
	}
	if err := checkName(name); err != nil {
		return nil, common.Invalid(common.FieldError{Field: "ServiceName", Detail: err.Error()})
	}
	return c.account.orchestrator.Update(c.Context(), c.name("cluster"), name, &in)
}

// deleteService deletes a service; recursive takes down what belongs to it as well, and says where that can be followed.
func deleteService(c call, _ none) (*orchestration.DeleteOutput, error) {
	out, op, err := c.account.orchestrator.Delete(c.Context(), c.name("cluster"), c.name("service"), c.flag("recursive"))
	if err == nil && op != nil {
		c.header.Set("Operation-Location", base+"/"+url.PathEscape(c.name("account"))+"/operations/"+op.ID)
	}
	return out, err
}

func listServiceEvents(c call, _ none) ([]*awsecs.ServiceEvent, error) {
	return c.account.orchestrator.Events(c.Context(), c.name("cluster"), c.name("service"))
}

func showServiceLogs(c call, _ none) (*awslogs.GetLogEventsOutput, error) {
	var wrong []common.FieldError
	for _, name := range []string{"task", "container"} {
		if c.text(name) == "" {
			wrong = append(wrong, common.FieldError{Field: name, Detail: "is required"})
		}
	}
	start, end := c.instant("start"), c.instant("end")
	if !start.IsZero() && !end.IsZero() && end.Before(start) {
		wrong = append(wrong, common.FieldError{Field: "end", Detail: "is before start"})
	}
	if err := common.Invalid(wrong...); err != nil {
		return nil, err
	}
	return c.account.orchestrator.Logs(c.Context(), c.name("cluster"), c.name("service"), orchestration.LogQuery{
		Task: c.text("task"), Container: c.text("container"), Limit: c.number("limit"), Token: c.text("seq"), Start: start, End: end,
	})
}

func listOperations(c call, _ none) ([]orchestration.Operation, error) {
	return c.server.background.Operations(c.account.name), nil
}

func showOperation(c call, _ none) (orchestration.Operation, error) {
	return c.server.background.Operation(c.account.name, c.name("operation"))
}

// orEmpty returns the list, or an empty one for nil, which JSON would write as null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// serviceRoutes are the routes of the orchestration.
func (s *Server) serviceRoutes(v1 *mux.Router) {
	const services = "/{account}/clusters/{cluster}/services"
	const service = services + "/{service}"
	v1.Handle("/{account}/services", handle(s, http.StatusOK, createService, within(orchestrationTime))).Methods(http.MethodPost)
	v1.Handle(services, handle(s, http.StatusOK, listServices, flag("all"))).Methods(http.MethodGet)
	v1.Handle(services, handle(s, http.StatusOK, updateNamedService, within(orchestrationTime))).Methods(http.MethodPut)
	v1.Handle(service, handle(s, http.StatusOK, showService, flag("all"))).Methods(http.MethodGet)
	v1.Handle(service, handle(s, http.StatusOK, updateService, within(orchestrationTime))).Methods(http.MethodPut)
	v1.Handle(service, handle(s, http.StatusOK, deleteService, flag("recursive"), within(orchestrationTime))).Methods(http.MethodDelete)
	v1.Handle(service+"/events", handle(s, http.StatusOK, listServiceEvents)).Methods(http.MethodGet)
	v1.Handle(service+"/logs", handle(s, http.StatusOK, showServiceLogs,
		text("task"), text("container"), number("limit", 1, 10000, 0), text("seq"), instant("start"), instant("end"))).Methods(http.MethodGet)
	v1.Handle("/{account}/operations", handle(s, http.StatusOK, listOperations)).Methods(http.MethodGet)
	v1.Handle("/{account}/operations/{operation}", handle(s, http.StatusOK, showOperation)).Methods(http.MethodGet)
}
