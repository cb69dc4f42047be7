package api

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/mux"

	"ecs-api/localaws"
)

// readmeRoute is a line of README.md that names a route: its methods and its path, which ends where a query or something optional begins.
var readmeRoute = regexp.MustCompile(`(?m)^    ([A-Z, ]+) +(/v1/ecs/[^\s\[?]*)`)

func TestTheReadmeNamesEveryRoute(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var named, served []string
	for _, line := range readmeRoute.FindAllStringSubmatch(string(readme), -1) {
		for method := range strings.SplitSeq(line[1], ",") {
			named = append(named, strings.TrimSpace(method)+" "+line[2])
		}
	}
	err = newHarness(t, localaws.New()).router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, _ := route.GetPathTemplate()
		methods, _ := route.GetMethods() // none for a subrouter
		for _, method := range methods {
			if !strings.HasPrefix(path, base+"/docs/") { // a file of the page that /docs is
				served = append(served, method+" "+path)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(named)
	slices.Sort(served)
	if diff := cmp.Diff(served, named); diff != "" {
		t.Errorf("routes (-served +in the README):\n%s", diff)
	}
}
