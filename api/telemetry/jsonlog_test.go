package telemetry

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
)

func TestTheLogIsAsLogrusWritesIt(t *testing.T) {
	at := time.Date(2026, 11, 24, 10, 0, 0, 123456789, time.UTC)
	for _, e := range []logrus.Entry{
		{Level: logrus.InfoLevel, Message: "stopped"},
		{Level: logrus.WarnLevel, Message: "operation", Data: logrus.Fields{"zone": "z", "account": "local", "steps": []string{"a", "b"}, "none": nil}},
		{Level: logrus.ErrorLevel, Message: "request", Data: logrus.Fields{
			"status": 500, "durationMs": 0.12, "bytes": int64(1 << 40), "shared": true, "error": errors.New("a\nlevel=forged \"quoted\" <b> \u2028 \xff"),
		}},
	} {
		var got, want bytes.Buffer
		for formatter, out := range map[logrus.Formatter]*bytes.Buffer{JSONLog{}: &got, &logrus.JSONFormatter{}: &want} {
			log := logrus.New()
			log.SetOutput(out)
			log.SetFormatter(formatter)
			log.WithFields(e.Data).WithTime(at).Log(e.Level, e.Message)
		}
		if diff := cmp.Diff(want.String(), got.String()); diff != "" {
			t.Errorf("%s: %s", e.Message, diff)
		}
	}
	if _, err := (JSONLog{}).Format(&logrus.Entry{Data: logrus.Fields{"bad": func() {}}}); err == nil {
		t.Error("what has no JSON was written")
	}
}
