package fleet

import (
	"io"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/sirupsen/logrus"

	"ecs-api/api/telemetry"
	"ecs-api/config"
	_ "ecs-api/racetest" // for what it does to a process of tests
)

// member is a server of a fleet, and what it receives.
type member struct {
	*Fleet
	changes      chan Change
	disconnected chan bool
}

// newMember returns a server that shares the Redis, if there is one.
func newMember(t *testing.T, redis *miniredis.Miniredis) *member {
	t.Helper()
	m := &member{changes: make(chan Change, 10), disconnected: make(chan bool, 10)}
	c := config.Local([]string{"subnet-a"}, []string{"sg-a"})
	c.Token = "a token of a test, long enough"
	if redis != nil {
		c.State.Redis = config.Secret("redis://" + redis.Addr())
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	f, err := New(Options{
		Config: c, Log: log, Metrics: telemetry.NewMetrics("", "", ""),
		Forget: func(string) {}, Changed: func(c Change) { m.changes <- c }, SetDisconnected: func(disconnected bool) { m.disconnected <- disconnected },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	m.Fleet = f
	f.Subscribe()
	if redis != nil {
		for next(t, m.disconnected) { // until it is subscribed
		}
	}
	return m
}

// next returns what comes next.
func next[T any](t *testing.T, c <-chan T) (got T) {
	t.Helper()
	select {
	case got = <-c:
	case <-time.After(30 * time.Second):
		t.Fatal("nothing came")
	}
	return got
}

func TestServersHearTheChangesOfOthersAndNotTheirOwn(t *testing.T) {
	redis := miniredis.RunT(t)
	a, b := newMember(t, redis), newMember(t, redis)
	for _, want := range []Change{{Account: "local"}, {Account: "local", Cluster: "myclu", Service: "www"}} {
		a.Publish(t.Context(), want)
		if got := next(t, b.changes); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	if len(a.changes) > 0 {
		t.Errorf("it receives its own: %v", <-a.changes)
	}
}

func TestServersThatCouldNotBeReachedHearLaterThatAllHasChanged(t *testing.T) {
	redis := miniredis.RunT(t)
	a, b := newMember(t, redis), newMember(t, redis)
	a.unpublished.Store(true) // as after a write while Redis was out of its reach alone
	a.recovered()
	if got := next(t, b.changes); got != (Change{}) {
		t.Errorf("got %v", got)
	}
	if a.unpublished.Load() {
		t.Error("it believes that the others have not received it")
	}
}

func TestAMessageOfAnotherVersionMeansThatAllHasChanged(t *testing.T) {
	redis := miniredis.RunT(t)
	a, b := newMember(t, redis), newMember(t, redis)
	if err := a.broadcast.Publish(t.Context(), "local myclu www"); err != nil {
		t.Fatal(err)
	}
	if got := next(t, b.changes); got != (Change{}) {
		t.Errorf("got %v", got)
	}
}

func TestChangesAreSentAsTheyAre(t *testing.T) {
	for c, want := range map[Change]string{
		{}:                 `{"account":""}`,
		{Account: "local"}: `{"account":"local"}`,
		{Account: "local", Cluster: "myclu", Service: "www"}:    `{"account":"local","cluster":"myclu","service":"www"}`,
		{Account: "local", Revision: "arn", Status: "INACTIVE"}: `{"account":"local","revision":"arn","status":"INACTIVE"}`,
	} {
		if got := c.message(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestAServerWithoutAStatePublishesNothing(t *testing.T) {
	m := newMember(t, nil)
	m.Publish(t.Context(), Change{})
	if len(m.disconnected) > 0 {
		t.Error("it believes that it is disconnected from others")
	}
	if configured, up := m.State(); configured || up {
		t.Errorf("a state: %v, %v", configured, up)
	}
	if configured, err := m.CheckState(t.Context()); configured || err != nil {
		t.Errorf("a state: %v, %v", configured, err)
	}
	if err := m.Work(); err != nil {
		t.Error(err)
	}
}
