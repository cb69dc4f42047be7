package main

import (
	"fmt"
	"iter"
	"maps"
	"regexp"
	"strings"
)

// schema is a JSON schema, or any part of one, whose members have an order.
type schema []pair

type pair struct {
	key   string
	value any
}

// with returns the schema with the members of another one, which replace its own.
func (s schema) with(other schema) schema {
	out := append(schema{}, s...)
	for _, p := range other {
		replaced := false
		for i := range out {
			if out[i].key == p.key {
				out[i], replaced = p, true
			}
		}
		if !replaced {
			out = append(out, p)
		}
	}
	return out
}

// null is the type of null.
const null = "null"

// plain are texts that YAML reads as such in braces, without quotes.
var plain = regexp.MustCompile(`^[A-Za-z/$][A-Za-z0-9 ./_$()…-]*$`)

// flow returns a value as YAML on one line.
func flow(v any) string {
	var parts []string
	switch v := v.(type) {
	case string:
		if plain.MatchString(v) && v != null && v != "true" && v != "false" {
			return v
		}
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	case schema:
		for _, p := range v {
			parts = append(parts, p.key+": "+flow(p.value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []string:
		for _, s := range v {
			parts = append(parts, flow(s))
		}
	case []any:
		for _, s := range v {
			parts = append(parts, flow(s))
		}
	default:
		return fmt.Sprint(v)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func mapsKeys(m map[string]any) iter.Seq[string] { return maps.Keys(m) }
