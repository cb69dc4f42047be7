package telemetry

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"

	_ "ecs-api/racetest" // for what it does to a process of tests
)

func TestTheLogAsText(t *testing.T) {
	for want, e := range map[string]logrus.Entry{
		"2026-11-24T10:00:00.123Z INFO  stopped\n": {Level: logrus.InfoLevel, Message: "stopped"},
		"2026-11-24T10:00:00.123Z WARN  operation account=local error=\"\" none=<nil> steps=\"[a b]\" zone=z\n": {
			Level: logrus.WarnLevel, Message: "operation", Data: logrus.Fields{"zone": "z", "account": "local", "steps": []string{"a", "b"}, "none": nil, "error": ""}},
		`2026-11-24T10:00:00.123Z ERROR GET /v1/ecs/ping 500 0.12ms error="a\nlevel=forged \"quoted\" \u2028 \xff" shared=true` + "\n": {
			Level: logrus.ErrorLevel, Message: "request", Data: logrus.Fields{
				"method": "GET", "path": "/v1/ecs/ping", "status": 500, "durationMs": 0.12, "shared": true, "error": errors.New("a\nlevel=forged \"quoted\" \u2028 \xff")}},
		`2026-11-24T10:00:00.123Z DEBUG GET "/a=b" 404 3ms` + "\n": {
			Level: logrus.DebugLevel, Message: "request", Data: logrus.Fields{"method": "GET", "path": "/a=b", "status": 404, "durationMs": 3}},
	} {
		var got bytes.Buffer
		log := logrus.New()
		log.SetOutput(&got)
		log.SetLevel(logrus.DebugLevel)
		log.SetFormatter(TextLog{})
		log.WithFields(e.Data).WithTime(time.Date(2026, 11, 24, 10, 0, 0, 123456789, time.UTC)).Log(e.Level, e.Message)
		if diff := cmp.Diff(want, got.String()); diff != "" {
			t.Errorf("%s (-want +got)\n%s", e.Message, diff)
		}
	}
}
