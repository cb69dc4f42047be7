package spec

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Quantity is an amount of CPU or memory: a number or text, as callers write both.
type Quantity string

// UnmarshalJSON takes a number or text.
func (q *Quantity) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err == nil {
		*q = Quantity(s)
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(text, &n); err != nil {
		return err
	}
	*q = Quantity(n.String())
	return nil
}

// Form says what a quantity is written as.
func (*Quantity) Form() string { return "a number or a string" }

// Whole returns the quantity as a whole number.
func (q *Quantity) Whole() (*int64, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(string(*q)), 10, 64)
	return &n, err
}

// Units returns a task's CPU as units, and its memory as MiB, as ECS reads them; not ok for what ECS does not read.
func Units(cpu, memory string) (units, mib int64, ok bool) {
	u, first := quantity(cpu, "vcpu")
	m, second := quantity(memory, "gb")
	return int64(u), int64(m), first && second
}
