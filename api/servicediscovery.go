package api

import (
	"net/http"

	awscloud "github.com/aws/aws-sdk-go/service/servicediscovery"
	"github.com/gorilla/mux"
)

// registryList is what the list of service discovery services answers: all pages as one.
type registryList struct {
	Services []*awscloud.ServiceSummary
}

func listRegistries(c call, _ none) (registryList, error) {
	services, err := c.account.orchestrator.Registries(c.Context())
	return registryList{orEmpty(services)}, err
}

func createRegistry(c call, in awscloud.CreateServiceInput) (*awscloud.CreateServiceOutput, error) {
	service, err := c.account.orchestrator.CreateRegistry(c.Context(), &in)
	return &awscloud.CreateServiceOutput{Service: service}, err
}

func showRegistry(c call, _ none) (*awscloud.GetServiceOutput, error) {
	service, err := c.account.orchestrator.Registry(c.Context(), c.name("id"))
	return &awscloud.GetServiceOutput{Service: service}, err
}

func deleteRegistry(c call, _ none) (*awscloud.DeleteServiceOutput, error) {
	return &awscloud.DeleteServiceOutput{}, c.account.orchestrator.DeleteRegistry(c.Context(), c.name("id"))
}

// registryRoutes are the routes of service discovery, each service by its id or its ARN.
func (s *Server) registryRoutes(v1 *mux.Router) {
	const services = "/{account}/servicediscovery/services"
	const service = services + "/{id}"
	v1.Handle(services, handle(s, http.StatusOK, listRegistries)).Methods(http.MethodGet)
	v1.Handle(services, handle(s, http.StatusOK, createRegistry)).Methods(http.MethodPost)
	v1.Handle(service, handle(s, http.StatusOK, showRegistry, slashes("id"))).Methods(http.MethodGet)
	v1.Handle(service, handle(s, http.StatusOK, deleteRegistry, slashes("id"))).Methods(http.MethodDelete)
}
