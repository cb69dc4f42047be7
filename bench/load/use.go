package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// use is what the program holds.
type use struct {
	goroutines int
	conns      int     // to AWS
	heap       float64 // MB in use after garbage collection
	rss        float64 // MB of the whole process
}

func (u use) String() string {
	return fmt.Sprintf("%d goroutines, %d connections to AWS, %.1f MB of live heap, %.0f MB resident", u.goroutines, u.conns, u.heap, u.rss)
}

// Where the figures of use are found.
var (
	goroutinesIn = regexp.MustCompile(`^goroutine profile: total (\d+)`)
	heapIn       = regexp.MustCompile(`(?m)^# HeapAlloc = (\d+)$`)
	rssIn        = regexp.MustCompile(`(?m)^process_resident_memory_bytes (\S+)$`)
	cpuIn        = regexp.MustCompile(`(?m)^process_cpu_seconds_total (\S+)$`)
)

// held returns what the program holds at the moment.
func (s *server) held() (use, error) {
	var u use
	var heap, rss, goroutines float64
	for _, one := range []struct {
		url  string
		in   *regexp.Regexp
		into *float64
	}{
		{s.url + "/metrics", rssIn, &rss},
		{s.debug + "/heap?debug=1&gc=1", heapIn, &heap}, // what pools hold outlives one collection
		{s.debug + "/heap?debug=1&gc=1", heapIn, &heap},
		{s.debug + "/goroutine?debug=1", goroutinesIn, &goroutines},
	} {
		number, err := figure(one.url, one.in)
		if err != nil {
			return u, err
		}
		*one.into = number
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u.conns, u.goroutines, u.heap, u.rss = len(s.conns), int(goroutines), heap/(1<<20), rss/(1<<20)
	return u, nil
}

// cpu returns the processor time that the program has taken, to some 10 ms.
func (s *server) cpu() (time.Duration, error) {
	seconds, err := figure(s.url+"/metrics", cpuIn)
	return time.Duration(seconds * float64(time.Second)), err
}

// figure returns the number that is found in the page at url.
func figure(url string, in *regexp.Regexp) (float64, error) {
	text, err := page(url)
	if err != nil {
		return 0, err
	}
	m := in.FindSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("%s has no line %v", url, in)
	}
	return strconv.ParseFloat(string(m[1]), 64)
}

// page returns what is at url, through a connection that is gone afterwards.
func page(url string) ([]byte, error) {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	r.Close = true
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	return io.ReadAll(resp.Body)
}

// rest closes all connections that nobody uses, those to AWS too, and returns what the program holds when that has stayed the same for a
// while. What never comes to rest is reported as it is after a minute.
func (s *server) rest() (use, error) {
	var before use
	same := 0
	for range 600 {
		s.client.CloseIdleConnections()
		open := s.hangUp()
		now, err := s.held()
		if err != nil {
			return now, err
		}
		if open > 0 || now.goroutines != before.goroutines {
			same = 0
		}
		if same++; same > 3 {
			return now, nil
		}
		before = now
		time.Sleep(100 * time.Millisecond)
	}
	return before, nil
}

// stacks returns the stacks of the program's goroutines, alike ones once with their number.
func (s *server) stacks() string {
	text, err := page(s.debug + "/goroutine?debug=1")
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(text))
}
