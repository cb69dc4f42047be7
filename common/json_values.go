package common

// ValueCounter counts the values of the JSON that is written to it: every object, every array and every item of one, or a few more. Decoded
// into structs, a value of two bytes can take hundreds, so whoever decodes what strangers send bounds their number before. The zero value is
// ready.
type ValueCounter struct {
	Values          int
	quoted, escaped bool
}

// Write counts a part of the JSON. It never fails.
func (c *ValueCounter) Write(part []byte) (int, error) {
	for _, b := range part {
		switch {
		case c.escaped:
			c.escaped = false
		case c.quoted && b == '\\':
			c.escaped = true
		case b == '"':
			c.quoted = !c.quoted
		case !c.quoted && (b == ',' || b == '[' || b == '{'):
			c.Values++
		}
	}
	return len(part), nil
}

// JSONValues returns how many values a JSON text holds, as ValueCounter counts them.
func JSONValues(text []byte) int {
	var c ValueCounter
	_, _ = c.Write(text)
	return c.Values
}
