package api

import (
	"time"

	"ecs-api/api/urlparams"
)

// takes makes a setting of what a route takes from its path or query. See package urlparams.
func takes(options ...urlparams.Option) setting {
	return func(e *endpoint) { e.params.Add(options...) }
}

func slashes(names ...string) setting             { return takes(urlparams.Slashes(names...)) }
func flag(name string) setting                    { return takes(urlparams.Flag(name)) }
func text(name string) setting                    { return takes(urlparams.Text(name)) }
func texts(name string, most int) setting         { return takes(urlparams.Texts(name, most)) }
func choice(name string, words ...string) setting { return takes(urlparams.Choice(name, words...)) }
func instant(name string) setting                 { return takes(urlparams.Instant(name)) }
func number(name string, least, most, unless int64) setting { //nolint:unparam // routes name the whole range
	return takes(urlparams.Number(name, least, most, unless))
}

// anyQuery lets the query have any parameters beside those that the route declares.
func anyQuery(e *endpoint) { e.params.Add(urlparams.AnyKey) }

// name returns the path variable of that name.
func (c call) name(name string) string { return urlparams.Get[string](c.params, name) }

// flag returns the query's flag of that name.
func (c call) flag(name string) bool { return urlparams.Get[bool](c.params, name) }

// number returns the query's number of that name.
func (c call) number(name string) int64 { return urlparams.Get[int64](c.params, name) }

// text returns the query's text or choice of that name.
func (c call) text(name string) string { return urlparams.Get[string](c.params, name) }

// texts returns the query's texts of that name.
func (c call) texts(name string) []string { return urlparams.Get[[]string](c.params, name) }

// instant returns the query's time of that name, in UTC.
func (c call) instant(name string) time.Time { return urlparams.Get[time.Time](c.params, name) }

// named returns the path variable of that name; empty if the route has none.
func (c call) named(name string) string {
	value, _ := urlparams.Find[string](c.params, name)
	return value
}

// wait returns how long the caller wants to wait for the effect of the request: the query's wait, in seconds.
func (c call) wait() time.Duration { return time.Duration(c.number("wait")) * time.Second }

// waitWritten is wait for a write that has changed something: nobody gets what was read before that any more, while the caller waits for its effect.
func (c call) waitWritten() time.Duration {
	wait := c.wait()
	if wait > 0 {
		c.account.written(c)
	}
	return wait
}
