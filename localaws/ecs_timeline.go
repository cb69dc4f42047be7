package localaws

import (
	"container/heap"
	"time"
)

// timeline is what time has yet to bring, earliest first. Asking what is due costs nothing while nothing is.
type timeline struct {
	events eventHeap
	count  int
}

// event is something that happens at a time; the request it is given has that time, although the call that found it due may be later.
type event struct {
	at    time.Time
	count int // events of one time happen in the order in which they were planned
	do    func(*request)
}

// at plans an event.
func (l *timeline) at(t time.Time, do func(*request)) {
	l.count++
	heap.Push(&l.events, &event{at: t, count: l.count, do: do})
}

// due takes the earliest event off the timeline, or returns nil if it is after now.
func (l *timeline) due(now time.Time) *event {
	if len(l.events) == 0 || l.events[0].at.After(now) {
		return nil
	}
	return heap.Pop(&l.events).(*event)
}

// What ECS remembers of what is gone: STOPPED tasks for "at least one hour"; of the rest it says nothing. The simulator forgets earlier only
// if that would be more than its memory is worth.
const (
	remembered    = time.Hour
	maxRemembered = 10_000
)

// memory is what is to be forgotten, in the order in which it is.
type memory []memo

type memo struct {
	until  time.Time
	forget func()
}

// remember plans that something is forgotten.
func (r *request) remember(forget func()) {
	m := &r.region.ecs.memory
	*m = append(*m, memo{r.now.Add(remembered), forget})
}

// fade forgets what is old, or too much.
func (m *memory) fade(now time.Time) {
	for len(*m) > 0 && (len(*m) > maxRemembered || !(*m)[0].until.After(now)) {
		(*m)[0].forget()
		(*m)[0] = memo{}
		*m = (*m)[1:]
	}
}

// after plans an event in the request's region.
func (r *request) after(d time.Duration, do func(*request)) {
	r.region.ecs.timeline.at(r.now.Add(d), do)
}

type eventHeap []*event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].count < h[j].count
	}
	return h[i].at.Before(h[j].at)
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(*event)) }
func (h *eventHeap) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return e
}
