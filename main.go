// Command ecs-api serves a simple REST API over Amazon ECS Fargate in several AWS accounts. This package reads flags and config, builds
// the server and runs it until a signal stops it.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"

	"ecs-api/api"
	"ecs-api/api/telemetry"
	"ecs-api/common"
	"ecs-api/config"
)

// Which build this is; see the Makefile.
var version, githash, buildstamp string

// The ways this program ends.
const (
	exitOK = iota
	exitFailure
	exitUsage
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the first signal ends the program gracefully, a second one at once
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// defaultConfig is the file that is read unless -config names another.
const defaultConfig = "config/config.json"

// options are what the command line says.
type options struct {
	config          string
	listen          string
	local, check    bool
	health, version bool
	localLatency    time.Duration
	localPace       time.Duration
}

// parse reads the command line. When it returns an error, it has printed what is wrong.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("ecs-api", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.config, "config", "", "read the config from `FILE` (default "+defaultConfig+")")
	flags.StringVar(&o.listen, "listen", "", "serve on `ADDRESS`, host:port, instead of the config's listenAddress")
	flags.BoolVar(&o.local, "local", false, "serve one account, named local, with a simulated AWS in this process: for development; it needs no config and no AWS account")
	flags.DurationVar(&o.localLatency, "local-latency", 0, "with -local: delay each call to the simulated AWS by `DURATION`, such as 200ms")
	flags.DurationVar(&o.localPace, "local-pace", defaultPace, "with -local: each simulated task takes `DURATION` to start, and the same to stop")
	flags.BoolVar(&o.check, "check", false, "check the config, each account's credentials, rights, network and key, and the Redis of state; then exit with 0 if all of it can be used")
	flags.BoolVar(&o.health, "health", false, "ask the server that runs with the same -config and -listen whether it is up; then exit with 0 if it is")
	flags.BoolVar(&o.version, "version", false, "print the version; then exit")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	err := o.conflict()
	if flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "ecs-api: %v\n", err)
		flags.Usage()
	}
	return o, err
}

// conflict returns why the flags do not go together, if they do not.
func (o options) conflict() error {
	switch {
	case o.local && o.config != "":
		return errors.New("-local needs no -config: use one of them")
	case !o.local && (o.localLatency != 0 || o.localPace != defaultPace):
		return errors.New("-local-latency and -local-pace change the simulated AWS: use them with -local")
	case min(o.localLatency, o.localPace) < 0 || max(o.localLatency, o.localPace) > maxLocalWait:
		return fmt.Errorf("-local-latency and -local-pace must be between 0s and %v", maxLocalWait)
	}
	return nil
}

// run is the program. It ends when ctx does, and returns the exit status.
func run(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case o.version:
		v := buildVersion()
		_, _ = fmt.Fprintf(stdout, "ecs-api %s (%s, %s)\n", v.Version, v.GitHash, v.BuildStamp)
		return exitOK
	}
	do := start
	if o.health {
		do = health
	}
	if err := do(ctx, o, env, stdout, stderr); err != nil {
		_, _ = fmt.Fprintf(stderr, "ecs-api: %v\n", err)
		return exitFailure
	}
	return exitOK
}

// start does what the command line asks for.
func start(ctx context.Context, o options, env func(string) string, stdout, stderr io.Writer) error {
	var c *config.Config
	var err error
	var cloud *localCloud
	if o.local {
		if cloud, err = startLocalCloud(ctx, o.localLatency, o.localPace); err != nil {
			return err
		}
		defer cloud.stop()
		c, err = cloud.config(o.listen, env)
	} else {
		c, err = config.Load(cmp.Or(o.config, defaultConfig), env)
	}
	if err != nil {
		return err
	}
	c.ListenAddress = cmp.Or(o.listen, c.ListenAddress)

	log := newLogger(c, stderr)
	traces, flush, err := startTraces(ctx, env, log)
	if err != nil {
		return err
	}
	defer flush()
	server, err := api.New(api.Options{Config: c, Version: buildVersion(), Log: log, Traces: traces})
	if err != nil {
		return err
	}
	defer server.Close()
	if o.check {
		return check(ctx, server, stdout)
	}
	l, err := listen(ctx, c)
	if err != nil {
		return err
	}
	defer l.close()
	if o.local {
		cloud.greet(stdout, l.api.Addr(), c)
	} else {
		reloader := &tokenReloader{path: cmp.Or(o.config, defaultConfig), env: env, callers: server.Callers(), log: log}
		defer reloader.start(ctx)()
	}
	if err := server.Work(); err != nil {
		return err
	}
	resumed := make(chan struct{})
	go func() {
		defer close(resumed)
		if common.Sleep(ctx, resumeAfter) == nil { // the server that this one replaces may be about to end
			server.Resume(ctx)
			server.ResumeForOthers(ctx)
		}
	}()
	defer func() { <-resumed }()
	return serve(ctx, l, server.Handler(), server.Stop, server.Shutdown, time.Duration(c.ShutdownGrace), log)
}

// resumeAfter is when a server that has started continues what others left.
const resumeAfter = 30 * time.Second

// newLogger returns the logger that c asks for.
func newLogger(c *config.Config, out io.Writer) *logrus.Logger {
	log := logrus.New()
	log.SetOutput(out)
	if level, err := logrus.ParseLevel(c.LogLevel); err == nil { // the config has been validated
		log.SetLevel(level)
	}
	log.SetFormatter(&logrus.JSONFormatter{}) // a line takes 10 µs; a formatter without its map, measured on the same lines, 5 µs: not worth code of ours
	if c.LogFormat == "text" {
		log.SetFormatter(telemetry.TextLog{})
	}
	return log
}
