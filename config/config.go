// Package config reads the server's configuration: one JSON file, whose secrets the environment can override. It owns
// one rule: a config is checked whole before anything starts, and everything wrong with it is reported at once, by the key's name.
package config

import (
	"errors"
	"time"
)

// Config is all settings of the server. Load and Local make valid ones.
type Config struct {
	// ListenAddress is where the API is served, host:port; ":8080" unless set.
	ListenAddress string `json:"listenAddress"`
	// Token opens the API. It may be left out where Tokens has one.
	Token Secret `json:"token"`
	// Tokens are further tokens by the caller's name, so that callers can be told apart and limited, and tokens can be rotated.
	Tokens map[string]Token `json:"tokens"`
	// LogLevel is debug, info, warn or error; info unless set.
	LogLevel string `json:"logLevel"`
	// LogFormat is json or text; json unless set.
	LogFormat string `json:"logFormat"`
	// Org owns everything that the server creates: it becomes the tag spinup:org, and part of the paths of secrets and parameters.
	Org string `json:"org"`
	// Accounts are the AWS accounts that the server serves, by their names in the API's paths.
	Accounts map[string]Account `json:"accounts"`
	// Registries are the image registries, host or host:port, that the server may call although their address is not public.
	Registries []string `json:"registries"`
	// ShutdownGrace is how long requests and background work that have begun may continue after SIGTERM; 2m unless set.
	ShutdownGrace Duration `json:"shutdownGrace"`
	// DebugAddress is where pprof is served, host:port on a loopback address; nowhere unless set.
	DebugAddress string `json:"debugAddress"`
	// State is where several servers share locks, operations and jobs; unless it is set, each server works alone.
	State State `json:"state"`
	// RateLimits replace the limits on calls to AWS, by the name of the rate bucket.
	RateLimits map[string]RateLimit `json:"rateLimits"`
}

// State says where servers share their state.
type State struct {
	// Redis is the URL of a Redis or Valkey, as package state reads it. It is secret: it holds a password.
	Redis Secret `json:"redis"`
}

// RateLimit is a token bucket: Burst calls at once, PerSecond calls a second after that.
type RateLimit struct {
	Burst     int     `json:"burst"`
	PerSecond float64 `json:"perSecond"`
}

// Duration is a time.Duration that JSON writes as Go does: "90s", "2m".
type Duration time.Duration

// String returns the duration in Go's form.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes the duration in Go's form.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the duration in Go's form.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return errors.New(`must be a duration such as "90s" or "2m"`)
	}
	*d = Duration(parsed)
	return nil
}
