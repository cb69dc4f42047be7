package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"ecs-api/localaws"
)

// What the responses said of a service.
const (
	kept   = "kept"   // created, and not deleted
	gone   = "gone"   // deleted; its log group stays
	failed = "failed" // not created, with nothing left
	owed   = "owed"   // to be asked for once more when AWS is well
)

// Every other service has a cluster of its own and goes at once. The others are built in clusters that they share, and each caller keeps
// its latest ones: their number must not grow, as a recursive delete looks at every cluster of the account.
const (
	keep   = 4
	spaces = 8
)

// churn is what the responses said.
type churn struct {
	s     *server
	mu    sync.Mutex
	fates map[made]string
	says  map[string]int // responses, and ends of operations
}

// made is a service that a caller has asked for.
type made struct{ cluster, name string }

// soakChurn creates and deletes services while 2 % of the calls fail, then compares what exists with what was said.
func soakChurn(ctx context.Context, binary string, duration time.Duration, callers int) error {
	s, err := launch(binary, 0)
	if err != nil {
		return err
	}
	defer s.stop()
	c := &churn{s: s, fates: map[made]string{}, says: map[string]int{}}
	if err := c.warmUp(callers); err != nil {
		return err
	}
	base, err := s.rest()
	if err != nil {
		return err
	}
	fmt.Printf("%d callers create and delete services for %v, 2 %% of the calls to AWS failing; each keeps %d alive\nbefore: %v\n", callers, duration, keep, base)
	for _, effect := range []localaws.Effect{localaws.Down, localaws.Throttle, localaws.Lose, localaws.Refuse} {
		s.aws.Inject(localaws.Fault{Probability: 0.005, Times: -1, Effect: effect})
	}
	limited, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	var all sync.WaitGroup
	for n := range callers {
		all.Go(func() { c.call(limited, n) })
	}
	first, err := c.watch(limited, duration)
	all.Wait()
	if err != nil {
		return err
	}
	s.aws.Heal()
	wrong := c.judge()
	after := s.atRest(base)
	now, err := s.held()
	if err == nil && grown(first.heap, now.heap) {
		err = fmt.Errorf("the heap has grown from %.1f MB early on to %.1f MB at rest", first.heap, now.heap)
	}
	return errors.Join(wrong, after, err)
}

// warmUp creates and deletes a service for each caller: what runs once has run before the base is taken.
func (c *churn) warmUp(callers int) error {
	var all sync.WaitGroup
	for n := range callers {
		all.Go(func() {
			one := made{fmt.Sprintf("warm%d", n), fmt.Sprintf("warm%d", n)}
			if c.create(one) {
				c.remove(one)
			}
		})
	}
	all.Wait()
	for one, fate := range c.fates {
		if fate != gone {
			return fmt.Errorf("%s, AWS being well, is %s: %v", one.name, fate, c.says)
		}
	}
	return nil
}

// call is the n-th caller, until ctx ends.
func (c *churn) call(ctx context.Context, n int) {
	var alive []made
	for i := 0; ctx.Err() == nil; i++ {
		one := made{fmt.Sprintf("c%dx%dx", n, i), fmt.Sprintf("c%dx%dx", n, i)}
		if i%2 == 0 {
			one.cluster = fmt.Sprintf("space%d", n%spaces)
		}
		switch {
		case !c.create(one):
		case i%2 == 1:
			c.remove(one)
		case len(alive) == keep:
			c.remove(alive[0])
			alive = append(alive[1:], one)
		default:
			alive = append(alive, one)
		}
	}
}

// watch tells, a line a minute, what the program holds until ctx ends, and returns what it held first.
func (c *churn) watch(ctx context.Context, duration time.Duration) (first use, err error) {
	part := min(duration/5, time.Minute)
	tick := time.NewTicker(part)
	defer tick.Stop()
	for at := part; ; at += part {
		select {
		case <-ctx.Done():
			return first, nil
		case <-tick.C:
		}
		now, err := c.s.held()
		if err != nil {
			return first, err
		}
		if at == part {
			first = now
		}
		c.mu.Lock()
		fmt.Printf("%7v %7d services made or tried %9d calls to AWS   %v\n", at, len(c.fates), c.s.calls.Load(), now)
		c.mu.Unlock()
	}
}

func (c *churn) fate(one made, fate string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fates[one] = fate
}

func (c *churn) said(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.says[what]++
}

// ask makes a request and counts its response.
func (c *churn) ask(method, path, body string) response {
	a := c.s.ask(method, path, body)
	if kind, _ := a.problem(); !a.ok() {
		c.said(method + " " + kind)
	} else {
		c.said(method + " 200")
	}
	return a
}

// create makes a service and reports whether it is there.
func (c *churn) create(one made) bool {
	a := c.ask(http.MethodPost, "/local/services", service(one.cluster, one.name))
	var problem struct {
		LeftBehind []string `json:"leftBehind"`
	}
	switch {
	case a.ok():
		c.fate(one, kept)
	case json.Unmarshal(a.body, &problem) != nil || len(problem.LeftBehind) > 0 || a.status == http.StatusConflict:
		c.fate(one, owed)
	default:
		c.fate(one, failed)
	}
	return a.ok()
}

// remove deletes a service until nothing is left of it.
func (c *churn) remove(one made) bool {
	for range 5 {
		a := c.ask(http.MethodDelete, servicePath(one.cluster, one.name)+"?recursive=true", "")
		if a.status == http.StatusNotFound || a.ok() && c.follow(a.header.Get("Operation-Location")) {
			c.fate(one, gone)
			return true
		}
	}
	c.fate(one, owed)
	return false
}

// follow waits for an operation's end and reports whether it succeeded.
func (c *churn) follow(location string) bool {
	for {
		a := c.s.ask(http.MethodGet, strings.TrimPrefix(location, "/v1/ecs"), "")
		var operation struct {
			State string `json:"state"`
		}
		if !a.ok() || json.Unmarshal(a.body, &operation) != nil {
			return false
		}
		if operation.State != "running" {
			c.said("operation " + operation.State)
			return operation.State == "succeeded"
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// parts are what a service consists of, as the inventory calls it.
func (m made) parts() []string {
	return []string{
		"ecs:cluster " + m.cluster, "ecs:service " + m.cluster + "/" + m.name, "ecs:task-definition " + m.name + ":1", "iam:role " + m.cluster + "-ecsTaskExecution",
		m.logs(), "secretsmanager:secret spinup/localdev/" + m.cluster + "/" + m.name, "servicediscovery:service " + m.name,
	}
}

func (m made) logs() string { return "logs:log-group " + m.cluster }

// expected returns what must exist, and what may exist beside it: log groups stay.
func (c *churn) expected() (want, may map[string]bool) {
	want, may = map[string]bool{}, map[string]bool{}
	for one, fate := range c.fates {
		may[one.logs()] = fate != failed || strings.HasPrefix(one.cluster, "space") || may[one.logs()]
		if fate == kept {
			for _, line := range one.parts() {
				want[line] = true
			}
		}
	}
	return want, may
}

// judge repeats the requests for what is owed, and compares what exists with what was said.
func (c *churn) judge() error {
	said := map[string]int{}
	for one, fate := range maps.Clone(c.fates) {
		if said[fate]++; fate == owed && !c.remove(one) {
			fmt.Println("cannot be deleted, AWS being well:", one)
		}
	}
	fmt.Println("responses:", c.says)
	fmt.Println("services:", said)
	want, may := c.expected()
	wrong := 0
	have := map[string]bool{}
	for _, line := range c.s.aws.Inventory() {
		line, _, _ = strings.Cut(line, " (") // the id of a registry
		if have[line] = true; !want[line] && !may[line] {
			wrong++
			fmt.Println("left over:", line)
		}
	}
	for line := range want {
		if !have[line] {
			wrong++
			fmt.Println("missing:", line)
		}
	}
	fmt.Printf("inventory: %d lines, %d of them said to exist, %d differences\n", len(have), len(want), wrong)
	if wrong > 0 {
		return fmt.Errorf("the inventory and the responses differ in %d lines", wrong)
	}
	return nil
}
