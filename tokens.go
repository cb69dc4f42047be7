package main

import (
	"bytes"
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"

	"ecs-api/api/tokens"
	"ecs-api/config"
)

// tokenPoll is how often the config file is looked at. It is polled, not watched: a Secret of Kubernetes changes by a link that points
// elsewhere, and files on network volumes tell no watcher.
const tokenPoll = 10 * time.Second

// tokenReloader gives a running server the tokens of its config file.
type tokenReloader struct {
	path    string
	env     func(string) string
	callers *tokens.Callers
	log     *logrus.Logger
	seen    []byte // the file as it was when it was last read
}

// start lets the reloader run until ctx ends. The function it returns waits for that.
func (t *tokenReloader) start(ctx context.Context) (wait func()) {
	hangUps := make(chan os.Signal, 1)
	signal.Notify(hangUps, syscall.SIGHUP)
	ticker := time.NewTicker(tokenPoll)
	ctx, cancel := context.WithCancel(ctx)
	t.look() // it may have changed since the server was built from it
	var running sync.WaitGroup
	running.Go(func() { t.run(ctx, hangUps, ticker.C) })
	return func() {
		cancel()
		running.Wait()
		ticker.Stop()
		signal.Stop(hangUps)
	}
}

// run reloads the tokens at each hang-up signal, and at each tick if the file has changed, until ctx ends.
func (t *tokenReloader) run(ctx context.Context, hangUps <-chan os.Signal, ticks <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangUps:
			t.seen = t.content()
			t.reload(true)
		case <-ticks:
			t.look()
		}
	}
}

// look reloads the tokens if the file has changed.
func (t *tokenReloader) look() {
	if now := t.content(); now != nil && !bytes.Equal(now, t.seen) {
		t.seen = now
		t.reload(false)
	}
}

// content returns what the file holds, which is a few kilobytes; nil if it cannot be read, as while somebody replaces it.
func (t *tokenReloader) content() []byte {
	data, err := os.ReadFile(t.path)
	if err != nil {
		return nil
	}
	return data
}

// reload takes the tokens over if the whole file is valid, and nothing else of it. Asked says that somebody waits for a line in the log.
func (t *tokenReloader) reload(asked bool) {
	c, err := config.Load(t.path, t.env)
	if err != nil {
		t.log.WithField("error", err.Error()).Error("tokens not reloaded: the config is not valid, and the tokens of before stay in use")
		return
	}
	changes := t.callers.Set(c.Callers())
	if !changes.None() || asked {
		t.log.WithFields(logrus.Fields{"added": changes.Added, "removed": changes.Removed, "changed": changes.Changed}).Info("tokens reloaded")
	}
}
