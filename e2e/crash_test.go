package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/cloudwatchlogs"

	"ecs-api/localaws"
	"ecs-api/racetest"
)

// crashLags make a service drain for a moment, so that there is something to be interrupted in.
var crashLags = localaws.Lags{Drain: 30 * time.Millisecond, Register: 30 * time.Millisecond}

// server is one life of the program.
type server struct {
	cmd   *exec.Cmd
	url   string
	ended chan error
	log   *logBuffer
}

// launch starts the program in front of the AWS at endpoint. Whoever starts it ends it.
func launch(t *testing.T, endpoint string) *server {
	t.Helper()
	return launchIn(t, endpoint, nil, nil)
}

// launchIn is launch with some more of config and environment.
func launchIn(t *testing.T, endpoint string, more map[string]any, env []string) *server {
	t.Helper()
	if err := dependOnSources(); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, backEnd: backEnd{endpoint: endpoint, subnet: localaws.SubnetA, group: localaws.SecurityGroup, key: localaws.KMSKey}, vars: map[string]string{"account": localaws.DefaultAccount}}
	file := filepath.Join(t.TempDir(), "config.json")
	config := w.config()
	maps.Copy(config, more)
	if err := os.WriteFile(file, must(json.Marshal(config))(t), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &server{log: &logBuffer{served: make(chan string, 1)}, ended: make(chan error, 1)}
	served := s.log.served
	s.cmd = exec.CommandContext(context.Background(), plainBinary, "-config", file)
	s.cmd.Stderr = s.log
	s.cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "ECS_API_") || strings.HasPrefix(v, "OTEL_") || strings.HasPrefix(v, "AWS_CA_BUNDLE=")
	}), append([]string{"GOGC=400"}, env...)...) // most of them live for a moment: its start takes a third less processor time so
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill() }) // if the test has not
	go func() { s.ended <- s.cmd.Wait() }()
	select {
	case address := <-served:
		s.url = "http://" + address + "/v1/ecs"
	case err := <-s.ended:
		t.Fatalf("the program ended: %v\n%s", err, s.log)
	case <-time.After(time.Minute):
		t.Fatalf("the program does not say where it serves\n%s", s.log)
	}
	return s
}

// ask makes a request and returns the status; 0 if the program died over it.
func (s *server) ask(t *testing.T, method, path, body string, headers ...string) (int, string, http.Header) {
	t.Helper()
	r := must(http.NewRequestWithContext(context.Background(), method, s.url+path, strings.NewReader(body)))(t)
	r.Header.Set("X-Auth-Token", token)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error(), nil
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error(), nil
	}
	return resp.StatusCode, string(text), resp.Header
}

// stop ends the program with a signal and returns how it ended.
func (s *server) stop(t *testing.T, signal os.Signal) error {
	t.Helper()
	_ = s.cmd.Process.Signal(signal) // it may have ended
	select {
	case err := <-s.ended:
		return err
	case <-time.After(time.Minute):
		t.Fatalf("the program does not end\n%s", s.log)
		return nil
	}
}

// settled waits until the background work that a request got has ended.
func (s *server) settled(t *testing.T, header http.Header) {
	t.Helper()
	path := strings.TrimPrefix(header.Get("Operation-Location"), "/v1/ecs")
	if path == "" {
		return
	}
	status, body, _ := s.ask(t, http.MethodGet, path+"?wait=60", "")
	if status != http.StatusOK || stateOf(t, body) == "running" {
		t.Fatalf("GET %s returned %d %s", path, status, body)
	}
}

// stateOf returns the state of an operation.
func stateOf(t *testing.T, body string) string {
	t.Helper()
	var operation struct {
		State string `json:"state"`
	}
	if err := json.Unmarshal([]byte(body), &operation); err != nil {
		t.Fatal(err)
	}
	return operation.State
}

// crashService is the request for a service that uses everything.
const crashService = `{
	"cluster": {"clustername": "myclu"},
	"taskdefinition": {"family": "www-task", "cpu": "256", "memory": "512", "containerdefinitions": [{"name": "webserver", "image": "nginx:alpine"}]},
	"service": {"desiredcount": 1, "servicename": "www"},
	"serviceregistry": {"name": "www", "dnsconfig": {"namespaceid": "` + localaws.Namespace + `", "dnsrecords": [{"ttl": 30, "type": "A"}]}},
	"credentials": {"webserver": {"Name": "cred", "SecretString": "{\"username\": \"u\", \"password\": \"p\"}"}}
}`

const crashPath = "/local/clusters/myclu/services/www"

// crashThing is something that the program is killed over.
type crashThing struct {
	create, body string // the request that creates it
	path, view   string // of it, and of it with all that a change of it says
	param        string // a parameter of its space that the delete takes too; empty for none
	remove       string // the query of its recursive delete
	deleted      int    // the status of a recursive delete
	least        int    // calls that a create takes at least; a delete takes some more
}

// putParam puts the parameter of the thing's space.
func (thing crashThing) putParam(t *testing.T, s *server) {
	t.Helper()
	if thing.param == "" {
		return
	}
	if status, body, _ := s.ask(t, http.MethodPost, thing.param, `{"Name": "key", "Value": "hunter22"}`); status != http.StatusOK {
		t.Fatalf("the parameter: %d %s", status, body)
	}
}

// crashThings are what the program is killed over, in each AWS call of its creation, its changes and its deletion.
var crashThings = map[string]crashThing{
	"service":                 {"/local/services", crashService, crashPath, crashPath + "?all=true", "/local/params/myclu", "?recursive=true&params=true", http.StatusOK, 15},
	"managed task definition": {"/local/taskdefs", strings.Replace(jobBody, "batch", "myclu", 1), "/local/clusters/myclu/taskdefs/reports", "/local/clusters/myclu/taskdefs/reports", "", "?recursive=true", http.StatusAccepted, 12},
}

// crashTimes are when the program is killed in an AWS call, and whether the call has taken effect then. After it took effect AWS holds what it holds before
// the next call does, so that is left to the step races of CI, which takes its time.
func crashTimes() map[string]bool {
	times := map[string]bool{"before it takes effect": false}
	if racetest.All() {
		times["after it took effect"] = true
	}
	return times
}

// eachCrash runs do for each thing and each of the crashTimes.
func eachCrash(t *testing.T, do func(t *testing.T, thing crashThing, after bool)) {
	t.Helper()
	if backEndName() != "localaws" {
		t.Skip("plays faults that only localaws can; it runs without " + endpointVariable)
	}
	for name, thing := range crashThings {
		for when, after := range crashTimes() {
			t.Run(name+", "+when, func(t *testing.T) {
				t.Parallel()
				do(t, thing, after)
			})
		}
	}
}

// crashLanes is how many programs a crash loop kills side by side, each in front of an AWS of its own: the deletion of a role waits.
const crashLanes = 6

// eachCall runs do for the first call, the second one and so on, until it reports that there are not so many: at least so many there must be. Where racetest.Stride
// takes a sample, it runs do for every fifth call.
func eachCall(t *testing.T, least int, do func(t *testing.T, m *mortal, n int) bool) {
	t.Helper()
	stride := racetest.Stride(5)
	var kills atomic.Int64
	t.Run("calls", func(t *testing.T) {
		for lane := range crashLanes {
			t.Run(strconv.Itoa(lane), func(t *testing.T) {
				t.Parallel()
				m := newMortal(t)
				for n := 1 + lane*stride; do(t, m, n); n += crashLanes * stride {
					kills.Add(1)
				}
			})
		}
	})
	last := 1 + (int(kills.Load())-1)*stride
	t.Logf("killed in %d calls, the last of them being call %d", kills.Load(), last)
	if last <= least-stride {
		t.Errorf("there are to be %d calls at least", least)
	}
}

// killAt makes the simulator kill the program during its n-th call: before the call takes effect, or after, when its response is due. What it
// returns says whether it has.
func killAt(sim *localaws.AWS, n int, after bool, s *server) *atomic.Bool {
	killed := &atomic.Bool{}
	fault := localaws.Fault{N: n, Effect: localaws.Down, Func: func() {
		killed.Store(true)
		_ = s.cmd.Process.Kill()
	}}
	if after {
		fault.Effect = localaws.Lose
	}
	sim.Inject(fault)
	return killed
}

// onlyLogs fails the test unless nothing but the log group is left.
func onlyLogs(t *testing.T, sim *localaws.AWS, when string) {
	t.Helper()
	if left := sim.Inventory(); !slices.Equal(left, []string{"logs:log-group myclu"}) {
		t.Errorf("%s: left %v", when, left)
	}
}

// mortal is the program in one life after another, all of them in front of one simulated AWS. That which completes what the one before it was killed over is
// killed next.
type mortal struct {
	*server
	sim      *localaws.AWS
	endpoint string
	logs     *cloudwatchlogs.CloudWatchLogs // an independent client
}

// newMortal starts the first life in front of an empty AWS.
func newMortal(t *testing.T) *mortal {
	t.Helper()
	sim := localaws.New(localaws.WithLags(crashLags))
	endpoint := httptest.NewServer(sim)
	t.Cleanup(endpoint.Close)
	return &mortal{launch(t, endpoint.URL), sim, endpoint.URL, cloudwatchlogs.New(newSession(t, endpoint.URL))}
}

// revive starts the next life.
func (m *mortal) revive(t *testing.T) {
	t.Helper()
	_ = m.stop(t, syscall.SIGKILL) // dead already: how it ended is no news
	m.sim.Heal()
	m.server = launch(t, m.endpoint)
}

// empties fails the test unless nothing but the log group is left, and deletes that: the next create is to make it anew.
func (m *mortal) empties(t *testing.T, when string) {
	t.Helper()
	onlyLogs(t, m.sim, when)
	must(m.logs.DeleteLogGroup(&cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("myclu")}))(t)
}

// TestKilledInEachCallOfACreate kills the program in each AWS call of a create, starts it again, makes the same request, and takes the
// service down: the request succeeds, and nothing is left but the log group.
func TestKilledInEachCallOfACreate(t *testing.T) {
	t.Parallel()
	eachCrash(t, func(t *testing.T, thing crashThing, after bool) {
		eachCall(t, thing.least, func(t *testing.T, m *mortal, n int) bool {
			m.sim.ResetCalls()
			killAt(m.sim, n, after, m.server)
			status, body, _ := m.ask(t, http.MethodPost, thing.create, thing.body)
			if status == http.StatusOK {
				if len(m.sim.Calls()) >= n {
					t.Fatalf("call %d did not kill the program", n)
				}
				return false
			}
			if status != 0 {
				t.Fatalf("killed in call %d, the program returned %d %s", n, status, body)
			}
			m.revive(t)
			status, body, _ = m.ask(t, http.MethodPost, thing.create, thing.body)
			if status != http.StatusOK && status != http.StatusConflict {
				t.Errorf("after a kill in call %d the same request returned %d %s", n, status, body)
			}
			if status, body, _ := m.ask(t, http.MethodGet, thing.path, ""); status != http.StatusOK {
				t.Errorf("after a kill in call %d the service returns %d %s", n, status, body)
			}
			status, body, header := m.ask(t, http.MethodDelete, thing.path+"?recursive=true", "")
			if status != thing.deleted {
				t.Errorf("after a kill in call %d the delete returned %d %s", n, status, body)
			}
			m.settled(t, header)
			m.empties(t, fmt.Sprintf("killed in call %d", n))
			return true
		})
	})
}

// TestKilledInEachCallOfARecursiveDelete kills the program in each AWS call of a recursive delete, of its background work too, starts it
// again and repeats the request, until nothing is left.
func TestKilledInEachCallOfARecursiveDelete(t *testing.T) {
	t.Parallel()
	eachCrash(t, func(t *testing.T, thing crashThing, after bool) {
		eachCall(t, thing.least+3, func(t *testing.T, m *mortal, n int) bool {
			if status, body, _ := m.ask(t, http.MethodPost, thing.create, thing.body); status != http.StatusOK {
				t.Fatalf("create returned %d %s", status, body)
			}
			thing.putParam(t, m.server)
			m.sim.ResetCalls()
			dead := killAt(m.sim, n, after, m.server)
			_, _, header := m.ask(t, http.MethodDelete, thing.path+thing.remove, "")
			if operation := strings.TrimPrefix(header.Get("Operation-Location"), "/v1/ecs"); operation != "" {
				_, _, _ = m.ask(t, http.MethodGet, operation+"?wait=60", "") // until it has ended, or the program
			}
			if reached := dead.Load() || len(m.sim.Calls()) >= n; !reached {
				onlyLogs(t, m.sim, "not killed")
				return false
			}
			m.revive(t)
			status := 0
			for range 5 { // asked for until nothing is left
				var body string
				status, body, header = m.ask(t, http.MethodDelete, thing.path+thing.remove, "")
				if status == http.StatusNotFound {
					break
				}
				if status != thing.deleted {
					t.Fatalf("after a kill in call %d the repeated request returned %d %s", n, status, body)
				}
				m.settled(t, header)
			}
			if status != http.StatusNotFound {
				t.Errorf("after a kill in call %d it never ends with 404, but with %d", n, status)
			}
			m.empties(t, fmt.Sprintf("killed in call %d", n))
			return true
		})
	})
}

// TestSIGTERMDuringARecursiveDelete sees that the program finishes its background work, takes no new requests, and exits 0.
func TestSIGTERMDuringARecursiveDelete(t *testing.T) {
	parallel(t)
	if backEndName() != "localaws" {
		t.Skip("needs a service that drains, which moto's do not; it runs without " + endpointVariable)
	}
	sim := localaws.New(localaws.WithLags(localaws.Lags{Drain: 500 * time.Millisecond}))
	endpoint := httptest.NewServer(sim)
	defer endpoint.Close()
	s := launch(t, endpoint.URL)
	if status, body, _ := s.ask(t, http.MethodPost, "/local/services", crashService); status != http.StatusOK {
		t.Fatalf("create returned %d %s", status, body)
	}
	if status, body, _ := s.ask(t, http.MethodDelete, crashPath+"?recursive=true", ""); status != http.StatusOK {
		t.Fatalf("delete returned %d %s", status, body)
	}
	if err := s.stop(t, syscall.SIGTERM); err != nil {
		t.Errorf("the program ended with %v\n%s", err, s.log)
	}
	onlyLogs(t, sim, "after SIGTERM")
}

// crashChange is a change of something that has had two revisions, the second by the patch of its images.
type crashChange struct {
	thing        string
	method, path string // the path below the thing's
	body, want   string
}

var crashChanges = map[string]crashChange{
	"PATCH":                              {"service", http.MethodPatch, "", `{"Containers": {"webserver": {"Image": "nginx:3"}}, "DesiredCount": 2, "Tags": {"team": "blue"}}`, `"Image":"nginx:3"`},
	"rollback":                           {"service", http.MethodPost, "/rollback", `{"To": ${first}}`, `"Image":"nginx:alpine"`},
	"power":                              {"service", http.MethodPut, "/power", `{"state": "stop"}`, `"DesiredCount":0`},
	"PATCH of a managed task definition": {"managed task definition", http.MethodPatch, "", `{"Containers": {"report": {"Image": "busybox:3"}}, "Tags": {"team": "blue"}}`, `"Image":"busybox:3"`},
	"PUT of a managed task definition": {"managed task definition", http.MethodPut, "", `{"taskdefinition": {"cpu": "256", "memory": "1024", "containerdefinitions": [{"name": "report", "image": "busybox:3"}, {"name": "side", "image": "busybox:3"}]},
		"credentials": {"side": {"Name": "side-cred", "SecretString": "{\"username\": \"supahman\", \"password\": \"dontkryptonitemebro\"}"}}, "tags": [{"Key": "team", "Value": "blue"}]}`, `"side":"spinup/localdev/myclu/side-cred"`},
}

// crashPatches are the changes that come before those that the program is killed over.
var crashPatches = map[string]string{"service": `{"Containers": {"webserver": {"Image": "nginx:2"}}}`, "managed task definition": `{"Containers": {"report": {"Image": "busybox:2"}}}`}

// TestKilledInEachCallOfAChange kills the program in each AWS call of a change, starts it again and makes the same request: the thing is what the request says, and
// a recursive delete leaves nothing but the log group.
func TestKilledInEachCallOfAChange(t *testing.T) {
	if backEndName() != "localaws" {
		t.Skip("plays faults that only localaws can; it runs without " + endpointVariable)
	}
	t.Parallel()
	for name, change := range crashChanges {
		for when, after := range crashTimes() {
			t.Run(name+", "+when, func(t *testing.T) {
				t.Parallel()
				eachCall(t, 5, func(t *testing.T, m *mortal, n int) bool { return change.killed(t, m, n, after) })
			})
		}
	}
}

// killed kills the program in the n-th call of a change. It reports whether the change has so many calls.
func (c crashChange) killed(t *testing.T, m *mortal, n int, after bool) bool {
	t.Helper()
	thing := crashThings[c.thing]
	status, body, _ := m.ask(t, http.MethodPost, thing.create, thing.body)
	var first struct{ TaskDefinition struct{ Revision int } }
	if err := json.Unmarshal([]byte(body), &first); status != http.StatusOK || err != nil || first.TaskDefinition.Revision == 0 {
		t.Fatalf("create returned %d %s", status, body)
	}
	if status, body, _ := m.ask(t, http.MethodPatch, thing.path, crashPatches[c.thing]); status != http.StatusOK {
		t.Fatalf("the change before returned %d %s", status, body)
	}
	change := strings.ReplaceAll(c.body, "${first}", strconv.Itoa(first.TaskDefinition.Revision))
	m.sim.ResetCalls()
	killed := killAt(m.sim, n, after, m.server)
	status, body, _ = m.ask(t, c.method, thing.path+c.path, change)
	if !killed.Load() {
		if status != http.StatusOK {
			t.Errorf("got %d %s", status, body)
		}
		return false
	}
	m.revive(t)
	status, body, _ = m.ask(t, c.method, thing.path+c.path, change)
	done := status == http.StatusOK || strings.Contains(body, "NothingToRollBackTo") // the request before it was killed has done it
	if !done {
		t.Errorf("after a kill in call %d the same request returned %d %s", n, status, body)
	}
	if _, body, _ := m.ask(t, http.MethodGet, thing.view, ""); !strings.Contains(body, c.want) {
		t.Errorf("after a kill in call %d there is no %s: %s", n, c.want, body)
	}
	_, _, header := m.ask(t, http.MethodDelete, thing.path+"?recursive=true", "")
	m.settled(t, header)
	m.empties(t, fmt.Sprintf("killed in call %d", n))
	return true
}
