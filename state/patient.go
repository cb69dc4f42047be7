package state

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"ecs-api/common"
)

const (
	// patientTime is how long a command of a patient client may take: where asynq does not learn what became of a command, as that which takes a task from the
	// queue, the task waits for two minutes.
	patientTime = 5 * time.Second
	// patience is how long such a command waits for a Redis that is down.
	patience     = time.Second
	patienceLook = 50 * time.Millisecond
)

// patient has commands wait for a while when Redis is down, and then does what guard does.
type patient struct{ guard }

var _ redis.Hook = patient{}

// ProcessHook implements redis.Hook.
func (p patient) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	guarded := p.guard.ProcessHook(next)
	return func(ctx context.Context, cmd redis.Cmder) error {
		p.wait(ctx)
		return guarded(ctx, cmd)
	}
}

// ProcessPipelineHook implements redis.Hook.
func (p patient) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	guarded := p.guard.ProcessPipelineHook(next)
	return func(ctx context.Context, cmds []redis.Cmder) error {
		p.wait(ctx)
		return guarded(ctx, cmds)
	}
}

// wait waits until Redis is up, for patience at most.
func (p patient) wait(ctx context.Context) {
	for waited := time.Duration(0); waited < patience && !p.r.Up(); waited += patienceLook {
		if common.Sleep(ctx, patienceLook) != nil {
			return
		}
	}
}

// Patient returns a client of its own for a library that sends commands in the background again and again, whatever came of the last one: while Redis is down
// each waits for a second before it fails, so that this makes no load. It may take longer than one that a request sends, as nobody waits for it. Whoever gets it closes it.
func (r *Redis) Patient() (redis.UniversalClient, error) {
	client, err := connect(r.url, patientTime)
	if err != nil {
		return nil, err
	}
	client.AddHook(patient{guard{r, patientTime}})
	return client, nil
}
