package api

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"ecs-api/api/openapi"
	"ecs-api/localaws"
)

// linked is an operation as the documentation page must show it when it is opened at it.
type linked struct {
	path     string
	id, link string // the operation and its address on the page
	names    []string
	request  string // the method and URL that Execute must send, with the document's examples
}

// linkedOperations returns an operation of each of the document's paths that have names in them: those of one path share their parameters.
func linkedOperations(t *testing.T, server string) []linked {
	t.Helper()
	var all []linked
	for path, item := range loadOpenAPI(t).Paths.Map() {
		for method, op := range item.Operations() {
			l := linked{path: path, id: op.Tags[0] + "-" + op.OperationID, link: server + base + "/docs#/" + url.PathEscape(op.Tags[0]) + "/" + op.OperationID}
			l.id = strings.ReplaceAll(l.id, " ", "_")
			target := path
			for _, ref := range slices.Concat(item.Parameters, op.Parameters) {
				if p := ref.Value; p.In == openapi3.ParameterInPath {
					l.names = append(l.names, p.Name)
					target = strings.ReplaceAll(target, "{"+p.Name+"}", url.QueryEscape(fmt.Sprint(p.Example)))
				}
			}
			if l.request = method + " " + server + base + target; len(l.names) > 0 {
				all = append(all, l)
			}
		}
	}
	slices.SortFunc(all, func(a, b linked) int { return strings.Compare(a.path+a.id, b.path+b.id) })
	all = slices.CompactFunc(all, func(a, b linked) bool { return a.path == b.path })
	slices.SortFunc(all, func(a, b linked) int { return strings.Compare(a.id, b.id) })
	if len(all) < 20 {
		t.Fatalf("the document has %d paths with names in them", len(all))
	}
	return all
}

// shownNames evaluates to the path parameters that an operation shows.
func shownNames(block string) string {
	return fmt.Sprintf(`[...document.querySelectorAll('%s tr[data-param-in="path"]')].map(row => row.dataset.paramName)`, block)
}

func TestTheDocumentationPageOpenedAtAnOperation(t *testing.T) {
	program := findBrowser(t)
	h := newHarness(t, localaws.New())
	server := httptest.NewServer(h.Handler())
	t.Cleanup(server.Close)
	w := &watcher{host: strings.TrimPrefix(server.URL, "http://")}
	ctx := openBrowser(t, program, w, 10*browserTime) // it loads the page once for each operation
	for _, l := range linkedOperations(t, server.URL) {
		block := "#operations-" + l.id + " "
		var names []string
		err := chromedp.Do(ctx,
			chromedp.Navigate("about:blank"), // else only the fragment changes, and the page is not loaded anew
			chromedp.Navigate(l.link),
			chromedp.WaitVisible(chromedp.CSS(block+".execute")),
			read(&names, chromedp.Evaluate[[]string](shownNames(block))),
		)
		if err != nil {
			t.Fatalf("%s: %v", l.link, err)
		}
		if diff := cmp.Diff(l.names, names); diff != "" {
			t.Errorf("%s shows other path parameters (-document +page)\n%s", l.link, diff)
			continue
		}
		w.takeSent()
		err = chromedp.Do(ctx,
			chromedp.Click(chromedp.CSS(block+".execute")),
			chromedp.WaitVisible(chromedp.CSS(block+".live-responses-table tbody .response-col_status")),
		)
		if err != nil {
			t.Fatalf("%s: %v", l.link, err)
		}
		if sent := w.takeSent(); !slices.ContainsFunc(sent, func(s string) bool { s, _, _ = strings.Cut(s, "?"); return s == l.request }) {
			t.Errorf("%s sent %q, want %s", l.link, sent, l.request)
		}
	}
}

func TestTheDocumentationPageReloadedAtAnOperation(t *testing.T) {
	program := findBrowser(t)
	for _, tt := range []struct {
		name          string
		width, height int64
		scheme        string
	}{
		{"wide-light", 1400, 1000, "light"}, {"wide-dark", 1400, 1000, "dark"}, {"phone-light", 390, 844, "light"}, {"phone-dark", 390, 844, "dark"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t, localaws.New())
			if resp, body := h.do(t, http.MethodPost, base+"/local/services", openapi.CreateExample); resp.StatusCode != http.StatusOK {
				t.Fatal(body)
			}
			server := httptest.NewServer(h.Handler())
			t.Cleanup(server.Close)
			w := &watcher{host: strings.TrimPrefix(server.URL, "http://")}
			ctx := openBrowser(t, program, w, browserTime)
			const block = "#operations-Orchestration-updateService "
			const status = chromedp.CSS(block + ".live-responses-table tbody .response-col_status")
			var opened, reloaded []string
			var got string
			var width int64
			err := chromedp.Do(ctx,
				chromedp.EmulateViewport(tt.width, tt.height),
				schemeIs(tt.scheme),
				chromedp.Navigate(server.URL+base+"/docs#/Orchestration/updateService"),
				chromedp.WaitVisible(chromedp.CSS(block+".execute")),
				read(&opened, chromedp.Evaluate[[]string](shownNames(block))),
				chromedp.Reload(),
				chromedp.WaitVisible(chromedp.CSS(block+".execute")),
				read(&reloaded, chromedp.Evaluate[[]string](shownNames(block))),
				screenshot(tt.name+"-5-reloaded", chromedp.CaptureScreenshot()),

				chromedp.Click(chromedp.CSS(".auth-wrapper .authorize")),
				chromedp.SendKeys(chromedp.CSS(".auth-container input"), testToken),
				chromedp.Click(chromedp.CSS(".auth-btn-wrapper .authorize")),
				chromedp.Click(chromedp.CSS(".auth-btn-wrapper .btn-done")),
				chromedp.Click(chromedp.CSS(block+".execute")),
				chromedp.WaitVisible(status),
				read(&got, chromedp.Text(status)),
				read(&width, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`)),
				screenshot(tt.name+"-6-updated", chromedp.FullScreenshot(100)),
			)
			if err != nil {
				t.Fatal(err)
			}
			want := []string{"account", "cluster", "service"}
			if diff := cmp.Diff([][]string{want, want}, [][]string{opened, reloaded}); diff != "" {
				t.Errorf("path parameters when opened and when reloaded (-want +page)\n%s", diff)
			}
			if !strings.HasPrefix(got, "200") {
				t.Errorf("update service: %q, want 200", got)
			}
			if width > tt.width {
				t.Errorf("the page is %d pixels wide on a screen of %d", width, tt.width)
			}
			w.report(t)
		})
	}
}
