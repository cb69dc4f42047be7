package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"

	"ecs-api/api/openapi"
	"ecs-api/api/otlptest"
	"ecs-api/api/respond"
	"ecs-api/common"
	"ecs-api/docs/docstest"
	"ecs-api/localaws"
	"ecs-api/orchestration/teardown"
)

// The guides that say how the server behaves.
const (
	callersGuide    = "../docs/callers.md"
	operationsGuide = "../docs/operations.md"
)

// routeLine is a line of the callers' guide that names a route: its methods and its path, which ends where a query or something optional begins.
var routeLine = regexp.MustCompile(`(?m)^    ([A-Z, ]+) +(/v1/ecs/[^\s\[?]*)`)

func TestTheCallersGuideNamesEveryRoute(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile(callersGuide)
	if err != nil {
		t.Fatal(err)
	}
	var named, served []string
	for _, line := range routeLine.FindAllStringSubmatch(string(guide), -1) {
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
		t.Errorf("routes (-served +in the guide):\n%s", diff)
	}
}

func TestTheCallersGuideNamesEveryStatusOfAnError(t *testing.T) {
	t.Parallel()
	wanted := map[int]bool{http.StatusMethodNotAllowed: true} // the router's
	for _, kind := range common.Kinds() {
		wanted[respond.Status(kind)] = true
	}
	documented := map[int]bool{}
	for _, row := range docstest.Table(t, callersGuide, "Statuses") {
		status, err := strconv.Atoi(row[0])
		if err != nil {
			t.Errorf("%q is no status", row[0])
		}
		documented[status] = true
	}
	if diff := cmp.Diff(wanted, documented); diff != "" {
		t.Errorf("statuses (-there are +in the guide):\n%s", diff)
	}
}

// exercised returns a harness that has done something for every metric and every field of its log.
func exercised(t *testing.T) *harness {
	t.Helper()
	h := newTracedHarness(t, localaws.New(), otlptest.NewCollector(t))
	h.do(t, http.MethodPost, base+"/local/services", openapi.CreateExample)
	h.metrics.ObserveOutcome("local")("succeeded")    // only a deployment that takes longer than a poll is counted
	h.metrics.WatchState(func() bool { return true }) // only a server with a state has it
	h.metrics.WatchQueue([]string{"local"}, func(string) (map[string]int, error) { return map[string]int{"waiting": 1}, nil })("local", teardown.KindDelete)
	h.do(t, http.MethodDelete, base+"/local/clusters/myclu/services/www?recursive=true", "")
	h.fleet.Background.Shutdown(t.Context())
	h.do(t, http.MethodGet, base+"/local/clusters/none", "")
	return h
}

// metricRow is what the operations guide says of a metric, and what the program registers.
type metricRow struct{ Type, Labels string }

func TestTheOperationsGuideExplainsEveryMetric(t *testing.T) {
	t.Parallel() // it waits more than it works
	h := exercised(t)
	h.do(t, http.MethodGet, base+"/metrics", "") // its handler registers a metric of its own
	families, err := h.metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	runtime := regexp.MustCompile(`^(go|process)_`) // the client library's, which documents them
	registered := map[string]metricRow{}
	for _, family := range families {
		if runtime.MatchString(family.GetName()) {
			continue
		}
		var labels []string
		for _, label := range family.GetMetric()[0].GetLabel() {
			labels = append(labels, "`"+label.GetName()+"`")
		}
		registered[family.GetName()] = metricRow{strings.ToLower(family.GetType().String()), strings.Join(labels, ", ")}
	}
	descriptions := make(chan *prometheus.Desc)
	go func() {
		h.metrics.Registry.Describe(descriptions)
		close(descriptions)
	}()
	for d := range descriptions {
		name := regexp.MustCompile(`fqName: "([^"]+)"`).FindStringSubmatch(d.String())[1]
		if _, ok := registered[name]; !ok && !runtime.MatchString(name) {
			t.Errorf("this test does nothing that %s counts: it cannot tell its labels", name)
		}
	}
	documented := map[string]metricRow{}
	for _, row := range docstest.Table(t, operationsGuide, "Metrics") {
		labels := docstest.Code(row[2])
		slices.Sort(labels)
		for i, label := range labels {
			labels[i] = "`" + label + "`"
		}
		for _, name := range docstest.Code(row[0]) {
			if !runtime.MatchString(name) {
				documented[name] = metricRow{row[1], strings.Join(labels, ", ")}
			}
		}
		if row[3] == "" || row[4] == "" {
			t.Errorf("%s has no unit or no meaning", row[0])
		}
	}
	if diff := cmp.Diff(registered, documented); diff != "" {
		t.Errorf("metrics (-registered +in the guide):\n%s", diff)
	}
}

func TestTheOperationsGuideExplainsEveryFieldOfTheLog(t *testing.T) {
	t.Parallel() // it waits more than it works
	h := exercised(t)
	logged := map[string]map[string]bool{"Requests": {}, "Background work": {}}
	for line := range strings.Lines(h.log.String() + sharingLog(t)) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		section := map[string]string{"request": "Requests", "operation": "Background work"}[fmt.Sprint(fields["msg"])]
		if section == "" {
			t.Fatalf("a line of a kind that this test does not know: %s", line)
		}
		for name := range fields {
			logged[section][name] = true
		}
	}
	logged["Background work"]["error"] = true // of one that failed
	for section, fields := range logged {
		documented := map[string]bool{}
		for _, row := range docstest.Table(t, operationsGuide, section) {
			for _, name := range docstest.Code(row[0]) {
				documented[name] = true
			}
		}
		if diff := cmp.Diff(fields, documented); diff != "" {
			t.Errorf("%s (-logged +in the guide):\n%s", section, diff)
		}
	}
}

// sharingLog is what a server logs of two identical reads at the same moment, of which one shares the other's response, and of one whose response is
// kept.
func sharingLog(t *testing.T) (log string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h, g := newInProcessHarness(t, localaws.New(), Options{}), newGate()
		g.routes(h)
		first, second := h.read(t.Context(), gatePath), h.read(t.Context(), gatePath)
		synctest.Wait() // both wait for one read
		close(g.open)
		<-first
		<-second
		for range 2 {
			<-h.read(t.Context(), gatePath, "Cache-Control: max-age=5")
		}
		log = h.log.String()
	})
	return log
}

func TestTheOperationsGuideHasTheRateBucketsOfAWS(t *testing.T) {
	t.Parallel()
	documented := map[string]common.Limit{}
	for _, row := range docstest.Table(t, operationsGuide, "Rate buckets") {
		burst, err := strconv.Atoi(row[2])
		if err != nil {
			t.Error(err)
		}
		perSecond, err := strconv.ParseFloat(row[3], 64)
		if err != nil {
			t.Error(err)
		}
		service, _, _ := strings.Cut(docstest.Code(row[0])[0], "-")
		for operation := range strings.SplitSeq(row[1], ", ") {
			bucket, limit := common.LimitOf(service, operation)
			if want := (common.Limit{Burst: burst, PerSecond: perSecond}); "`"+bucket+"`" != row[0] || limit != want {
				t.Errorf("%s belongs to %s with %v; the guide says %s, %v", operation, bucket, limit, row[0], want)
			}
			documented[bucket] = limit
		}
	}
	for _, bucket := range common.Buckets() {
		if _, ok := documented[bucket]; !ok {
			t.Errorf("bucket %s is not documented", bucket)
		}
	}
}
