package openapi

import (
	"testing"

	_ "ecs-api/racetest" // for what it does to a process of tests
)

func TestWhoAcceptsGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "gzip": true, "br, gzip;q=0.5, *": true, "GZIP": true, "gzip;q=0": false, "gzip; q=0.0": false, "gzip; q=1": true, "deflate, br": false, "x-gzipped": false,
	} {
		if got := acceptsGzip([]string{header}); got != want {
			t.Errorf("Accept-Encoding: %s: %v", header, got)
		}
	}
}
