package body

import (
	"bytes"
	"encoding"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// walker goes over a body and the type that it is decoded into side by side.
type walker struct {
	scanner
	body       *Body
	path       []segment
	seen       []int // where the key of each field of the objects that are open stands, or -1
	edits      []edit
	nulls      []string
	wantsNulls bool
	sibling    Sibling // of the whole body; nil for none
	longest    int     // how many bytes the longest free key has
}

// segment is one step down into a body: a key, or an index where the key is empty and the index is not negative.
type segment struct {
	key   string
	index int
}

// edit puts other text in the place of a part of the body.
type edit struct {
	begin, end int
	text       string
}

// maxShown is how much of a key is shown. Keys of ours are far shorter.
const maxShown = 128

func (w *walker) push(s segment) { w.path = append(w.path, s) }
func (w *walker) pop()           { w.path = w.path[:len(w.path)-1] }

// where returns the path of what the walker is at, in the caller's spelling.
func (w *walker) where() string {
	var b strings.Builder
	for _, s := range w.path {
		switch {
		case s.index >= 0:
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
			continue
		case b.Len() > 0:
			b.WriteByte('.')
		}
		b.WriteString(shown(s.key))
	}
	return b.String()
}

// shown returns how a key is shown: an empty one in quotes, a long one in part.
func shown(key string) string {
	if key == "" {
		return `""`
	}
	if len(key) <= maxShown {
		return key
	}
	return strings.ToValidUTF8(key[:maxShown], "") + "…"
}

// value walks over the value that follows, which is decoded into a t. Elements of arrays and maps must not be null.
func (w *walker) value(t reflect.Type, element bool) {
	for t.Kind() == reflect.Pointer && !opaque(t) {
		t = t.Elem()
	}
	c := w.peek()
	switch {
	case c == 'n':
		w.null(element)
	case opaque(t):
		w.whole(t)
	case t.Kind() == reflect.Struct && c == '{':
		w.object(objectOf(t))
	case t.Kind() == reflect.Map && c == '{':
		w.entries(t.Elem(), false)
	case isBytes(t) && c == '"':
		if _, err := base64.StdEncoding.DecodeString(unquote(w.raw())); err != nil {
			w.body.wrong(w.where, "must be base64 text")
		}
	case isList(t) && c == '[':
		w.elements(func(i int) {
			w.push(segment{index: i})
			w.value(t.Elem(), true)
			w.pop()
		})
	default:
		w.scalar(t, c)
	}
}

// null walks over a null.
func (w *walker) null(element bool) {
	w.raw()
	if element {
		w.body.HasNulls = true
		w.body.wrong(w.where, "must not be null")
	} else if w.wantsNulls {
		w.nulls = append(w.nulls, strings.ToLower(w.where()))
	}
}

// aNumber is what messages call a number.
const aNumber = "a number"

// scalar walks over a value that is no object or array where t is none either, or that is of a wrong type.
func (w *walker) scalar(t reflect.Type, c byte) {
	w.peek()
	begin := w.at
	raw := w.raw()
	number := kindOf(c) == aNumber
	switch kind := t.Kind(); {
	case kind == reflect.Interface, kind == reflect.String && c == '"', kind == reflect.Bool && (c == 't' || c == 'f'):
		return
	case kind >= reflect.Int && kind <= reflect.Uint64 && number:
		w.whole64(t, begin, string(raw))
		return
	case (kind == reflect.Float32 || kind == reflect.Float64) && number:
		if _, err := strconv.ParseFloat(string(raw), t.Bits()); err != nil {
			w.body.wrong(w.where, "is out of range")
		}
		return
	}
	w.body.wrong(w.where, "must be "+wanted(t)+", not "+kindOf(c)+instead(t, c, raw))
	if meant, ok := meant(t, c, raw); ok {
		w.edits = append(w.edits, edit{begin, begin + len(raw), meant})
	}
}

// meant returns the value of the right type that a value of a wrong type was probably meant as, so that what is wrong with the values can be reported at once with
// the wrong type, and nothing reads as missing that was given.
func meant(t reflect.Type, c byte, raw []byte) (string, bool) {
	kind := t.Kind()
	switch {
	case kind == reflect.String && (kindOf(c) == aNumber || c == 't' || c == 'f'):
		return strconv.Quote(string(raw)), true
	case kind >= reflect.Int && kind <= reflect.Int64 && c == '"':
		n, err := strconv.ParseInt(unquote(raw), 10, t.Bits())
		return strconv.FormatInt(n, 10), err == nil
	}
	return "", false
}

// whole64 checks a number where a whole one is wanted. One such as 1.0 is whole, and encoding/json does not know that.
func (w *walker) whole64(t reflect.Type, begin int, number string) {
	fits := func(s string) bool {
		if t.Kind() >= reflect.Uint {
			_, err := strconv.ParseUint(s, 10, t.Bits())
			return err == nil
		}
		_, err := strconv.ParseInt(s, 10, t.Bits())
		return err == nil
	}
	if fits(number) {
		return
	}
	if !strings.ContainsAny(number, ".eE") {
		w.body.wrong(w.where, "is out of range")
		return
	}
	if _, exponent, _ := strings.Cut(strings.ToLower(number), "e"); len(number) > maxShown || len(exponent) > 3 { // 1e-999999 would take megabytes
		w.body.wrong(w.where, "must be a whole number with fewer digits")
		return
	}
	exact, ok := new(big.Rat).SetString(number)
	switch {
	case !ok || !exact.IsInt():
		w.body.wrong(w.where, "must be a whole number, not a fraction")
	case !fits(exact.Num().String()):
		w.body.wrong(w.where, "is out of range")
	default:
		w.edits = append(w.edits, edit{begin, begin + len(number), exact.Num().String()})
	}
}

// whole walks over a value that its type decodes itself.
func (w *walker) whole(t reflect.Type) {
	raw := w.raw()
	v := reflect.New(t)
	if json.Unmarshal(raw, v.Interface()) == nil {
		return
	}
	form := "of its field's form"
	if t == timeType {
		form = "a time such as 2026-01-31T12:00:00Z"
	} else if f, ok := v.Interface().(Former); ok {
		form = f.Form()
	}
	w.body.wrong(w.where, "must be "+form)
}

// object walks over an object that is decoded into a struct.
func (w *walker) object(o *object) {
	base := len(w.seen)
	for range o.fields {
		w.seen = append(w.seen, -1)
	}
	w.members(func(key string, begin int) {
		w.push(segment{key: key, index: -1})
		defer w.pop()
		i, ok := o.find(key)
		switch {
		case !ok:
			w.unknown(o, key)
		case w.seen[base+i] >= 0:
			w.duplicate(w.seen[base+i])
		case o.fields[i].nulls && w.peek() == '{' && o.fields[i].typ.Kind() == reflect.Map:
			w.seen[base+i] = begin
			w.entries(o.fields[i].typ.Elem(), true)
		default:
			w.seen[base+i] = begin
			w.value(o.fields[i].typ, false)
		}
	})
	w.seen = w.seen[:base]
}

// unknown walks over a member that the object does not know.
func (w *walker) unknown(o *object, key string) {
	if len(w.body.problems) >= maxProblems { // the request fails either way
		w.raw()
		return
	}
	if detail := w.elsewhere(key); detail != "" {
		w.body.add(w.where, detail, true)
	} else if meant, ok := o.nearest(key); ok {
		w.body.add(w.where, "is unknown; "+meant+" was probably meant", true)
	} else if w.body.strict {
		w.body.add(w.where, "is unknown", false)
	} else if len(w.body.Ignored) < MaxIgnored {
		w.body.Ignored = append(w.body.Ignored, w.where())
	}
	w.raw()
}

// elsewhere says what to do with a key of the body itself that only the input's sibling knows; empty for any other.
func (w *walker) elsewhere(key string) string {
	if w.sibling == nil || len(w.path) != 1 || len(key) > longestKey {
		return ""
	}
	return w.sibling.Elsewhere(fold(key))
}

// duplicate walks over a member whose field has been given before, by the key that begins at first. One of the two would be dropped.
func (w *walker) duplicate(first int) {
	s := scanner{text: w.text, at: first}
	w.body.wrong(w.where, "is given twice, the first time as "+shown(unquote(s.raw())))
	w.raw()
}

// entries walks over an object that is decoded into a map: its keys are free.
func (w *walker) entries(t reflect.Type, nulls bool) {
	seen := map[string]bool{}
	w.members(func(key string, begin int) {
		w.push(segment{key: key, index: -1})
		defer w.pop()
		if seen[key] {
			w.duplicate(begin)
			return
		}
		seen[key] = true
		w.longest = max(w.longest, len(key))
		w.value(t, !nulls)
	})
}

// edited returns the body with the edits.
func (w *walker) edited() []byte {
	if len(w.edits) == 0 {
		return w.text
	}
	var b bytes.Buffer
	at := 0
	for _, e := range w.edits {
		b.Write(w.text[at:e.begin])
		b.WriteString(e.text)
		at = e.end
	}
	b.Write(w.text[at:])
	return b.Bytes()
}

var (
	timeType   = reflect.TypeFor[time.Time]()
	rawType    = reflect.TypeFor[json.RawMessage]()
	formerType = reflect.TypeFor[Former]()
	textType   = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// opaque reports whether values of t are decoded as a whole.
func opaque(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		return false
	}
	p := reflect.PointerTo(t)
	return t == timeType || t == rawType || p.Implements(formerType) || p.Implements(textType)
}

func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
}

func isList(t reflect.Type) bool {
	return (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) && !isBytes(t)
}

// wanted returns what JSON calls the values that t takes.
func wanted(t reflect.Type) string {
	switch kind := t.Kind(); {
	case kind == reflect.Bool:
		return "true or false"
	case kind >= reflect.Int && kind <= reflect.Uint64:
		return "a whole number"
	case kind == reflect.Float32, kind == reflect.Float64:
		return "a number"
	case isBytes(t):
		return "base64 text"
	case isList(t):
		return "an array"
	case kind == reflect.Struct, kind == reflect.Map:
		return "an object"
	}
	return "a string"
}

// kindOf returns what JSON calls the value that begins with c.
func kindOf(c byte) string {
	switch c {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	}
	return aNumber
}
