package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"ecs-api/api"
	"ecs-api/config"
)

// healthTime is how long the server may take to prove that it is up.
const healthTime = 5 * time.Second

// health fails unless the server that runs with the same options and environment responds. It does what a container's health check would do
// with curl, and needs nothing else in the image. A state that is down is reported and is no failure: the server works without it, and a restart would
// not help.
func health(ctx context.Context, o options, env func(string) string, stdout, _ io.Writer) error {
	address, err := listenAddress(o, env)
	if err != nil {
		return err
	}
	if _, port, _ := net.SplitHostPort(address); port == "0" {
		return fmt.Errorf("cannot tell where to ask: %s stands for any free port", address)
	}
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	url := "http://" + reachable(address) + "/v1/ecs/ping"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("not healthy: %w", err)
	}
	transport := &http.Transport{DisableKeepAlives: true} // no proxy stands between us and ourselves
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("not healthy: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64))
	if err != nil || resp.StatusCode != http.StatusOK || string(body) != "pong" {
		return fmt.Errorf("not healthy: %s responded with %s, %q", url, resp.Status, body)
	}
	if resp.Header.Get(api.HeaderState) == "down" {
		_, _ = fmt.Fprintln(stdout, "healthy, but the state is down: Redis cannot be used, and the server works without it")
	}
	return nil
}

// listenAddress returns where the server is that runs with the same options and environment. It reads the config only if it must.
func listenAddress(o options, env func(string) string) (string, error) {
	if address := cmp.Or(o.listen, strings.TrimSpace(env("ECS_API_LISTEN_ADDRESS"))); address != "" {
		return address, nil
	}
	if o.local {
		return config.Local(nil, nil).ListenAddress, nil
	}
	c, err := config.Load(cmp.Or(o.config, defaultConfig), env)
	if err != nil {
		return "", err
	}
	return c.ListenAddress, nil
}

// reachable returns an address to listen on as one that this machine can call.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip.Is6() {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port)
}
