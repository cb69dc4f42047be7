package body

import (
	"strconv"
	"strings"

	"ecs-api/common"
)

// node is a value of a body, by what can be followed down into it. A path costs its length then, not that of the body.
type node struct {
	members  map[string]member // by the key in lower case
	elements []*node
}

// member is a member of an object: its key as the body spells it, and its value.
type member struct {
	key   string
	value *node
}

// treeOf returns the tree of the value that follows.
func (s *scanner) treeOf() *node {
	n := &node{}
	switch s.peek() {
	case '{':
		n.members = map[string]member{}
		s.members(func(key string, _ int) {
			value, lower := s.treeOf(), strings.ToLower(key)
			if _, ok := n.members[lower]; !ok && key != "" {
				n.members[lower] = member{key, value}
			}
		})
	case '[':
		s.elements(func(int) { n.elements = append(n.elements, s.treeOf()) })
	default:
		s.raw()
	}
	return n
}

// Spelled returns a path with the keys as the body spells them. What the body does not have stays as it is.
func (b *Body) Spelled(path string) string {
	spelled, rest := b.follow(path)
	return spelled + rest
}

// follow goes down a path as far as the body has it, and returns that part as the body spells it, and the rest.
func (b *Body) follow(path string) (there, rest string) {
	if b.tree == nil {
		b.tree = (&scanner{text: b.text}).treeOf()
	}
	var spelled strings.Builder
	for at := b.tree; path != ""; {
		var key string
		if at, key, path = at.step(path); key == "" {
			break
		}
		spelled.WriteString(key)
		if dotted, ok := strings.CutPrefix(path, "."); ok {
			spelled.WriteByte('.')
			path = dotted
		}
	}
	return spelled.String(), path
}

// step returns the value that the path begins with, how the body spells that step, which is empty if it does not have it, and the rest of the path.
func (n *node) step(path string) (to *node, spelled, rest string) {
	if path[0] == '[' && n.members == nil {
		return n.element(path)
	}
	lower := strings.ToLower(path)
	if len(lower) != len(path) { // letters of other scripts may have other lengths in lower case: an end would be another one
		lower = path
	}
	for end := len(path); end > 0; end = strings.LastIndexAny(path[:end], ".[") { // keys may hold dots: the longest one is meant
		if m, ok := n.members[lower[:end]]; ok {
			return m.value, m.key, path[end:]
		}
	}
	return n, "", path
}

// element returns the element whose index in brackets the path begins with.
func (n *node) element(path string) (to *node, spelled, rest string) {
	end := strings.IndexByte(path, ']')
	if end < 0 {
		return n, "", path
	}
	i, err := strconv.Atoi(path[1:end])
	if err != nil || i < 0 || i >= len(n.elements) {
		return n, "", path
	}
	return n.elements[i], path[:end+1], path[end+1:]
}

// Respell returns err with the fields that it names as the body spells them.
func (b *Body) Respell(err error) error { return common.RenameFields(err, b.Spelled) }
