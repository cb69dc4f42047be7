package state

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

// hearTime is how long a broadcast may be silent before it is checked, and how long the response to that may take: a subscription whose connection
// is half dead is noticed within twice that time.
const hearTime = time.Second

// Broadcast is a channel on which servers tell each other what has changed. Messages reach who listens at that time, and nobody else: whoever is deaf
// for a while misses what was published meanwhile.
type Broadcast struct {
	redis   *Redis
	channel string
	id      string // ours, so that we do not hear ourselves
	hear    func(message string)
	deaf    func(bool)
	stop    context.CancelFunc
	stopped chan struct{}
}

// Broadcast begins to listen. Hear is called with each message of another server, and deaf when those begin or cease to be heard; at first they are
// not. One goroutine calls both, one at a time: they must be quick. Close must be called.
func (r *Redis) Broadcast(ctx context.Context, name string, hear func(message string), deaf func(bool)) *Broadcast {
	listening, stop := context.WithCancel(context.WithoutCancel(ctx))
	b := &Broadcast{redis: r, channel: r.Key("broadcast", name), id: uuid.NewString(), hear: hear, deaf: deaf, stop: stop, stopped: make(chan struct{})}
	go b.run(listening) // ends with Close
	return b
}

// Send tells all other servers that listen. An error means that some may not have heard it.
func (b *Broadcast) Send(ctx context.Context, message string) error {
	return b.redis.Do(ctx, func(ctx context.Context, client redis.UniversalClient) error {
		return client.Publish(ctx, b.channel, b.id+" "+message).Err()
	})
}

// Close ends the listening.
func (b *Broadcast) Close() {
	b.stop()
	<-b.stopped
}

// run listens again and again, until ctx ends.
func (b *Broadcast) run(ctx context.Context) {
	defer close(b.stopped)
	for ctx.Err() == nil {
		if b.listen(ctx) {
			b.deaf(true)
		}
		timer := time.NewTimer(probeDown)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// listen hears messages until the subscription is lost; heard says whether there was one. go-redis would subscribe anew by itself, and nobody would
// know of the messages between.
func (b *Broadcast) listen(ctx context.Context) (heard bool) {
	subscription := b.redis.client.Subscribe(ctx, b.channel)
	defer context.AfterFunc(ctx, func() { _ = subscription.Close() })()
	defer func() { _ = subscription.Close() }()
	checked := false
	for {
		message, err := subscription.ReceiveTimeout(ctx, hearTime)
		switch message := message.(type) {
		case *redis.Subscription:
			heard = true
			b.deaf(false)
		case *redis.Message:
			if from, text, _ := strings.Cut(message.Payload, " "); from != b.id {
				b.hear(text)
			}
		}
		switch {
		case err == nil:
			checked = false
		case checked || !isTimeout(err) || subscription.Ping(ctx) != nil:
			return heard
		default:
			checked = true
		}
	}
}

// isTimeout reports whether a read ended because nothing came.
func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}
