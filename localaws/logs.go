package localaws

import "iter"

type logsState struct{}

func newLogsState() logsState { return logsState{} }

func (s *logsState) inventory() iter.Seq[string] { return func(func(string) bool) {} }

func logsOperations() map[string]operation { return map[string]operation{} }

// write appends a line to a stream of a group, making the stream if need be. It reports whether the group exists.
func (s *logsState) write(group, stream, message string) bool { return false }
