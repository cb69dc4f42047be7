package openapi

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTheLinksOfGuidesLeadSomewhere follows each link of each page that the server makes of a guide.
func TestTheLinksOfGuidesLeadSomewhere(t *testing.T) {
	pages := map[string]string{}
	for name, file := range Files() {
		if path.Ext(name) == ".html" || name == "/docs" {
			resp := httptest.NewRecorder()
			file.ServeHTTP(resp, httptest.NewRequest(http.MethodGet, "/v1/ecs"+name, nil))
			pages[name] = resp.Body.String()
		}
	}
	link, id := regexp.MustCompile(`(?:href|src)="([^"]*)"`), regexp.MustCompile(` id="([^"]*)"`)
	ids := map[string][]string{}
	for name, page := range pages {
		for _, m := range id.FindAllStringSubmatch(page, -1) {
			ids[name] = append(ids[name], m[1])
		}
	}
	followed := 0
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		for _, m := range link.FindAllStringSubmatch(pages[name], -1) {
			file, fragment, _ := strings.Cut(m[1], "#")
			if strings.Contains(file, "://") {
				continue
			}
			target := name
			if file != "" {
				target = path.Join(path.Dir(name), file)
			}
			if _, served := Files()[target]; !served {
				t.Errorf("%s links %s, which is not served", name, m[1])
			}
			if fragment != "" && !slices.Contains(ids[target], fragment) {
				t.Errorf("%s links %s, and there is nothing of that name", name, m[1])
			}
			followed++
		}
	}
	if followed < 200 {
		t.Errorf("only %d links were followed", followed)
	}
}
