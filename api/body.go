package api

import (
	"net/http"
	"reflect"

	"ecs-api/api/body"
	"ecs-api/api/negotiation"
)

// headerIgnored names the keys of a body that were ignored.
const headerIgnored = "X-Ignored-Fields"

// decode reads the body of c's request into the struct that in points to, and names in the response what of it is ignored. The error lists
// all that is wrong with the body, what the endpoint's check finds among it.
func (e *endpoint) decode(w http.ResponseWriter, c *call, in any) error {
	takesNone := e.in == reflect.TypeFor[none]()
	if takesNone && (isRead(c.request) || c.request.ContentLength == 0) {
		return nil
	}
	text, err := body.Read(w, c.request)
	if err != nil || takesNone && len(text) == 0 {
		return err
	}
	if e.optionalBody && len(text) == 0 {
		text = []byte("{}")
	}
	strict := negotiation.PrefersStrict(c.request)
	if c.body, err = body.Decode(text, in, strict); err != nil {
		return err
	}
	if strict {
		negotiation.Apply(w.Header(), "handling=strict")
	}
	if len(c.body.Ignored) > 0 {
		w.Header().Set(headerIgnored, body.HeaderList(c.body.Ignored))
	}
	err = c.body.Err()
	if err != nil && e.check != nil && !c.body.HasNulls {
		err = c.body.Err(e.check(*c, in)...)
	}
	return err
}
