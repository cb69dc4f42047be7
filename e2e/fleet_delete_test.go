package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ecs-api/localaws"
)

// onRealRedis reports whether the suite runs on a redis-server: then everything takes as long as it does.
func onRealRedis() bool { return os.Getenv(redisVariable) != "" }

// victim is a server that is killed in the n-th AWS call of a recursive delete, in an account of its own.
type victim struct {
	account string
	kind    string // of its operation
	aws     *localaws.AWS
	front   string
	n       int
	after   bool // the call takes effect
	killed  time.Time
	done    time.Time
}

// config returns the account as configs have it.
func (v *victim) config(t *testing.T) any {
	t.Helper()
	w := &world{t: t, backEnd: backEnd{endpoint: v.front, subnet: localaws.SubnetA, group: localaws.SecurityGroup, key: localaws.KMSKey}, vars: map[string]string{"account": localaws.DefaultAccount}}
	return w.config()["accounts"].(map[string]any)["local"]
}

func (v *victim) path(path string) string {
	return "/" + v.account + strings.TrimPrefix(path, "/local")
}

// newVictim returns one whose AWS makes services drain for a moment.
func newVictim(t *testing.T, n int, after bool) *victim {
	t.Helper()
	v := &victim{kind: "delete service", account: fmt.Sprintf("n%d-%t", n, after), aws: localaws.New(localaws.WithLags(crashLags)), n: n, after: after}
	front := httptest.NewServer(v.aws)
	t.Cleanup(front.Close)
	v.front = front.URL
	return v
}

// die creates a service, and deletes it until the server is killed. It returns how many calls that took, and whether the server was killed.
func (v *victim) die(t *testing.T, f *fleet) (calls int, killed bool) {
	t.Helper()
	s := launchIn(t, v.front, map[string]any{"state": f.more["state"], "accounts": map[string]any{v.account: v.config(t)}}, nil)
	defer func() { _ = s.stop(t, syscall.SIGKILL) }() // it may be dead already
	if status, body, _ := s.ask(t, http.MethodPost, v.path("/local/services"), crashService); status != http.StatusOK {
		t.Errorf("%s: create: %d %s", v.account, status, body)
		return 0, false
	}
	v.aws.ResetCalls()
	dead := &atomic.Bool{}
	if v.n > 0 {
		dead = killAt(v.aws, v.n, v.after, s)
	}
	_, _, header := s.ask(t, http.MethodDelete, v.path(crashPath)+"?recursive=true", "")
	for deadline := time.Now().Add(time.Minute); !dead.Load() && header != nil && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		status, body, _ := s.ask(t, http.MethodGet, strings.TrimPrefix(header.Get("Operation-Location"), "/v1/ecs"), "")
		if status == http.StatusOK && stateOf(t, body) == "succeeded" {
			break
		}
	}
	v.killed = time.Now()
	return len(v.aws.Calls()), dead.Load()
}

// TestFleetCompletesADeleteWhoseServerDied kills a server in each AWS call of a recursive delete, of its request too: another server, which nobody asks, completes
// each of them, once. On a redis-server that takes as long as it does, and is to be done within three minutes; on miniredis time is moved on, and some calls do.
func TestFleetCompletesADeleteWhoseServerDied(t *testing.T) {
	t.Parallel()
	f := newFleetWithoutServers(t)
	calls, _ := newVictim(t, 0, false).die(t, f)
	if calls < 20 {
		t.Fatalf("a recursive delete makes %d calls", calls)
	}
	step := 1
	if !onRealRedis() {
		step = 6
	}
	var mu sync.Mutex
	var dead []*victim
	var wg sync.WaitGroup
	slots := make(chan struct{}, 6)
	for n := 1; n <= calls; n += step {
		for _, after := range []bool{false, true} {
			v := newVictim(t, n, after)
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				if _, killed := v.die(t, f); killed { // else this one made fewer calls
					v.aws.Heal()
					mu.Lock()
					defer mu.Unlock()
					dead = append(dead, v)
				}
			})
		}
	}
	wg.Wait()
	if len(dead) < 2*calls/step*3/4 {
		t.Errorf("only %d servers were killed, in %d calls", len(dead), calls)
	}
	if !onRealRedis() {
		f.moveOn(dead)
	}
	accounts := map[string]any{}
	for _, v := range dead {
		accounts[v.account] = v.config(t)
	}
	f.more["accounts"] = accounts
	survivor := f.add()
	f.completed(dead)
	var slowest time.Duration
	for _, v := range dead {
		took := v.done.Sub(v.killed)
		slowest = max(slowest, took)
		if took > 3*time.Minute {
			t.Errorf("%s: it took %v", v.account, took)
		}
		f.once(survivor, v)
	}
	t.Logf("%d servers were killed, in each of %d calls of a recursive delete; another one completed each delete, the slowest after %v", len(dead), (calls+step-1)/step, slowest.Round(time.Second))
}

// moveOn lets the time pass that asynq takes to notice that a server has died: what the dead servers said of themselves, and their locks, have expired by then.
func (f *fleet) moveOn(dead []*victim) {
	f.redis.pass(time.Minute)
	client := f.client()
	defer func() { _ = client.Close() }()
	ctx := context.Background()
	for _, v := range dead {
		queue := "asynq:{ecs-api:v1:" + org + ":jobs:" + v.account + "}:"
		for name, at := range map[string]time.Time{"lease": time.Now().Add(-time.Hour), "scheduled": time.Now()} {
			ids, err := client.ZRange(ctx, queue+name, 0, -1).Result()
			if err != nil {
				f.t.Fatal(err)
			}
			for _, id := range ids {
				client.ZAdd(ctx, queue+name, redis.Z{Score: float64(at.Unix()), Member: id})
			}
		}
	}
}

// completed waits until all deletes are.
func (f *fleet) completed(dead []*victim) {
	f.t.Helper()
	for deadline := time.Now().Add(200 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		left := 0
		for _, v := range dead {
			if !v.done.IsZero() {
				continue
			}
			if inventory := v.aws.Inventory(); len(inventory) == 1 && inventory[0] == "logs:log-group myclu" {
				v.done = time.Now()
				continue
			}
			left++
		}
		if left == 0 {
			return
		}
		if time.Now().After(deadline) {
			for _, v := range dead {
				if v.done.IsZero() {
					f.t.Errorf("%s is not completed: %v", v.account, v.aws.Inventory())
				}
			}
			f.t.FailNow()
		}
	}
}

// once fails the test unless one operation of the account has succeeded, and nothing else was done.
func (f *fleet) once(s *server, v *victim) {
	f.t.Helper()
	var list []struct{ ID, State, Kind string }
	f.eventually("the operation of "+v.account+" ends", func() bool {
		status, body, _ := s.ask(f.t, http.MethodGet, v.path("/local/operations"), "")
		list = nil
		if err := json.Unmarshal([]byte(body), &list); status != http.StatusOK || err != nil {
			f.t.Fatalf("operations of %s: %d %s", v.account, status, body)
		}
		return len(list) == 1 && list[0].State != "running"
	})
	if len(list) != 1 || list[0].State != "succeeded" || list[0].Kind != v.kind {
		f.t.Errorf("the operations of %s: %+v", v.account, list)
		return
	}
	ends := 0
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, `"msg":"operation"`) && strings.Contains(line, list[0].ID) {
			ends++
		}
	}
	if ends > 1 {
		f.t.Errorf("the operation of %s ended %d times", v.account, ends)
	}
}

// TestFleetHandsADeleteOverAtSIGTERM ends a server while the service drains: another one continues at once, whether it is started then or has been there.
func TestFleetHandsADeleteOverAtSIGTERM(t *testing.T) {
	t.Parallel()
	for name, beside := range map[string]bool{"to one that starts afterwards": false, "to one beside it": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleetWithoutServers(t, localaws.WithLags(localaws.Lags{Drain: 6 * time.Second}))
			f.more["shutdownGrace"] = "1s"
			f.handOver(beside)
		})
	}
}

// handOver ends a server in the middle of a recursive delete.
func (f *fleet) handOver(beside bool) {
	t := f.t
	first := f.add()
	if status, body, _ := first.ask(t, http.MethodPost, "/local/services", crashService); status != http.StatusOK {
		t.Fatalf("create: %d %s", status, body)
	}
	var second *server
	if beside {
		second = f.add()
		_ = second.cmd.Process.Signal(syscall.SIGSTOP) // so that it does not get the job
	}
	status, body, header := first.ask(t, http.MethodDelete, crashPath+"?recursive=true", "")
	if status != http.StatusOK {
		t.Fatalf("delete: %d %s", status, body)
	}
	operation := strings.TrimPrefix(header.Get("Operation-Location"), "/v1/ecs")
	f.eventually("it runs", func() bool {
		_, body, _ := first.ask(t, http.MethodGet, operation, "")
		return strings.Contains(body, "wait until the tasks have stopped")
	})
	if beside {
		_ = second.cmd.Process.Signal(syscall.SIGCONT)
	}
	begun := time.Now()
	f.killed[first] = true
	if err := first.stop(t, syscall.SIGTERM); err != nil {
		t.Errorf("the server ended with %v\n%s", err, first.log)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("the server took %v to end", took)
	}
	if !beside {
		second = f.add()
	}
	status, body, _ = second.ask(t, http.MethodGet, operation+"?wait=60", "")
	if status != http.StatusOK || stateOf(t, body) != "succeeded" || !strings.Contains(body, `"interrupted"`) {
		t.Errorf("the other server: %d %s", status, body)
	}
	t.Logf("completed %v after the signal", time.Since(begun).Round(time.Second))
	onlyLogs(t, f.aws, "in the end")
}

// TestFleetEndsWhatCannotBeQueuedAsInterrupted kills a server in the middle of a create that nobody waits for: its operation ends, and the same request completes it.
func TestFleetEndsWhatCannotBeQueuedAsInterrupted(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	reached, goOn := make(chan struct{}), make(chan struct{})
	f.aws.Inject(localaws.Fault{Operation: "CreateService", Effect: localaws.Hook, Func: func() { close(reached); <-goOn }})
	status, body, header := f.servers[0].ask(t, http.MethodPost, "/local/services", crashService, "Prefer: respond-async")
	if status != http.StatusAccepted {
		t.Fatalf("create: %d %s", status, body)
	}
	operation := strings.TrimPrefix(header.Get("Operation-Location"), "/v1/ecs")
	<-reached
	_, body, _ = f.servers[1].ask(t, http.MethodGet, operation, "")
	if stateOf(t, body) != "running" {
		t.Errorf("meanwhile: %s", body)
	}
	f.kill(0)
	killed := time.Now()
	close(goOn)
	if !onRealRedis() { // what Redis does half a minute later
		client := f.client()
		defer func() { _ = client.Close() }()
		for _, key := range client.Keys(t.Context(), "ecs-api:v1:"+org+":server:*").Val() {
			client.Del(t.Context(), key) // the one that lives says so again
		}
	}
	status, body, _ = f.servers[1].ask(t, http.MethodGet, operation+"?wait=180", "")
	if status != http.StatusOK || stateOf(t, body) != "interrupted" || !strings.Contains(body, "repeat the request to complete it") {
		t.Errorf("the other server: %d %s", status, body)
	}
	t.Logf("interrupted after %v", time.Since(killed).Round(time.Second))
	if status, body, _ := f.servers[1].ask(t, http.MethodPost, "/local/services", crashService); status != http.StatusOK && status != http.StatusConflict {
		t.Errorf("the same request: %d %s", status, body)
	}
	if status, body, _ := f.servers[1].ask(t, http.MethodGet, crashPath, ""); status != http.StatusOK {
		t.Errorf("the service: %d %s", status, body)
	}
}

// TestFleetContinuesAJobWithoutRedis kills Redis for longer than a lease while a job runs: its server completes it.
func TestFleetContinuesAJobWithoutRedis(t *testing.T) {
	if !onRealRedis() {
		t.Skip("takes 50 s; make test-redis runs it")
	}
	t.Parallel()
	f := newFleet(t, 2, localaws.WithLags(localaws.Lags{Drain: 45 * time.Second}))
	if status, body, _ := f.servers[0].ask(t, http.MethodPost, "/local/services", crashService); status != http.StatusOK {
		t.Fatalf("create: %d %s", status, body)
	}
	_, _, header := f.servers[0].ask(t, http.MethodDelete, crashPath+"?recursive=true", "")
	operation := strings.TrimPrefix(header.Get("Operation-Location"), "/v1/ecs")
	f.eventually("it runs", func() bool {
		_, body, _ := f.servers[1].ask(t, http.MethodGet, operation, "")
		return strings.Contains(body, "wait until the tasks have stopped")
	})
	f.redis.kill()
	time.Sleep(36 * time.Second) // longer than asynq's lease: that is what is tried
	f.redis.start()
	f.all("up")
	status, body, _ := f.servers[1].ask(t, http.MethodGet, operation+"?wait=120", "")
	for range 100 { // the servers write anew what Redis has lost
		if status == http.StatusOK && stateOf(t, body) != "running" {
			break
		}
		time.Sleep(100 * time.Millisecond)
		status, body, _ = f.servers[1].ask(t, http.MethodGet, operation+"?wait=120", "")
	}
	if status != http.StatusOK || stateOf(t, body) != "succeeded" {
		t.Errorf("in the end: %d %s", status, body)
	}
	onlyLogs(t, f.aws, "in the end")
	if n := strings.Count(body, "wait until the tasks have stopped"); n != 1 {
		t.Errorf("it was begun %d times: %s", n, body)
	}
}
