package body

import (
	"reflect"
	"strings"
	"sync"
)

// field is a member that a struct knows.
type field struct {
	name    string // as encoding/json matches it
	shown   string // as AWS documents it
	letters letters
	typ     reflect.Type
	nulls   bool // its map may hold nulls
}

// object is what is known of a struct.
type object struct {
	fields []field
	exact  map[string]int
	folded map[string]int
}

var (
	int64Type = reflect.TypeFor[*int64]()
	int32Type = reflect.TypeFor[*int32]()
)

var objects sync.Map // of *object by reflect.Type

// objectOf returns what is known of the struct t.
func objectOf(t reflect.Type) *object {
	if known, ok := objects.Load(t); ok {
		return known.(*object)
	}
	o := &object{exact: map[string]int{}, folded: map[string]int{}}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" || f.Anonymous && name == "" {
			continue
		}
		known := field{name: name, shown: name, typ: f.Type, nulls: f.Tag.Get("body") == "nulls"}
		if name == "" {
			known.name = f.Name
			known.shown = f.Tag.Get("locationName")
		}
		switch of := f.Tag.Get("type"); { // AWS's integers have 32 bits, and its longs 64: the SDK keeps both in an int64. No list is of longs.
		case f.Type == int64Type && of == "integer":
			known.typ = int32Type
		case f.Type == reflect.SliceOf(int64Type) && of == "list":
			known.typ = reflect.SliceOf(int32Type)
		}
		known.letters = lettersOf(known.name)
		o.exact[known.name] = len(o.fields)
		if _, ok := o.folded[fold(known.name)]; !ok {
			o.folded[fold(known.name)] = len(o.fields)
		}
		o.fields = append(o.fields, known)
	}
	known, _ := objects.LoadOrStore(t, o)
	return known.(*object)
}

// find returns the field that a key means to encoding/json: the one that is spelt so, else the first that differs in case only.
func (o *object) find(key string) (int, bool) {
	i, ok := o.exact[key]
	if !ok && len(key) <= longestKey {
		i, ok = o.folded[fold(key)]
	}
	return i, ok
}

// fold returns a key as encoding/json compares keys: without case, and with the two letters of other scripts that are equal to ASCII ones.
func fold(key string) string { return strings.ToLower(otherLetters.Replace(key)) }

var otherLetters = strings.NewReplacer("ſ", "s", "\u212a", "k") // the long s and the Kelvin sign

// nearest returns the known key that was probably meant by an unknown one, written as the caller writes keys; false if none is near.
func (o *object) nearest(key string) (string, bool) {
	unknown := lettersOf(key)
	best, at := tooFar, -1
	for i := range o.fields {
		if d := unknown.distance(&o.fields[i].letters); d < best {
			best, at = d, i
		}
	}
	if at < 0 {
		return "", false
	}
	name := o.fields[at].shown
	if name == "" {
		if name = o.fields[at].name; key[0] >= 'a' && key[0] <= 'z' {
			name = strings.ToLower(name[:1]) + name[1:]
		}
	}
	return name, true
}
