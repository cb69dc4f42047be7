package queue

import (
	"fmt"

	"github.com/hibiken/asynq"
	"github.com/sirupsen/logrus"

	"ecs-api/state"
)

// logger writes what asynq has to say to our log. While Redis is down, that says so already.
type logger struct {
	log   *logrus.Entry
	redis *state.Redis
}

var _ asynq.Logger = logger{}

// Debug implements asynq.Logger.
func (l logger) Debug(args ...any) { l.log.Debug(fmt.Sprint(args...)) }

// Info implements asynq.Logger: that a worker starts and stops is no news.
func (l logger) Info(args ...any) { l.log.Debug(fmt.Sprint(args...)) }

// Warn implements asynq.Logger.
func (l logger) Warn(args ...any) { l.trouble(args) }

// Error implements asynq.Logger.
func (l logger) Error(args ...any) { l.trouble(args) }

// Fatal implements asynq.Logger. asynq has no reason to end the program.
func (l logger) Fatal(args ...any) { l.trouble(args) }

func (l logger) trouble(args []any) {
	if l.redis.Up() {
		l.log.Warn(fmt.Sprint(args...))
		return
	}
	l.log.Debug(fmt.Sprint(args...))
}
