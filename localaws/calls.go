package localaws

// keptCalls is how many calls are remembered at least. A simulator that runs for days must not grow with each call.
const keptCalls = 100_000

// callLog remembers the newest calls, and counts all of them.
type callLog struct {
	kept    []Call
	dropped int // calls before the first of kept
}

// add remembers a call and returns its index, which counts from 0 and stays the call's own when others are forgotten.
func (l *callLog) add(c Call) int {
	if len(l.kept) >= 2*keptCalls { // moving the half that stays, once in so many calls, costs each call little
		forget := len(l.kept) - keptCalls
		l.kept = append(make([]Call, 0, 2*keptCalls), l.kept[forget:]...)
		l.dropped += forget
	}
	l.kept = append(l.kept, c)
	return l.dropped + len(l.kept) - 1
}

// at returns the call with the index; nil if it is forgotten.
func (l *callLog) at(index int) *Call {
	if i := index - l.dropped; i >= 0 && i < len(l.kept) {
		return &l.kept[i]
	}
	return nil
}
