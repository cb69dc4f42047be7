package orchestration

// Group is work that goes on after a request was answered.
type Group struct{}
