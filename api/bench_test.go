package api

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sirupsen/logrus"

	"ecs-api/config"
	"ecs-api/localaws"
)

// benchmarkGet measures what one GET costs, AWS answering from memory and without a network. Waiting for AWS's rates is not counted.
func benchmarkGet(b *testing.B, target string) {
	c := config.Local([]string{localaws.SubnetA, localaws.SubnetB}, []string{localaws.SecurityGroup})
	c.Token, c.RateLimits = testToken, noLimits()
	aws := localaws.New()
	log := logrus.New()
	log.SetOutput(io.Discard)
	log.SetFormatter(&logrus.JSONFormatter{})
	s, err := New(Options{Config: c, Log: log, AWS: aws.Transport()})
	if err != nil {
		b.Fatal(err)
	}
	h := &harness{Server: s, aws: aws, log: &logBuffer{}, own: true}
	for path, body := range map[string]string{
		"/services": `{"cluster": {"clustername": "myclu"}, "service": {"servicename": "www"}, "taskdefinition": {"family": "www", "cpu": "256", "memory": "512",
			"containerdefinitions": [{"name": "web", "image": "nginx"}]}}`,
		"/params/app": `{"Name": "colour", "Value": "red"}`,
	} {
		if answer, text := h.do(b, http.MethodPost, base+"/local"+path, body); answer.StatusCode != http.StatusOK {
			b.Fatalf("answered %d %s", answer.StatusCode, text)
		}
	}
	aws.ResetCalls()
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodGet, base+target, nil)
		r.Header.Set(headerToken, testToken)
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatalf("answered %d %s", w.Code, w.Body)
		}
	}
	b.ReportMetric(float64(len(aws.Calls()))/float64(b.N), "awscalls/op")
}

func BenchmarkPing(b *testing.B) { benchmarkGet(b, "/ping") }

func BenchmarkShow(b *testing.B) { benchmarkGet(b, "/local/clusters/myclu/services/www") }

func BenchmarkShowAll(b *testing.B) {
	benchmarkGet(b, "/local/clusters/myclu/services/www?all=true")
}

func BenchmarkListParams(b *testing.B) { benchmarkGet(b, "/local/params/app") }
