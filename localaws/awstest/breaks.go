package awstest

import (
	"maps"
	"slices"
	"testing"

	"ecs-api/localaws"
	"ecs-api/racetest"
)

// Breaks says how BreakEach breaks calls.
type Breaks struct {
	Faults map[string]localaws.Fault // by what tests call them; Faults() if nil
	Least  int                       // how many calls must be broken at least, so that the loop cannot be empty
	Most   int                       // how many are broken at most; 0 for all
}

// Faults returns the ways in which calls go wrong, for a moment and for good.
func Faults() map[string]localaws.Fault {
	return map[string]localaws.Fault{
		"refused":         {Effect: localaws.Refuse},
		"throttled twice": {Effect: localaws.Throttle, Times: 2},
		"response lost":   {Effect: localaws.Lose},
		"down for good":   {Effect: localaws.Down, Times: -1},
	}
}

// Attempt is one attempt to do something whose N-th AWS call is broken.
type Attempt struct {
	N      int
	Fault  localaws.Fault
	Broken bool // whether it made so many calls; known after End

	aws *localaws.AWS
}

// Begin breaks the N-th call that the simulator gets from now on.
func (a *Attempt) Begin(aws *localaws.AWS) {
	a.aws = aws
	aws.ResetCalls()
	a.Fault.N = a.N
	aws.Inject(a.Fault)
}

// End heals the simulator.
func (a *Attempt) End() {
	a.Broken = len(a.aws.Calls()) >= a.N
	a.aws.Heal()
}

// BreakEach runs do once for each of its AWS calls, with that call broken, in each of the ways, which run in parallel. Do prepares a simulator of its own, calls
// Begin and End around what it tests, checks what that led to, and returns its error: throttled calls and single lost responses must lead to none, refused calls
// and AWS being down to some. Where racetest.Stride takes a sample, each way breaks the first call and then every third one, beginning with the second, third or fourth.
func BreakEach(t *testing.T, b Breaks, do func(t *testing.T, a *Attempt) error) {
	t.Helper()
	faults := b.Faults
	if faults == nil {
		faults = Faults()
	}
	stride := racetest.Stride(3)
	for i, name := range slices.Sorted(maps.Keys(faults)) {
		fault := faults[name]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failed, broken := 0, 0
			step := 1 + i%stride
			for n := 1; b.Most == 0 || n <= b.Most; n, step = n+step, stride {
				a := &Attempt{N: n, Fault: fault}
				if err := do(t, a); err != nil {
					failed++
				}
				if !a.Broken {
					break
				}
				broken = n
			}
			if broken <= b.Least-stride || broken == 0 {
				t.Errorf("only %d calls were broken: the loop does not reach all", broken)
			}
			rides := fault.Effect == localaws.Throttle || fault.Effect == localaws.Lose && fault.Times == 0
			if rides && failed > 0 {
				t.Errorf("%d attempts failed; throttled calls and lost responses are to be ridden out", failed)
			}
			if fails := fault.Effect == localaws.Refuse || fault.Effect == localaws.Down; fails && failed == 0 {
				t.Error("no attempt failed")
			}
		})
	}
}
