package spec

import (
	"strings"

	"ecs-api/common"
)

// Unread is what the decoder of a body tells an input that it does not show: whether nothing was given, or nothing that could be read.
type Unread struct {
	ignored []string // the paths of keys that are unknown
	wrong   bool     // keys or values are wrong, and reported
}

// SetUnread keeps what the decoder of the body says.
func (u *Unread) SetUnread(ignored []string, wrong bool) { u.ignored, u.wrong = ignored, wrong }

// Nothing adds that the field must be given, or the others, since the request changes nothing. It adds nothing where the body has been refused already: what
// is wrong there may be the change.
func (u *Unread) Nothing(p *common.Problems, field, others string) {
	if u.wrong {
		return
	}
	detail := "must be given, or " + others + ": there is nothing to change"
	switch len(u.ignored) {
	case 0:
	case 1:
		detail += "; " + u.ignored[0] + " is unknown and was ignored"
	default:
		detail += "; " + strings.Join(u.ignored, ", ") + " are unknown and were ignored"
	}
	p.Add(field, "%s", detail)
}
