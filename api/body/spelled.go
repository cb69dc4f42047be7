package body

import (
	"strconv"
	"strings"

	"ecs-api/common"
)

// Spelled returns a path with the keys as the body spells them. What the body does not have stays as it is.
func (b *Body) Spelled(path string) string {
	spelled, rest := b.follow(path)
	return spelled + rest
}

// follow goes down a path as far as the body has it, and returns that part as the body spells it, and the rest.
func (b *Body) follow(path string) (there, rest string) {
	s := scanner{text: b.text}
	var spelled strings.Builder
	for path != "" {
		var key string
		switch s.peek() {
		case '{':
			key, path = s.member(path)
		case '[':
			key, path = s.element(path)
		}
		if key == "" {
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

// member moves to the value of the member that the path begins with, and returns its key and the rest of the path. Keys may hold dots: the
// longest one is meant.
func (s *scanner) member(path string) (key, rest string) {
	at, found := 0, false
	s.members(func(name string, _ int) {
		begin := s.at
		s.raw()
		n := len(name)
		if name != "" && n > len(key) && len(path) >= n && strings.EqualFold(path[:n], name) && (len(path) == n || path[n] == '.' || path[n] == '[') {
			key, at, found = name, begin, true
		}
	})
	if !found {
		return "", path
	}
	s.at = at
	return key, path[len(key):]
}

// element moves to the element whose index the path begins with, and returns the index in brackets and the rest of the path.
func (s *scanner) element(path string) (index, rest string) {
	end := strings.IndexByte(path, ']')
	if path[0] != '[' || end < 0 {
		return "", path
	}
	wanted, err := strconv.Atoi(path[1:end])
	if err != nil {
		return "", path
	}
	at := -1
	s.elements(func(i int) {
		s.peek()
		if i == wanted {
			at = s.at
		}
		s.raw()
	})
	if at < 0 {
		return "", path
	}
	s.at = at
	return path[:end+1], path[end+1:]
}

// Respell returns err with the fields that it names as the body spells them.
func (b *Body) Respell(err error) error { return common.RenameFields(err, b.Spelled) }
