package config

import (
	"errors"
	"fmt"
	"strings"

	"ecs-api/common"
)

// Problem is one thing that is wrong with a config. It never shows a value: that may be a secret.
type Problem struct {
	// Key is where: accounts.nonprod.defaultSubnets[0], or the environment variable that overrides a key.
	Key string
	// Detail says what would be right, and reads on from the key.
	Detail string
}

// Error returns the problem as a sentence.
func (p Problem) Error() string { return p.Key + " " + p.Detail }

// problems collects what is wrong.
type problems []Problem

func (ps *problems) add(key, format string, args ...any) {
	*ps = append(*ps, Problem{Key: key, Detail: fmt.Sprintf(format, args...)})
}

// unless adds a problem if ok is false.
func (ps *problems) unless(ok bool, key, detail string) {
	if !ok {
		ps.add(key, "%s", detail)
	}
}

// join makes one error of the problems, a line each, or nil of none.
func join(ps []Problem) error {
	if len(ps) == 0 {
		return nil
	}
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return common.Errorf(common.BadRequest, "not valid:\n%w", errors.Join(errs...))
}

// explained reports whether p only follows from one of the others: it is about the same key, or about one below it.
func explained(p Problem, others []Problem) bool {
	for _, o := range others {
		if rest, ok := strings.CutPrefix(p.Key, o.Key); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return true
		}
	}
	return false
}
