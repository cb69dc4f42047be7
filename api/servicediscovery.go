package api

import (
	"net/http"

	awscloud "github.com/aws/aws-sdk-go/service/servicediscovery"
	"github.com/gorilla/mux"

	"ecs-api/api/respond"
	"ecs-api/common"
)

// cloudMapServices is the response of the list of Cloud Map services: all pages as one.
type cloudMapServices struct {
	Services []*awscloud.ServiceSummary
}

func listCloudMapServices(c call, _ none) (cloudMapServices, error) {
	services, err := c.account.Adhoc.CloudMap.List(c.Context())
	return cloudMapServices{respond.OrEmpty(services)}, err
}

func createCloudMapService(c call, in awscloud.CreateServiceInput) (*awscloud.CreateServiceOutput, error) {
	service, err := c.account.Adhoc.CloudMap.Create(c.Context(), &in)
	return &awscloud.CreateServiceOutput{Service: service}, err
}

func showCloudMapService(c call, _ none) (*awscloud.GetServiceOutput, error) {
	service, err := c.account.Adhoc.CloudMap.Show(c.Context(), c.name("id"))
	return &awscloud.GetServiceOutput{Service: service}, err
}

func deleteCloudMapService(c call, _ none) (*awscloud.DeleteServiceOutput, error) {
	return &awscloud.DeleteServiceOutput{}, c.account.Adhoc.CloudMap.Delete(c.Context(), c.name("id"))
}

// cloudMapRoutes are the routes of service discovery: Cloud Map services, each by its id or its ARN.
func (s *Server) cloudMapRoutes(v1 *mux.Router) {
	const services = "/{account}/servicediscovery/services"
	const service = services + "/{id}"
	v1.Handle(services, handle(s, http.StatusOK, listCloudMapServices)).Methods(http.MethodGet)
	v1.Handle(services, handle(s, http.StatusOK, createCloudMapService,
		checked(func(c call, in *awscloud.CreateServiceInput) []common.FieldError {
			return c.account.Adhoc.CloudMap.Check(in)
		}))).Methods(http.MethodPost)
	v1.Handle(service, handle(s, http.StatusOK, showCloudMapService, slashes("id"))).Methods(http.MethodGet)
	v1.Handle(service, handle(s, http.StatusOK, deleteCloudMapService, slashes("id"))).Methods(http.MethodDelete)
}
