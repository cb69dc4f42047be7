package api

import (
	"net/http"

	"github.com/gorilla/mux"

	"ecs-api/orchestration/loadbalancers"
)

func listTargetGroups(c call, _ none) (map[string]string, error) {
	return loadbalancers.TargetGroups(c.Context(), c.account.AWS, c.text("space"))
}

func showLoadBalancers(c call, _ none) ([]loadbalancers.LoadBalancer, error) {
	return loadbalancers.Describe(c.Context(), c.account.AWS, c.name("space"))
}

// loadBalancerRoutes are the routes of load balancers, which are shown by their space.
func (s *Server) loadBalancerRoutes(v1 *mux.Router) {
	const balancers = "/{account}/lbs"
	v1.Handle(balancers, handle(s, http.StatusOK, listTargetGroups, text("space"))).Methods(http.MethodGet)
	v1.Handle(balancers+"/{space}", handle(s, http.StatusOK, showLoadBalancers)).Methods(http.MethodGet)
}
