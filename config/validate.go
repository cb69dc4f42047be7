package config

import (
	"maps"
	"math"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"ecs-api/common"
	"ecs-api/state"
)

// placeholder is the token in config.example.json, which everybody knows.
const placeholder = "REPLACE-ME-with-a-long-random-string"

const maxShutdownGrace = Duration(time.Hour)

var (
	safeName = common.NewPattern(128, `^[A-Za-z0-9._-]+$`)
	hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)
)

// Validate checks the whole config and returns every problem, one Problem each.
func (c *Config) Validate() error { return join(c.problems()) }

func (c *Config) problems() []Problem {
	var ps problems
	_, listens := splitAddress(c.ListenAddress)
	ps.unless(listens, "listenAddress", `must be host:port, the port a number up to 65535, such as ":8080" or "127.0.0.1:8080"`)
	ps.unless(slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel), "logLevel", "must be debug, info, warn or error")
	ps.unless(slices.Contains([]string{"json", "text"}, c.LogFormat), "logFormat", "must be json or text")
	ps.unless(isSafeName(c.Org), "org", "must be 1 to 128 letters, digits, dots, dashes or underscores: it becomes part of the paths of secrets and parameters")
	ps.unless(c.ShutdownGrace > 0 && c.ShutdownGrace <= maxShutdownGrace, "shutdownGrace", `must be more than "0s" and at most "1h"`)
	ps.unless(c.DebugAddress == "" || isLoopback(c.DebugAddress), "debugAddress", `must be a loopback address and a port, such as "127.0.0.1:6060": pprof shows too much for anybody else`)
	if address := c.State.Redis.Reveal(); address != "" {
		if err := state.CheckURL(address); err != nil {
			ps.add("state.redis", "%v", err)
		}
	}
	for i, registry := range c.Registries {
		ps.unless(isRegistry(registry), at("registries", i), `must be a registry's host or host:port, such as "registry.example.com:5000", without https:// and path`)
	}
	for _, bucket := range slices.Sorted(maps.Keys(c.RateLimits)) {
		limit, key := c.RateLimits[bucket], sub("rateLimits", bucket)
		ps.unless(slices.Contains(common.Buckets(), bucket), key, "must be one of "+strings.Join(common.Buckets(), ", "))
		ps.unless(limit.Burst >= 1, sub(key, "burst"), "must be at least 1")
		ps.unless(limit.PerSecond > 0 && !math.IsInf(limit.PerSecond, 0), sub(key, "perSecond"), "must be more than 0")
	}
	c.checkTokens(&ps)
	ps.unless(len(c.Accounts) > 0, "accounts", "must hold at least one account, by its name in the API's paths")
	for _, name := range slices.Sorted(maps.Keys(c.Accounts)) {
		key := sub("accounts", name)
		ps.unless(isSafeName(name), key, "must be named with 1 to 128 letters, digits, dots, dashes or underscores: the name is part of the API's paths")
		c.Accounts[name].check(&ps, key)
	}
	return ps
}

// wrongToken says what is wrong with a token, if anything.
func wrongToken(token string) string {
	switch {
	case strings.TrimSpace(token) == "":
		return "must not be blank"
	case token == placeholder:
		return "must be replaced: it is still the example's, which everybody knows"
	case token != strings.TrimSpace(token) || strings.ContainsFunc(token, unicode.IsControl):
		return "must have no white space around it and no line breaks: no HTTP header can carry those"
	}
	return ""
}

// isSafeName reports whether s can be a segment of a path as it is.
func isSafeName(s string) bool { return safeName.MatchString(s) && s != "." && s != ".." }

// splitAddress returns the host of host:port, and whether it is an address one can listen on.
func splitAddress(address string) (host string, ok bool) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || !isPort(port) {
		return "", false
	}
	return host, host == "" || isHost(host)
}

func isPort(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

func isHost(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil || hostName.MatchString(s)
}

func isLoopback(address string) bool {
	host, ok := splitAddress(address)
	ip, err := netip.ParseAddr(host)
	return ok && (host == "localhost" || err == nil && ip.IsLoopback())
}

func isRegistry(s string) bool {
	if host, ok := splitAddress(s); ok {
		return host != ""
	}
	return hostName.MatchString(s)
}

// at returns how the i-th element of the array at key is written.
func at(key string, i int) string { return key + "[" + strconv.Itoa(i) + "]" }
