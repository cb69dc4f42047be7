package test

import (
	"go/ast"
	goparser "go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// scraped are the labels that Prometheus adds to every series.
var scraped = []string{"job", "instance"}

// exported returns the labels of every series that the server exports, by its name: those that package telemetry states, and those of the Go
// process.
func exported(t *testing.T) map[string][]string {
	t.Helper()
	series := map[string][]string{"up": nil} // of Prometheus' own
	files, err := filepath.Glob("../../api/telemetry/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		source, err := goparser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(source, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				addSeries(t, series, call)
			}
			return true
		})
	}
	if len(series) < 7 {
		t.Fatalf("only %d metrics were found in package telemetry", len(series))
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		series[f.GetName()] = nil
	}
	return series
}

// addSeries adds what a call of prometheus.NewXxx or NewXxxVec makes.
func addSeries(t *testing.T, series map[string][]string, call *ast.CallExpr) {
	t.Helper()
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) == 0 {
		return
	}
	kind, ok := strings.CutPrefix(selector.Sel.Name, "New")
	options, isLiteral := call.Args[0].(*ast.CompositeLit)
	if x, isName := selector.X.(*ast.Ident); !ok || !isLiteral || !isName || x.Name != "prometheus" {
		return
	}
	name := ""
	for _, field := range options.Elts {
		if kv := field.(*ast.KeyValueExpr); kv.Key.(*ast.Ident).Name == "Name" {
			name = text(t, kv.Value)
		}
	}
	var names []string
	if len(call.Args) > 1 {
		if labels, ok := call.Args[1].(*ast.CompositeLit); ok { // else it is the function that a gauge reads
			for _, label := range labels.Elts {
				names = append(names, text(t, label))
			}
		}
	}
	if strings.HasPrefix(kind, "Histogram") {
		series[name+"_bucket"] = append(slices.Clone(names), "le")
		series[name+"_count"], series[name+"_sum"] = names, names
		return
	}
	series[name] = names
}

func text(t *testing.T, literal ast.Expr) string {
	t.Helper()
	s, err := strconv.Unquote(literal.(*ast.BasicLit).Value)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// checkQuery fails the test if a query does not parse, or asks for a series or a label that nobody exports. It returns the series' names.
func checkQuery(t *testing.T, series map[string][]string, query string) []string {
	t.Helper()
	// What Grafana fills in.
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(strings.NewReplacer("$__rate_interval", "5m").Replace(query))
	if err != nil {
		t.Errorf("%s: %v", query, err)
		return nil
	}
	used, known := map[string]bool{}, map[string]bool{}
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		selector, ok := n.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		names, exists := series[selector.Name]
		if !exists {
			t.Errorf("%s: nobody exports %s", query, selector.Name)
		}
		used[selector.Name] = true
		names = append(slices.Clone(names), scraped...)
		for _, name := range names {
			known[name] = true
		}
		for _, m := range selector.LabelMatchers {
			if m.Name != labels.MetricName && !slices.Contains(names, m.Name) {
				t.Errorf("%s: %s has no label %s", query, selector.Name, m.Name)
			}
		}
		return nil
	})
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if aggregate, ok := n.(*parser.AggregateExpr); ok {
			for _, name := range aggregate.Grouping {
				if !known[name] {
					t.Errorf("%s: nothing in it has the label %s", query, name)
				}
			}
		}
		return nil
	})
	return slices.Sorted(maps.Keys(used))
}
