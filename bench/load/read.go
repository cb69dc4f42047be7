package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// What reading one service may cost, 20 ms a call to AWS.
const (
	round     = 20 * time.Millisecond
	mostCalls = .1        // per request
	longest   = 3 * round // of 99 % of the requests
)

// grown reports whether a heap, in MB, has grown by more than chance.
func grown(from, to float64) bool { return to > from*1.1+1 }

// soakRead reads one service for a long time and tells, a line a minute, how it goes and what the program holds meanwhile.
func soakRead(ctx context.Context, binary string, duration time.Duration, callers int) error {
	s, err := launch(binary, round)
	if err != nil {
		return err
	}
	defer s.stop()
	if err := s.ask(http.MethodPost, "/local/services", service(bench, bench)).failed("create"); err != nil {
		return err
	}
	base, err := s.rest()
	if err != nil {
		return err
	}
	fmt.Printf("%d callers read one service, %v a call to AWS, for %v\nbefore: %v\n%7s%s\n", callers, round, duration, base, "", cellHead)
	part := min(duration/5, time.Minute)
	var found []error
	var first use
	for at := part; at <= duration && ctx.Err() == nil; at += part {
		c, err := s.load(ctx, show, callers, part)
		if err != nil {
			return err
		}
		now, err := s.held()
		if err != nil {
			return err
		}
		if at == part {
			first = now
		}
		fmt.Printf("%7v%v   %v\n", at, c, now)
		c.wrong.print()
		found = append(found, c.tooMuch(at))
		if grown(first.heap, now.heap) {
			found = append(found, fmt.Errorf("the heap has grown from %.1f to %.1f MB until %v", first.heap, now.heap, at))
		}
	}
	return errors.Join(append(found, s.atRest(base), ctx.Err())...)
}

// tooMuch says what of the reading until then failed, or cost more than it may; nil if nothing did.
func (c cell) tooMuch(until time.Duration) error {
	switch {
	case c.wrong.total() > 0:
		return fmt.Errorf("%d requests failed until %v", c.wrong.total(), until)
	case c.callsEach() > mostCalls:
		return fmt.Errorf("%.3f calls to AWS per request until %v", c.callsEach(), until)
	case c.at(.99) >= longest:
		return fmt.Errorf("a p99 of %v until %v", c.at(.99), until)
	}
	return nil
}

// atRest compares what the program holds at rest with what it held before.
func (s *server) atRest(base use) error {
	after, err := s.rest()
	if err != nil {
		return err
	}
	fmt.Printf("before: %v\nafter:  %v\n", base, after)
	if after.goroutines > base.goroutines || after.conns > base.conns { // fewer were those of the start
		fmt.Println(s.stacks())
		return errors.New("goroutines or connections are left over")
	}
	return nil
}
