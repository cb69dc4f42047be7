package api

import (
	"net/http"
	"strings"
	"testing"

	"ecs-api/localaws"
)

func TestHealthChecksAndScrapesAreLoggedAtDebug(t *testing.T) {
	t.Parallel() // it waits more than it works
	h := newHarness(t, localaws.New())
	for path, level := range map[string]string{"/ping": "debug", "/metrics": "debug", "/version": "info", "/accounts": "info", "/nothing": "info"} {
		before := len(h.log.String())
		h.do(t, http.MethodGet, base+path, "")
		if logged := h.log.String()[before:]; !strings.Contains(logged, `"level":"`+level+`"`) {
			t.Errorf("%s: logged %s, want level %s", path, logged, level)
		}
	}
}
