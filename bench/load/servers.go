package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"ecs-api/localaws"
)

// What the callers of the soak of several servers do, and on how many services.
const (
	numThreads = 12
	numNames   = 8
	// settleTime is how long operations may run when nothing happens any more: the work of a server that died is taken over within three minutes.
	settleTime = 4 * time.Minute
)

// write is a create or delete that has a response, or that may have happened.
type write struct {
	create     bool
	sure       bool // the response was a success; else nobody knows
	begin, end time.Time
	operation  string // that the response named
	replayed   bool   // the response is that of an earlier try
}

// begun is an operation that a response named.
type begun struct {
	one made
	at  time.Time
}

// soak is what the responses of several servers said.
type soak struct {
	*replicas
	names []made

	mu         sync.Mutex
	writes     map[made][]write
	operations map[string]begun
	says       map[string]int
	slowest    time.Duration
	slowestIs  string
	why        map[string]int // operations that failed, by code
}

// soakServers lets callers create, change and delete a few services while servers and Redis come and go and 2 % of the calls to AWS fail, then compares
// what exists with what was said.
func soakServers(ctx context.Context, binary string, duration time.Duration) error {
	r, err := launchReplicas(binary)
	if err != nil {
		return err
	}
	defer r.stop()
	s := &soak{replicas: r, writes: map[made][]write{}, operations: map[string]begun{}, says: map[string]int{}, why: map[string]int{}}
	for n := range numNames {
		one := made{"shared", fmt.Sprintf("s%dx", n)}
		if n%2 == 1 {
			one.cluster = one.name
		}
		s.names = append(s.names, one)
	}
	fmt.Printf("%d servers, %d callers on %d services for %v; servers and Redis are killed and restarted, 2 %% of the calls to AWS fail\n", numServers, numThreads, numNames, duration)
	for _, effect := range []localaws.Effect{localaws.Down, localaws.Throttle, localaws.Lose, localaws.Refuse} {
		r.aws.Inject(localaws.Fault{Probability: 0.005, Times: -1, Effect: effect})
	}
	limited, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	var all sync.WaitGroup
	for range numThreads {
		all.Go(func() { s.call(limited) })
	}
	if err := s.disturb(limited); err != nil {
		return err
	}
	all.Wait()
	r.aws.Heal()
	return errors.Join(s.settle(), s.judge(), s.clear())
}

// call is a caller, until ctx ends.
func (s *soak) call(ctx context.Context) {
	for ctx.Err() == nil {
		one := s.names[rand.IntN(numNames)]
		switch rand.IntN(10) {
		case 0, 1, 2, 3, 4:
			s.write(true, one, http.MethodPost, "/local/services", service(one.cluster, one.name), "Idempotency-Key", uuid.NewString())
		case 5, 6:
			s.try(http.MethodPatch, servicePath(one.cluster, one.name), fmt.Sprintf(`{"Containers": {"web": {"Image": "nginx:%d"}}}`, rand.IntN(1000)))
		case 7:
			s.try(http.MethodGet, servicePath(one.cluster, one.name)+"?all=true", "")
		default:
			s.write(false, one, http.MethodDelete, servicePath(one.cluster, one.name)+"?recursive=true", "")
		}
	}
}

// write makes a create or delete, and notes what came of it.
func (s *soak) write(create bool, one made, method, path, body string, header ...string) {
	begin := time.Now()
	a, sure := s.try(method, path, body, header...)
	w := write{create: create, sure: a.ok(), begin: begin, end: time.Now(), operation: strings.TrimPrefix(a.header.Get("Operation-Location"), "/v1/ecs"), replayed: a.header.Get("Idempotent-Replayed") != ""}
	switch {
	case a.ok(), !sure: // it happened, or may have
	case !create && a.status == http.StatusNotFound: // there was nothing
		w.sure = true
	default: // it was refused, and had no effect
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes[one] = append(s.writes[one], w)
	if _, known := s.operations[w.operation]; w.operation != "" && !known { // a delete that is repeated gets the operation of the first one
		s.operations[w.operation] = begun{one, begin}
	}
}

// try makes a request, to another server if one dies over it. Sure is false if a request may have happened whose response was lost, or failed half way.
func (s *soak) try(method, path, body string, header ...string) (last response, sure bool) {
	sure = true
	for range 20 {
		begin := time.Now()
		last = s.any().ask(method, path, body, header...)
		kind, _ := last.problem()
		s.mu.Lock()
		if last.ok() {
			kind = "200"
		}
		if took := time.Since(begin); took > s.slowest {
			s.slowest, s.slowestIs = took, fmt.Sprintf("%s %s %s at %s; its steps: %s", method, path, kind, begin.Format("04:05"), last.header.Get("Server-Timing"))
		}
		s.says[method+" "+kind]++
		s.mu.Unlock()
		switch {
		case last.err != nil || last.status >= http.StatusInternalServerError:
			sure = false
		case last.status == http.StatusConflict && strings.Contains(kind, "IdempotencyKeyInUse"): // the first of these tries may be at work yet
		case last.status == http.StatusConflict: // another caller has the service: this one does something else, a moment later
			time.Sleep(rand.N(200 * time.Millisecond))
			return last, sure
		default:
			return last, sure || last.ok()
		}
		time.Sleep(rand.N(500 * time.Millisecond))
	}
	return last, sure
}

// settle waits until every operation that was named has ended, whichever server it is asked of.
func (s *soak) settle() error {
	ends := map[string]int{}
	deadline := time.Now().Add(settleTime)
	var found []error
	for path, of := range s.operations {
		state := s.ended(path, deadline)
		if state == "running" || state == "unknown" && !s.unrecorded(of.at) {
			found = append(found, fmt.Errorf("operation %s of %v is %s", path, of.one, state))
		}
		ends[state]++
	}
	s.mu.Lock()
	fmt.Println("what happened:", s.trouble)
	fmt.Println("responses:", s.says)
	fmt.Printf("slowest response: %v, %s\n", s.slowest.Round(time.Millisecond), s.slowestIs)
	s.mu.Unlock()
	fmt.Println("operations, unknown being those that began while Redis was away, on a server that was killed before it was back:", ends)
	fmt.Println("why operations failed:", s.why)
	return errors.Join(found...)
}

// ended returns the state in which the operation ends.
func (s *soak) ended(path string, deadline time.Time) string {
	for {
		a := s.any().ask(http.MethodGet, path, "")
		var operation struct {
			State   string                 `json:"state"`
			Problem *struct{ Code string } `json:"problem"`
		}
		switch {
		case a.status == http.StatusNotFound:
			return "unknown"
		case a.ok() && json.Unmarshal(a.body, &operation) == nil && operation.State != "running":
			if operation.Problem != nil {
				s.why[operation.State+" "+operation.Problem.Code]++
			}
			return operation.State
		case time.Now().After(deadline):
			return "running"
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// verdict says whether the service must exist by what was said: yes, no, or "" where writes that overlap, or have no response, leave that open.
func verdict(writes []write) string {
	for i, w := range writes {
		after := func(other write) bool { return other.create != w.create && !other.end.Before(w.begin) }
		others := slices.Concat(writes[:i], writes[i+1:])
		switch {
		case !w.sure || slices.ContainsFunc(others, after):
		case w.create:
			return "yes"
		default:
			return "no"
		}
	}
	return ""
}

// judge compares what exists with what was said: services, and everything that belongs to one.
func (s *soak) judge() error {
	var found []error
	counts := map[string]int{}
	repeated := 0
	exists := map[made]bool{}
	for _, one := range s.names {
		must := verdict(s.writes[one])
		status := 0
		for i, server := range s.servers {
			a := server.ask(http.MethodGet, servicePath(one.cluster, one.name), "")
			if i > 0 && a.status != status {
				found = append(found, fmt.Errorf("%v is %d on one server, %d on another", one, status, a.status))
			}
			status = a.status
		}
		exists[one] = status == http.StatusOK
		counts[fmt.Sprintf("said %q, exists %v", must, exists[one])]++
		if must == "yes" && !exists[one] || must == "no" && exists[one] {
			found = append(found, fmt.Errorf("%v exists: %v, which is not what the responses say: %s", one, exists[one], s.history(one)))
		}
		if !exists[one] { // what a delete or a failed create owes is done when it is repeated, unless it has been already
			if n, err := s.remove(one); err != nil {
				found = append(found, err)
			} else if n > 1 {
				repeated++
			}
		}
	}
	fmt.Printf("services, by what was said last (empty where writes overlapped): %v; %d of those that do not exist needed a repetition\n", counts, repeated)
	return errors.Join(append(found, s.compare(exists))...)
}

// history tells of the latest creates and deletes of the service.
func (s *soak) history(one made) string {
	all := slices.SortedFunc(slices.Values(s.writes[one]), func(a, b write) int { return a.begin.Compare(b.begin) })
	var text strings.Builder
	for _, w := range all[max(0, len(all)-8):] {
		fmt.Fprintf(&text, "\n  %s to %s: create %v, sure %v, replayed %v %s", w.begin.Format("05.000"), w.end.Format("05.000"), w.create, w.sure, w.replayed, w.operation)
	}
	return text.String()
}

// remove deletes the service until nothing is left of it, and returns how often it asked.
func (s *soak) remove(one made) (asked int, err error) {
	for asked = 1; asked <= 10; asked++ {
		a := s.any().ask(http.MethodDelete, servicePath(one.cluster, one.name)+"?recursive=true", "")
		if a.status == http.StatusNotFound {
			return asked, nil
		}
		if location := a.header.Get("Operation-Location"); a.ok() && location != "" {
			s.ended(strings.TrimPrefix(location, "/v1/ecs"), time.Now().Add(settleTime))
		} else {
			time.Sleep(time.Second)
		}
	}
	return asked, fmt.Errorf("%v cannot be deleted, AWS being well", one)
}

// revision is how the inventory ends the name of a task definition.
var revision = regexp.MustCompile(`^(ecs:task-definition .*):\d+$`)

// compare compares the inventory with what the services need that exist. Log groups stay.
func (s *soak) compare(exists map[made]bool) error {
	want, have := map[string]bool{}, map[string]bool{}
	for one, there := range exists {
		if !there {
			continue
		}
		for _, line := range one.parts() {
			want[revision.ReplaceAllString(line, "$1")] = true
		}
	}
	for _, line := range s.aws.Inventory() {
		line, _, _ = strings.Cut(line, " (") // the id of a Cloud Map service
		if line = revision.ReplaceAllString(line, "$1"); !strings.HasPrefix(line, "logs:") || want[line] {
			have[line] = true
		}
	}
	var found []error
	for _, line := range slices.Sorted(maps.Keys(have)) {
		if !want[line] {
			found = append(found, errors.New("orphaned: "+line))
		}
	}
	for _, line := range slices.Sorted(maps.Keys(want)) {
		if !have[line] {
			found = append(found, errors.New("missing: "+line))
		}
	}
	fmt.Printf("inventory: %d lines that belong to services, %d differences\n", len(have), len(found))
	return errors.Join(found...)
}

// clear deletes all services, and sees that nothing is left but their log groups.
func (s *soak) clear() error {
	var found []error
	for _, one := range s.names {
		if _, err := s.remove(one); err != nil {
			found = append(found, err)
		}
	}
	fmt.Println("after all of them were deleted:")
	return errors.Join(append(found, s.compare(nil))...)
}
