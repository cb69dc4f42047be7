// Package k8s has no code: this tests the config that the manifests mount. What tests the manifests is a module of its own, deploy/test.
package k8s

import (
	"testing"
	"time"

	"ecs-api/config"
	_ "ecs-api/racetest" // for what it does to a process of tests
)

func TestTheExampleIsAConfig(t *testing.T) {
	c, err := config.Load("config.example.json", func(name string) string {
		if name == "ECS_API_TOKEN" {
			return "a-token-for-tests-only"
		}
		return ""
	})
	if err != nil {
		t.Fatal(err)
	}
	// What deployment.yaml says of the port and of the time to stop.
	if c.ListenAddress != ":8080" || time.Duration(c.ShutdownGrace) != 2*time.Minute {
		t.Errorf("listens on %s, stops within %s", c.ListenAddress, c.ShutdownGrace)
	}
	if _, err := config.Load("config.example.json", func(string) string { return "" }); err == nil {
		t.Error("an example that nobody edited would be deployed")
	}
}
