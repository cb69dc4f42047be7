package localaws

import "testing"

func TestCallsAreForgottenButCounted(t *testing.T) {
	t.Parallel()
	var l callLog
	const made = 5*keptCalls + 3
	for n := range made {
		if index := l.add(Call{Operation: "Op"}); index != n {
			t.Fatalf("call %d has index %d", n, index)
		}
		if len(l.kept) > 2*keptCalls {
			t.Fatalf("after %d calls, %d are kept", n+1, len(l.kept))
		}
	}
	if len(l.kept) < keptCalls {
		t.Errorf("%d calls are kept, want at least %d", len(l.kept), keptCalls)
	}
	if l.at(0) != nil || l.at(made) != nil {
		t.Error("a call that was forgotten, or never made, is found")
	}
	l.at(made - 1).Code = "last"
	if got := l.kept[len(l.kept)-1].Code; got != "last" {
		t.Errorf("the newest call has the code %q", got)
	}
}
