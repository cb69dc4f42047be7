package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"ecs-api/api/openapi"
	"ecs-api/api/otlptest"
	"ecs-api/localaws"
)

// debugLine is where the program logs the address of its profiles.
var debugLine = regexp.MustCompile(`"address":"([^"]+)".*"msg":"serving pprof"`)

// TestTheProgramSendsTracesOnlyIfConfigured holds the built program to its word: without OpenTelemetry's variables nothing of it runs, and with
// them all spans have been sent when it has ended.
func TestTheProgramSendsTracesOnlyIfConfigured(t *testing.T) {
	parallel(t)
	const sdk, list = "go.opentelemetry.io/otel/sdk", "GET /v1/ecs/{account}/clusters > ECS.ListClusters"
	for _, tt := range []struct {
		name string
		env  func(*otlptest.Collector) []string
		sent bool
	}{
		{"nothing is set", func(*otlptest.Collector) []string { return nil }, false},
		{"only what would be said of the program", func(*otlptest.Collector) []string {
			return []string{"OTEL_SERVICE_NAME=x", "OTEL_TRACES_SAMPLER=always_on"}
		}, false},
		{"disabled", func(c *otlptest.Collector) []string {
			return []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_SDK_DISABLED=true"}
		}, false},
		{"HTTP", func(c *otlptest.Collector) []string { return []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL} }, true},
		{"gRPC", func(c *otlptest.Collector) []string {
			return []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.GRPC, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			aws := httptest.NewServer(localaws.New())
			defer aws.Close()
			c := otlptest.NewCollector(t)
			s := launchIn(t, aws.URL, map[string]any{"debugAddress": "127.0.0.1:0"}, tt.env(c))
			for range 3 {
				if status, body, _ := s.ask(t, http.MethodGet, "/local/clusters", ""); status != http.StatusOK {
					t.Fatalf("got %d %s", status, body)
				}
			}
			if status, body, _ := s.ask(t, http.MethodPost, "/local/services", openapi.CreateExample); status != http.StatusOK {
				t.Fatalf("got %d %s", status, body)
			}
			address := debugLine.FindStringSubmatch(s.log.String())
			if address == nil {
				t.Fatalf("no profiles in %s", s.log)
			}
			resp := must(http.Get("http://" + address[1] + "/debug/pprof/goroutine?debug=2"))(t)
			goroutines := string(must(io.ReadAll(resp.Body))(t))
			_ = resp.Body.Close()
			if runs := strings.Contains(goroutines, sdk); runs != tt.sent || !strings.Contains(goroutines, "net/http") {
				t.Errorf("OpenTelemetry's SDK runs: %v; %s", runs, goroutines)
			}
			if err := s.stop(t, syscall.SIGTERM); err != nil {
				t.Errorf("ended with %v", err)
			}
			if got := len(c.Spans()[list]); tt.sent && got != 3 || !tt.sent && c.Requests() > 0 {
				t.Errorf("%d spans %s, in %d requests to the collector", got, list, c.Requests())
			}
			if named := strings.Contains(s.log.String(), `"traceId":"`); named != tt.sent {
				t.Errorf("the log names a trace: %v\n%s", named, s.log)
			}
		})
	}
}
