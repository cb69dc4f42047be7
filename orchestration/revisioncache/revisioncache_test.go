package revisioncache

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	_ "ecs-api/racetest" // for what it does to a process of tests
)

const arn = "arn:aws:ecs:us-east-1:123456789012:task-definition/www:1"

// ecs is an AWS that has any revision, and counts the reads.
type ecs struct {
	reads      int
	status     string
	err        error
	hangs      bool
	meanwhile  func()
	priorities []common.Priority
}

func (e *ecs) read(ctx context.Context, ref string) (*awsecs.DescribeTaskDefinitionOutput, error) {
	e.reads++
	e.priorities = append(e.priorities, common.PriorityOf(ctx))
	status := e.status
	if e.meanwhile != nil {
		e.meanwhile()
	}
	if e.hangs {
		<-ctx.Done()
		return nil, common.Errorf(common.Throttled, "others come first")
	}
	if !strings.Contains(ref, ":") {
		ref = arn
	}
	return &awsecs.DescribeTaskDefinitionOutput{TaskDefinition: &awsecs.TaskDefinition{
		TaskDefinitionArn: aws.String(ref), Status: aws.String(status), Cpu: aws.String("256"),
	}}, e.err
}

// see checks the status that is shown, and how many reads AWS has had.
func see(t *testing.T, d *Cache, e *ecs, status string, reads int) {
	t.Helper()
	synctest.Wait()
	out, err := d.Revision(t.Context(), arn)
	synctest.Wait()
	if err != nil || aws.StringValue(out.TaskDefinition.Status) != status || e.reads != reads {
		t.Errorf("%v, %v after %d reads, want %s after %d", out, err, e.reads, status, reads)
	}
}

func inBubble(t *testing.T, limits Limits, test func(*testing.T, *Cache, *ecs)) {
	synctest.Test(t, func(t *testing.T) {
		e := &ecs{status: "ACTIVE"}
		d := WithLimits(e.read, limits)
		defer d.Close()
		test(t, d, e)
	})
}

func TestABodyIsReadOnceAndItsStatusNowAndThen(t *testing.T) {
	inBubble(t, DefaultLimits, func(t *testing.T, d *Cache, e *ecs) {
		see(t, d, e, "ACTIVE", 1)
		e.status = "INACTIVE" // by others
		time.Sleep(refreshAfter - 1)
		see(t, d, e, "ACTIVE", 1)
		time.Sleep(refreshAfter)
		see(t, d, e, "ACTIVE", 2) // in the background, after what is known was shown
		see(t, d, e, "INACTIVE", 2)
		if last := e.priorities[1]; last != common.PriorityBackground {
			t.Errorf("the refresh had priority %d", last)
		}
		e.status = "DELETE_IN_PROGRESS"
		time.Sleep(freshFor)
		if out, err := d.Body(t.Context(), arn); err != nil || *out.TaskDefinition.Cpu != "256" || e.reads != 2 {
			t.Errorf("%v, %v after %d reads", out, err, e.reads)
		}
		see(t, d, e, "DELETE_IN_PROGRESS", 3)
	})
}

func TestAStatusIsReadAnewAfterAWrite(t *testing.T) {
	inBubble(t, DefaultLimits, func(t *testing.T, d *Cache, e *ecs) {
		var sent []string
		d.OnChange(func(arn, status string) { sent = append(sent, arn+" "+status) })
		d.Registered(&awsecs.RegisterTaskDefinitionOutput{TaskDefinition: &awsecs.TaskDefinition{TaskDefinitionArn: aws.String(arn), Status: aws.String("ACTIVE")}})
		see(t, d, e, "ACTIVE", 0)
		e.status = "INACTIVE"
		d.Changed(arn, "INACTIVE")
		if want := []string{arn + " INACTIVE"}; len(sent) != 1 || sent[0] != want[0] {
			t.Errorf("sent %q", sent)
		}
		see(t, d, e, "INACTIVE", 1)
		see(t, d, e, "INACTIVE", 1)
		d.Invalidate(arn, "") // another server's write
		e.meanwhile = func() { e.meanwhile = nil; e.status = "DELETE_IN_PROGRESS"; d.Invalidate(arn, "") }
		see(t, d, e, "INACTIVE", 2) // read before the write ended, so not kept as it was
		see(t, d, e, "DELETE_IN_PROGRESS", 3)
		d.InvalidateAll()
		see(t, d, e, "DELETE_IN_PROGRESS", 4)
		d.Invalidate(arn+"2", "INACTIVE") // another revision
		see(t, d, e, "DELETE_IN_PROGRESS", 4)
		d.SetDisconnected(true) // what other servers write is not known for now
		time.Sleep(freshDisconnected - 1)
		see(t, d, e, "DELETE_IN_PROGRESS", 4)
		time.Sleep(time.Nanosecond)
		see(t, d, e, "DELETE_IN_PROGRESS", 5)
		d.SetDisconnected(false)
		see(t, d, e, "DELETE_IN_PROGRESS", 6)
		if len(sent) != 1 {
			t.Errorf("what was heard was sent on: %q", sent)
		}
	})
}

func TestAKnownBodyIsNeverRefused(t *testing.T) {
	inBubble(t, DefaultLimits, func(t *testing.T, d *Cache, e *ecs) {
		see(t, d, e, "ACTIVE", 1)
		for n, kind := range []common.Kind{common.Throttled, common.Unavailable, common.Timeout} {
			e.err = common.Errorf(kind, "not now")
			d.Changed(arn, "INACTIVE")
			see(t, d, e, "INACTIVE", 2+n) // what the write did is known
		}
		e.err, e.hangs = nil, true
		began := time.Now()
		see(t, d, e, "INACTIVE", 5)
		if took := time.Since(began); took != statusTime {
			t.Errorf("waited %s", took)
		}
		e.hangs = false
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		e.err = ctx.Err()
		if _, err := d.Revision(ctx, arn); err == nil {
			t.Error("a caller who has hung up gets no response")
		}
		e.err = common.Errorf(common.NotFound, "it is gone")
		if _, err := d.Revision(t.Context(), arn); !common.Is(err, common.NotFound) {
			t.Errorf("got %v", err)
		}
		if _, err := d.Body(t.Context(), arn); !common.Is(err, common.NotFound) {
			t.Errorf("what is gone is not forgotten: %v", err)
		}
		e.err = common.Errorf(common.Throttled, "not now")
		if _, err := d.Revision(t.Context(), arn); !common.Is(err, common.Throttled) {
			t.Errorf("an unknown body: %v", err)
		}
	})
}

func TestAFailedRefreshIsRepeated(t *testing.T) {
	inBubble(t, DefaultLimits, func(t *testing.T, d *Cache, e *ecs) {
		see(t, d, e, "ACTIVE", 1)
		time.Sleep(2 * refreshAfter)
		e.err = common.Errorf(common.Throttled, "not now")
		see(t, d, e, "ACTIVE", 2)
		see(t, d, e, "ACTIVE", 3)
		e.err = nil
		see(t, d, e, "ACTIVE", 4)
		see(t, d, e, "ACTIVE", 4)
	})
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	text, err := json.Marshal(&awsecs.TaskDefinition{TaskDefinitionArn: aws.String(arn + "0"), Status: aws.String("ACTIVE"), Cpu: aws.String("256")})
	if err != nil {
		t.Fatal(err)
	}
	empty := len(text)
	inBubble(t, Limits{Number: 3, Bytes: 4 * empty}, func(t *testing.T, d *Cache, e *ecs) {
		body := func(ref string, reads int) {
			t.Helper()
			if _, err := d.Body(t.Context(), ref); err != nil || e.reads != reads {
				t.Errorf("%v after %d reads, want %d", err, e.reads, reads)
			}
		}
		name := func(n int) string { return fmt.Sprintf("%s%d", arn, n) }
		for n := range 4 {
			body(name(n), n+1)
		}
		body(name(3), 4)
		body(name(0), 5) // the least recently used was forgotten
		long := strings.Repeat("x", 2*empty) + ":1"
		body(long, 6)
		body(long, 6)
		body(name(3), 7) // two of them are not too much
		body(strings.Repeat("y", 4*empty)+":1", 8)
		body(strings.Repeat("y", 4*empty)+":1", 9) // never remembered
		body("www", 10)                            // a family
		body("www", 11)
		if d.bytes > 4*empty || d.bytes <= 0 {
			t.Errorf("%d bytes", d.bytes)
		}
		d.entries.Purge()
		if d.bytes != 0 {
			t.Errorf("%d bytes of nothing", d.bytes)
		}
	})
}
