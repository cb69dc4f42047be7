package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"ecs-api/api/openapi"
	"ecs-api/config"
	"ecs-api/localaws"
)

// localCloud is the embedded AWS of -local, on a loopback port of its own.
type localCloud struct {
	server   *http.Server
	endpoint string
}

// The pace of the simulated AWS: a task takes so long to start, and as long to stop. It lets one watch a service come up and go without
// waiting long.
const (
	defaultPace  = 3 * time.Second
	maxLocalWait = time.Hour
)

// localLags returns what else takes how long at a pace. Of each, AWS takes ten times as long and more.
func localLags(pace time.Duration) localaws.Lags {
	return localaws.Lags{
		Provision: pace, Drain: pace, Check: pace, Register: pace / 3,
		Retry: max(pace/3, time.Millisecond), Stage: pace / 3, BakeMinute: pace / 3,
	}
}

func startLocalCloud(ctx context.Context, latency, pace time.Duration) (*localCloud, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("cannot start the simulated AWS: %w", err)
	}
	cloud := &localCloud{
		server: &http.Server{
			Handler:           localaws.New(localaws.WithLags(localLags(pace)), localaws.Latency(latency)),
			ReadHeaderTimeout: 10 * time.Second,
		},
		endpoint: "http://" + l.Addr().String(),
	}
	go func() { _ = cloud.server.Serve(l) }() // ends with stop
	return cloud, nil
}

func (cloud *localCloud) stop() { _ = cloud.server.Close() }

// config returns the config of -local. Whoever can reach the server can use it, so an address that others can reach must be asked
// for on the command line.
func (cloud *localCloud) config(listen string, env func(string) string) (*config.Config, error) {
	c := config.Local([]string{localaws.SubnetA, localaws.SubnetB}, []string{localaws.SecurityGroup})
	account := c.Accounts["local"]
	account.Endpoint = cloud.endpoint
	account.DefaultKMSKeyID = localaws.KMSKey
	c.Accounts["local"] = account
	if err := c.Override(env); err != nil {
		return nil, err
	}
	if listen == "" && !loopback(c.ListenAddress) {
		return nil, fmt.Errorf("-local serves on a loopback address, and ECS_API_LISTEN_ADDRESS is %s: say -listen %[1]s if others are to reach it", c.ListenAddress)
	}
	return c, nil
}

// loopback reports whether only this machine can reach the address.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip, parseErr := netip.ParseAddr(host)
	return err == nil && (host == "localhost" || parseErr == nil && ip.IsLoopback())
}

// greet tells what is running and what to try.
func (cloud *localCloud) greet(out io.Writer, address net.Addr, c *config.Config) {
	url := "http://" + reachable(address.String())
	header := "X-Auth-Token: " + c.Token.Reveal()
	warning := ""
	if !loopback(address.String()) {
		warning = "\nWARNING: this is a development server, and others can reach it at " + address.String() + ".\n"
	}
	_, _ = fmt.Fprintf(out, `ecs-api serves the account "local" at %s/v1/ecs
It is backed by a simulated AWS in this process: nothing here is real, and all of it is gone when it ends.
The simulated AWS itself listens at %s, for the AWS CLI (--endpoint-url) for example.
%s
The header to send:
%s

Create a service with all that it needs (cluster, role, log group, credentials, task definition, Cloud Map service):

curl -sS -X POST %s \
  -H %s \
  --data %s

Then see how it is, and tear it down:

curl -sS -H %s -H 'Accept: text/plain' %s
curl -sS -X DELETE -H %s %s

In a browser: the first deployment, and one that is rolled back, in five minutes: %s
Every endpoint, with a form that sends requests: %s

`, url, cloud.endpoint, warning, header,
		quote(url+"/v1/ecs/local/services"), quote(header), quote(strings.TrimSpace(openapi.CreateExample)),
		quote(header), quote(url+"/v1/ecs/local/clusters/myclu/services/www/status"),
		quote(header), quote(url+"/v1/ecs/local/clusters/myclu/services/www?recursive=true"),
		url+"/v1/ecs/docs/first-deploy.html", url+"/v1/ecs/docs")
}

// quote returns s as one word of sh.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
