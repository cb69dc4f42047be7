package localaws

import (
	"encoding/base64"
	"errors"
	"iter"
	"slices"
	"strconv"
)

// ordered is a map whose keys are kept sorted, so that listing sorts nothing and a page's token can be a key. The zero value is empty.
type ordered[V any] struct {
	keys []string
	vals map[string]V
}

func (o *ordered[V]) get(key string) (V, bool) {
	v, ok := o.vals[key]
	return v, ok
}

func (o *ordered[V]) put(key string, v V) {
	if o.vals == nil {
		o.vals = map[string]V{}
	}
	if _, ok := o.vals[key]; !ok {
		i, _ := slices.BinarySearch(o.keys, key)
		o.keys = slices.Insert(o.keys, i, key)
	}
	o.vals[key] = v
}

func (o *ordered[V]) delete(key string) {
	if i, ok := slices.BinarySearch(o.keys, key); ok {
		o.keys = slices.Delete(o.keys, i, i+1)
		delete(o.vals, key)
	}
}

func (o *ordered[V]) len() int { return len(o.keys) }

// from ranges over what has key or a later one, in the keys' order.
func (o *ordered[V]) from(key string) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		i, _ := slices.BinarySearch(o.keys, key)
		for _, k := range o.keys[i:] {
			if !yield(k, o.vals[k]) {
				return
			}
		}
	}
}

// all ranges over everything, in the keys' order.
func (o *ordered[V]) all() iter.Seq2[string, V] { return o.from("") }

// errToken is a page token that was not made here.
var errToken = errors.New("the token is not valid")

// page returns up to limit matching values, from the key that token hides; next hides the key that the following page starts at. A
// token stays good while things come and go.
func (o *ordered[V]) page(token *string, limit int, match func(V) bool) (values []V, next *string, err error) {
	start, err := readToken(token)
	if err != nil {
		return nil, nil, err
	}
	for key, v := range o.from(start) {
		if !match(v) {
			continue
		}
		if len(values) == limit {
			return values, writeToken(key), nil
		}
		values = append(values, v)
	}
	return values, nil, nil
}

// pageOf returns a page of at most limit items; its token hides a position.
func pageOf[T any](items []T, token *string, limit int) (page []T, next *string, err error) {
	position, err := readToken(token)
	if err != nil {
		return nil, nil, err
	}
	start := 0
	if position != "" {
		if start, err = strconv.Atoi(position); err != nil || start < 0 {
			return nil, nil, errToken
		}
	}
	items = items[min(start, len(items)):]
	if len(items) > limit {
		return items[:limit], writeToken(strconv.Itoa(start + limit)), nil
	}
	return items, nil, nil
}

func everything[V any](V) bool { return true }

const tokenMark = "localaws:"

func writeToken(s string) *string {
	token := base64.URLEncoding.EncodeToString([]byte(tokenMark + s))
	return &token
}

func readToken(token *string) (string, error) {
	if token == nil || *token == "" {
		return "", nil
	}
	plain, err := base64.URLEncoding.DecodeString(*token)
	if err != nil || len(plain) < len(tokenMark) || string(plain[:len(tokenMark)]) != tokenMark {
		return "", errToken
	}
	return string(plain[len(tokenMark):]), nil
}

// pageLimit returns how many items a request wants: fallback if it does not say. ok is false if that is not within 1 and most.
func pageLimit(wanted *int64, fallback, most int) (limit int, ok bool) {
	if wanted == nil {
		return fallback, true
	}
	return int(*wanted), *wanted >= 1 && *wanted <= int64(most)
}
