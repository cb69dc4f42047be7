package api

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"ecs-api/api/negotiation"
	"ecs-api/api/sse"
	"ecs-api/common"
	"ecs-api/localaws"
)

// streaming is a harness with an endpoint that streams to whoever wants a stream.
func streaming(t *testing.T, run func(context.Context, *sse.Writer) error) *harness {
	h := newHarness(t, localaws.New())
	h.v1().Handle("/{account}/test", handle(h.Server, http.StatusOK, func(c call, _ none) (any, error) {
		if c.streams() {
			return &stream{run: run}, nil
		}
		return map[string]int{"n": 1}, nil
	}, flag("follow"))).Methods(http.MethodGet)
	return h
}

func TestAnEndpointStreamsToWhoeverWantsAStream(t *testing.T) {
	t.Parallel()
	h := streaming(t, func(_ context.Context, out *sse.Writer) error {
		return out.Send(sse.Event{Name: "n", Data: 1, Text: func() string { return "n is 1" }})
	})
	const events, lines, plain = "event: n\ndata: 1\n\n", "n is 1\n", "{\"n\":1}\n"
	for _, c := range []struct{ method, query, accept, want, media string }{
		{http.MethodGet, "", "", plain, negotiation.JSON},
		{http.MethodGet, "", negotiation.Events, events, negotiation.Events},
		{http.MethodGet, "?follow=true", "", events, negotiation.Events},
		{http.MethodGet, "?follow=true", negotiation.Text, lines, "text/plain; charset=utf-8"},
		{http.MethodGet, "?follow=false", "", plain, negotiation.JSON},
		{http.MethodHead, "?follow=true", negotiation.Events, plain, negotiation.JSON}, // net/http leaves the body out; a stream would have no end
	} {
		response, body := h.do(t, c.method, base+"/local/test"+c.query, "", "Accept: "+c.accept)
		if got := response.Header.Get("Content-Type"); body != c.want || got != c.media {
			t.Errorf("%+v: got %q, %s", c, body, got)
		}
	}
	if h.Server.streams.Open() != 0 {
		t.Errorf("%d streams are left open", h.Server.streams.Open())
	}
}

func TestAStreamThatFailsSaysSoLikeAResponse(t *testing.T) {
	t.Parallel()
	h := streaming(t, func(context.Context, *sse.Writer) error { return common.Errorf(common.NotFound, "no such thing") })
	response, body := h.do(t, http.MethodGet, base+"/local/test", "", "Accept: "+negotiation.Events)
	if p := problemOf(t, response, body); p.Status != http.StatusNotFound {
		t.Errorf("%+v", p)
	}
	h = streaming(t, func(_ context.Context, out *sse.Writer) error {
		if err := out.Begin(); err != nil {
			return err
		}
		return common.Errorf(common.Internal, "a thing of ours")
	})
	response, body = h.do(t, http.MethodGet, base+"/local/test", "", "Accept: "+negotiation.Events)
	if response.StatusCode != http.StatusOK || !strings.HasPrefix(body, "event: error\ndata: {\"type\":\"about:blank\"") || !strings.Contains(body, `"status":500`) || strings.Contains(body, "a thing of ours") {
		t.Errorf("%d %s", response.StatusCode, body)
	}
	if !strings.Contains(h.log.String(), "a thing of ours") {
		t.Errorf("the log does not say why: %s", h.log)
	}
}

func TestAServerThatStopsEndsItsStreams(t *testing.T) {
	t.Parallel()
	var h *harness
	h = streaming(t, func(ctx context.Context, out *sse.Writer) error {
		h.Stop()
		<-ctx.Done()
		return out.Begin()
	})
	if response, body := h.do(t, http.MethodGet, base+"/local/test?follow=true", ""); response.StatusCode != http.StatusOK {
		t.Errorf("%d %s", response.StatusCode, body)
	}
	response, body := h.do(t, http.MethodGet, base+"/local/test?follow=true", "")
	if p := problemOf(t, response, body); p.Status != http.StatusServiceUnavailable {
		t.Errorf("%+v", p)
	}
}
