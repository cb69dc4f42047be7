package state

import (
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"ecs-api/common"
)

// CheckURL says what is wrong with the URL of a Redis, if anything. The error shows nothing of it: a URL holds a password, and one that is not
// escaped can stand anywhere in it.
func CheckURL(address string) error {
	client, err := connect(address, useTime)
	if err != nil {
		return err
	}
	return client.Close()
}

// connect returns a client for the URL, whose commands take no longer than use unless the URL says otherwise. It calls nobody.
//
// The forms are go-redis's own: redis://[user:password@]host:port[/db], rediss:// for TLS, unix:// for a socket; with master_name it is a sentinel's,
// with addr (once or several times) a cluster's.
func connect(address string, use time.Duration) (redis.UniversalClient, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, wrongURL("is not a URL: escape what is special in its password, such as / ? # @ and :, with % and two digits")
	case u.Scheme != "redis" && u.Scheme != "rediss" && u.Scheme != "unix":
		return nil, wrongURL("must begin with redis://, rediss:// (TLS) or unix://")
	}
	var client redis.UniversalClient
	switch query := u.Query(); {
	case query.Has("master_name"):
		client, err = connectSentinel(address, use)
	case query.Has("addr"):
		client, err = connectCluster(address, use)
	default:
		client, err = connectSingle(address, use)
	}
	if err != nil { // go-redis quotes the part that it cannot read
		return nil, wrongURL("has a database that is no number, or an option that go-redis does not know: see docs/configuration.md for examples")
	}
	return client, nil
}

func wrongURL(detail string) error { return common.Errorf(common.BadRequest, "%s", detail) }

// limits bound what the client does within one use of Redis, unless the URL says otherwise. Whatever it says, the guard ends a use in time.
type limits struct {
	dial, read, write, pool *time.Duration
	retries, dialRetries    *int
}

func (l limits) set(use time.Duration) {
	for _, d := range []*time.Duration{l.dial, l.read, l.write, l.pool} {
		if *d == 0 {
			*d = use
		}
	}
	if *l.retries == 0 {
		*l.retries = 1 // a connection of before Redis was restarted fails at its first use
	}
	*l.dialRetries = 1
}

// quiet turns off what Redis Enterprise alone understands.
func quiet() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

func connectSingle(address string, use time.Duration) (redis.UniversalClient, error) {
	o, err := redis.ParseURL(address)
	if err != nil {
		return nil, err
	}
	limits{&o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout, &o.PoolTimeout, &o.MaxRetries, &o.DialerRetries}.set(use)
	o.ContextTimeoutEnabled, o.DisableIdentity, o.MaintNotificationsConfig = true, true, quiet()
	return redis.NewClient(o), nil
}

func connectSentinel(address string, use time.Duration) (redis.UniversalClient, error) {
	o, err := redis.ParseFailoverURL(address)
	if err != nil {
		return nil, err
	}
	limits{&o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout, &o.PoolTimeout, &o.MaxRetries, &o.DialerRetries}.set(use)
	o.ContextTimeoutEnabled, o.DisableIdentity = true, true
	return redis.NewFailoverClient(o), nil
}

func connectCluster(address string, use time.Duration) (redis.UniversalClient, error) {
	o, err := redis.ParseClusterURL(address)
	if err != nil {
		return nil, err
	}
	limits{&o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout, &o.PoolTimeout, &o.MaxRetries, &o.DialerRetries}.set(use)
	o.ContextTimeoutEnabled, o.DisableIdentity, o.MaintNotificationsConfig = true, true, quiet()
	return redis.NewClusterClient(o), nil
}

// key joins the parts of a key below prefix.
func key(prefix string, parts []string) string { return prefix + strings.Join(parts, ":") }
