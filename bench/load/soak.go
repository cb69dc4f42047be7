package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"ecs-api/localaws"
)

// soakRead reads one service for a long time, 20 ms a call, and tells what the program holds meanwhile.
func soakRead(ctx context.Context, binary string, duration time.Duration, callers int) error {
	s, err := launch(binary, 20*time.Millisecond)
	if err != nil {
		return err
	}
	defer s.stop()
	if status, answer, _ := s.ask(http.MethodPost, "/local/services", service("bench")); status != http.StatusOK {
		return fmt.Errorf("create answered %d %s", status, answer)
	}
	part := max(duration/20, time.Second)
	for end := time.Now().Add(duration); time.Now().Before(end) && ctx.Err() == nil; {
		c := s.load(ctx, workloads[1], callers, part)
		fmt.Printf("%s  req/s, p50, p99, calls/req, failed: %v   %v\n", time.Until(end).Round(time.Second), c, s.use())
	}
	s.client.CloseIdleConnections()
	fmt.Println("at the end:", s.use())
	return ctx.Err()
}

// What the answers said of a service.
const (
	kept   = "kept"   // made, and not deleted
	gone   = "gone"   // deleted; its log group stays
	failed = "failed" // not made, with nothing left behind
	owed   = "owed"   // to be asked for once more when AWS is well
)

// churn is what the callers were told.
type churn struct {
	s     *server
	mu    sync.Mutex
	fates map[string]string
	says  map[string]int // answers by their status
}

// soakChurn creates and deletes services while 2 % of the calls fail, then compares what exists with what was said.
func soakChurn(ctx context.Context, binary string, duration time.Duration, callers int) error {
	s, err := launch(binary, 0)
	if err != nil {
		return err
	}
	defer s.stop()
	c := &churn{s: s, fates: map[string]string{}, says: map[string]int{}}
	for n := range callers { // what runs once has run, and connections are open, before the base is taken
		c.fate(fmt.Sprintf("warm%d", n), c.one(fmt.Sprintf("warm%d", n), true))
	}
	base := s.use()
	for _, effect := range []localaws.Effect{localaws.Down, localaws.Throttle, localaws.Lose, localaws.Refuse} {
		s.aws.Inject(localaws.Fault{Probability: 0.005, Times: -1, Effect: effect})
	}
	limited, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	var all sync.WaitGroup
	for n := range callers {
		all.Go(func() {
			for i := 0; limited.Err() == nil; i++ {
				name := fmt.Sprintf("c%dx%dx", n, i)
				c.fate(name, c.one(name, i%10 != 9))
			}
		})
	}
	all.Wait()
	s.aws.Heal()
	return c.judge(base)
}

func (c *churn) fate(name, fate string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fates[name] = fate
}

func (c *churn) said(what string, status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.says[fmt.Sprintf("%s %d", what, status)]++
}

// one creates a service and, if it is to go, deletes it.
func (c *churn) one(name string, goes bool) string {
	status, answer, _ := c.s.ask(http.MethodPost, "/local/services", service(name))
	c.said("POST", status)
	if status != http.StatusOK {
		var problem struct {
			LeftBehind []string `json:"leftBehind"`
		}
		if json.Unmarshal(answer, &problem) != nil || len(problem.LeftBehind) > 0 || status == http.StatusConflict {
			return owed
		}
		return failed
	}
	if !goes {
		return kept
	}
	return c.remove(name)
}

// remove deletes a service until nothing is left of it.
func (c *churn) remove(name string) string {
	for range 5 {
		status, _, header := c.s.ask(http.MethodDelete, servicePath(name)+"?recursive=true", "")
		c.said("DELETE", status)
		if status == http.StatusNotFound || status == http.StatusOK && c.follow(header.Get("Operation-Location")) {
			return gone
		}
	}
	return owed
}

// follow waits for an operation's end and reports whether it succeeded.
func (c *churn) follow(location string) bool {
	for {
		status, answer, _ := c.s.ask(http.MethodGet, strings.TrimPrefix(location, "/v1/ecs"), "")
		var operation struct {
			State string `json:"state"`
		}
		if status != http.StatusOK || json.Unmarshal(answer, &operation) != nil {
			return false
		}
		if operation.State != "running" {
			c.mu.Lock()
			c.says["operation "+operation.State]++
			c.mu.Unlock()
			return operation.State == "succeeded"
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// parts are what a service consists of, as the inventory calls it.
func parts(name string) []string {
	return []string{
		"ecs:cluster " + name, "ecs:service " + name + "/" + name, "ecs:task-definition " + name + ":1", "iam:role " + name + "-ecsTaskExecution",
		"logs:log-group " + name, "secretsmanager:secret spinup/localdev/" + name + "/" + name, "servicediscovery:service " + name,
	}
}

// judge asks again for what is owed, and compares.
func (c *churn) judge(base use) error {
	counts := map[string]int{}
	var want, logs []string
	for name, fate := range c.fates {
		counts[fate]++
		switch {
		case fate == kept:
			want = append(want, parts(name)...)
		case fate == owed && c.remove(name) != gone:
			fmt.Println("cannot be deleted, AWS being well:", name)
		}
		if fate == gone || fate == owed {
			logs = append(logs, "logs:log-group "+name)
		}
	}
	fmt.Println("answers:", c.says)
	fmt.Println("services:", counts)
	have := c.s.aws.Inventory()
	slices.Sort(want)
	slices.Sort(logs)
	wrong := 0
	for _, line := range want {
		if _, ok := slices.BinarySearch(have, line); !ok {
			wrong++
			fmt.Println("missing:", line)
		}
	}
	for _, line := range have {
		_, wanted := slices.BinarySearch(want, line)
		_, logged := slices.BinarySearch(logs, line)
		if !wanted && !logged {
			wrong++
			fmt.Println("left over:", line)
		}
	}
	fmt.Printf("inventory: %d lines, %d of them said to exist, %d differences\n", len(have), len(want), wrong)
	c.s.client.CloseIdleConnections()
	time.Sleep(5 * time.Second) // for connections to close
	fmt.Printf("before: %v\nafter:  %v\n", base, c.s.use())
	if wrong > 0 {
		return fmt.Errorf("the inventory and the answers differ in %d lines", wrong)
	}
	return nil
}
