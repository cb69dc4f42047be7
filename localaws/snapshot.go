package localaws

import (
	"maps"
	"slices"
	"strings"
)

// snapshotter is a service's state that can write down what callers care about: one fact a line, "ecs:service myclu/www desiredCount 2",
// in an order that depends on nothing but the facts. Ids that AWS makes, times, tasks and events are no such facts.
type snapshotter interface {
	snapshot(*strings.Builder)
}

// Snapshot returns the lasting state as text, to be compared with what it is later: parameters and tags, values of secrets, definitions in
// use. Two snapshots are equal if a caller could not tell the states apart, except by tasks, events, ids and times.
func (a *AWS) Snapshot() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var b strings.Builder
	for _, id := range slices.Sorted(maps.Keys(a.accounts)) {
		acc := a.accounts[id]
		section(&b, "account "+id, acc.snapshotters())
		for _, name := range slices.Sorted(maps.Keys(acc.regions)) {
			r := acc.regions[name]
			a.settle(acc, r)
			section(&b, "account "+id+" region "+name, r.snapshotters())
		}
	}
	return b.String()
}

// section writes facts below a heading. Without facts there is none: an account that was only looked at is like one that was not.
func section(b *strings.Builder, heading string, states []snapshotter) {
	var facts strings.Builder
	for _, s := range states {
		s.snapshot(&facts)
	}
	if facts.Len() > 0 {
		b.WriteString(heading + "\n" + facts.String())
	}
}

// snapshotters returns the account's global states.
func (acc *account) snapshotters() []snapshotter { return []snapshotter{&acc.iam} }

// snapshotters returns the region's states.
func (r *region) snapshotters() []snapshotter {
	return []snapshotter{&r.ecs, &r.secrets, &r.parameters, &r.servicediscovery, &r.logs, &r.elb}
}

// fact writes one line of a snapshot.
func fact(b *strings.Builder, words ...string) {
	b.WriteString(strings.Join(words, " ") + "\n")
}

// tagFacts writes a line for each of a thing's tags.
func tagFacts(b *strings.Builder, thing string, tags tagList) {
	sorted := slices.SortedFunc(slices.Values(tags), func(x, y tagPair) int { return strings.Compare(x.key, y.key) })
	for _, t := range sorted {
		fact(b, thing, "tag", t.key+"="+t.value)
	}
}
