package main

import (
	"fmt"
	"os"
	"slices"

	"sigs.k8s.io/yaml"
)

// words are what the document says of types and members, by type and member; see words.yaml.
type words struct {
	texts map[string]map[string]any
	used  map[string]bool // type and member
}

// The keys of words.yaml that are no types and no members.
const ofAny, ofSelf = "any", "self"

func readWords(path string) (*words, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	w := &words{used: map[string]bool{}}
	if err := yaml.UnmarshalStrict(text, &w.texts); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return w, nil
}

// of returns the members that words.yaml gives to the schema of a member: its description, and what replaces generated ones.
func (w *words) of(typ, member string) schema {
	of := typ
	said, ok := w.texts[typ][member]
	if !ok && member != ofSelf {
		said, of = w.texts[ofAny][member], ofAny
	}
	w.used[of+"."+member] = true
	switch said := said.(type) {
	case string:
		return schema{{"description", said}}
	case map[string]any:
		var out schema
		for _, key := range slices.Sorted(mapsKeys(said)) {
			out = append(out, pair{key, said[key]})
		}
		return out
	}
	return nil
}

// unused returns the words that no type or member has.
func (w *words) unused() []string {
	var out []string
	for typ, members := range w.texts {
		for member := range members {
			if !w.used[typ+"."+member] {
				out = append(out, typ+"."+member)
			}
		}
	}
	slices.Sort(out)
	return out
}
