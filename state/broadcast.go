package state

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

// silenceTime is how long a broadcast may be silent before it is checked, and how long the response to that may take: a subscription whose connection
// is half dead is noticed within twice that time.
const silenceTime = time.Second

// Broadcast is a channel on which servers publish what has changed. Messages reach who is subscribed at that time, and nobody else: whoever is disconnected
// for a while misses what was published meanwhile.
type Broadcast struct {
	redis        *Redis
	channel      string
	id           string // ours, so that we do not receive ourselves
	receive      func(message string)
	disconnected func(bool)
	stop         context.CancelFunc
	stopped      chan struct{}
}

// Broadcast subscribes. Receive is called with each message of another server, and disconnected when those begin or cease to arrive; at first they do
// not. One goroutine calls both, one at a time: they must be quick. Close must be called.
func (r *Redis) Broadcast(ctx context.Context, name string, receive func(message string), disconnected func(bool)) *Broadcast {
	subscribed, stop := context.WithCancel(context.WithoutCancel(ctx))
	b := &Broadcast{redis: r, channel: r.Key("broadcast", name), id: uuid.NewString(), receive: receive, disconnected: disconnected, stop: stop, stopped: make(chan struct{})}
	go b.run(subscribed) // ends with Close
	return b
}

// Publish sends the message to all other servers that are subscribed. An error means that some may not have received it.
func (b *Broadcast) Publish(ctx context.Context, message string) error {
	return b.redis.Do(ctx, func(ctx context.Context, client redis.UniversalClient) error {
		return client.Publish(ctx, b.channel, b.id+" "+message).Err()
	})
}

// Close ends the subscription.
func (b *Broadcast) Close() {
	b.stop()
	<-b.stopped
}

// run subscribes again and again, until ctx ends.
func (b *Broadcast) run(ctx context.Context) {
	defer close(b.stopped)
	for ctx.Err() == nil {
		if b.subscribe(ctx) {
			b.disconnected(true)
		}
		timer := time.NewTimer(probeDown)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// subscribe receives messages until the subscription is lost; subscribed says whether there was one. go-redis would subscribe anew by itself, and nobody would
// know of the messages between.
func (b *Broadcast) subscribe(ctx context.Context) (subscribed bool) {
	subscription := b.redis.client.Subscribe(ctx, b.channel)
	defer context.AfterFunc(ctx, func() { _ = subscription.Close() })()
	defer func() { _ = subscription.Close() }()
	checked := false
	for {
		message, err := subscription.ReceiveTimeout(ctx, silenceTime)
		switch message := message.(type) {
		case *redis.Subscription:
			subscribed = true
			b.disconnected(false)
		case *redis.Message:
			if from, text, _ := strings.Cut(message.Payload, " "); from != b.id {
				b.receive(text)
			}
		}
		switch {
		case err == nil:
			checked = false
		case checked || !isTimeout(err) || subscription.Ping(ctx) != nil:
			return subscribed
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
