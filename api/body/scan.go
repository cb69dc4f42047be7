package body

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner moves over a text that is known to be JSON.
type scanner struct {
	text []byte
	at   int
}

// peek skips white space and returns the byte that begins what follows.
func (s *scanner) peek() byte {
	for {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return c
		}
	}
}

// next moves past white space and the byte that follows.
func (s *scanner) next() {
	s.peek()
	s.at++
}

// raw returns the value that follows, and moves past it.
func (s *scanner) raw() []byte {
	c := s.peek()
	begin := s.at
	switch c {
	case '"':
		s.quoted()
	case '{', '[':
		s.nested()
	default:
		for s.at < len(s.text) && !strings.ContainsRune(" \t\r\n,]}:", rune(s.text[s.at])) {
			s.at++
		}
	}
	return s.text[begin:s.at]
}

// quoted moves past a string.
func (s *scanner) quoted() {
	for s.at++; s.text[s.at] != '"'; s.at++ {
		if s.text[s.at] == '\\' {
			s.at++
		}
	}
	s.at++
}

// nested moves past an object or an array.
func (s *scanner) nested() {
	for depth := 0; ; {
		switch s.text[s.at] {
		case '"':
			s.quoted()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		s.at++
		if depth == 0 {
			return
		}
	}
}

// members calls do at the value of each member of the object that follows; do must move past it.
func (s *scanner) members(do func(key string, begin int)) {
	s.next() // {
	for s.peek() != '}' {
		begin := s.at
		key := unquote(s.raw())
		s.next() // :
		do(key, begin)
		if s.peek() == ',' {
			s.next()
		}
	}
	s.next() // }
}

// elements calls do at each element of the array that follows; do must move past it.
func (s *scanner) elements(do func(i int)) {
	s.next() // [
	for i := 0; s.peek() != ']'; i++ {
		do(i)
		if s.peek() == ',' {
			s.next()
		}
	}
	s.next() // ]
}

// unquote returns what a JSON string says.
func unquote(raw []byte) string {
	plain := string(raw[1 : len(raw)-1])
	if strings.IndexByte(plain, '\\') < 0 {
		return plain
	}
	var text string
	if json.Unmarshal(raw, &text) != nil { // it is a JSON string
		return plain
	}
	return text
}

// loneSurrogate returns where a text that is known to be JSON has an escape that is half of a surrogate pair without the other half, or -1.
func loneSurrogate(text []byte) int {
	for at := 0; ; {
		next := bytes.IndexByte(text[at:], '\\')
		if next < 0 {
			return -1
		}
		at += next
		half := escaped(text[at:])
		switch {
		case !utf16.IsSurrogate(half):
			at += 2
		case utf16.DecodeRune(half, escaped(text[at+6:])) == utf8.RuneError:
			return at
		default:
			at += 12
		}
	}
}

// escaped returns the character that an escape such as \u20ac at the begin of a text stands for, or 0 for any other begin.
func escaped(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0
	}
	code, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(code)
}
