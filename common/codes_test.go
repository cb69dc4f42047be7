package common_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws/awserr"

	"ecs-api/common"
)

func TestEveryKindHasACodeOfItsOwn(t *testing.T) {
	kinds := common.Kinds()
	own := map[common.Code]common.Kind{}
	for _, kind := range kinds {
		code := common.ResponseCode(common.Errorf(kind, "failed"))
		if other, ok := own[code]; ok || code == "" {
			t.Errorf("errors of the kinds %v and %v both have the code %q", kind, other, code)
		}
		own[code] = kind
	}
	if len(own) != len(kinds) || len(kinds) == 0 {
		t.Errorf("%d codes for %d kinds", len(own), len(kinds))
	}
}

func TestEveryCodeIsListedOnceWithACauseAndAFix(t *testing.T) {
	seen := map[common.Code]bool{}
	for _, info := range common.Codes() {
		if seen[info.Code] || info.Cause == "" || info.Fix == "" {
			t.Errorf("listed twice, or without a cause or a fix: %+v", info)
		}
		seen[info.Code] = true
		err := common.Wrapf(common.Coded(info.Code, "service %s", "www"), "create it")
		want := info.Code
		if info.Kind == common.Internal {
			want = common.CodeInternal
		}
		if got := common.ResponseCode(err); got != want || !common.Is(err, info.Kind) || err.Error() != "create it: service www" || common.RetryAfter(err) != info.After {
			t.Errorf("%s: code %s, kind %v, retry after %v, %q", info.Code, got, common.KindOf(err), common.RetryAfter(err), err)
		}
	}
	if len(seen) < len(common.Kinds()) {
		t.Errorf("only %d codes", len(seen))
	}
}

func TestACodeThatIsNotListedIsABug(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	_ = common.Coded("Nonsense", "no")
}

func TestTheCodeThatACallerIsShown(t *testing.T) {
	refused := common.FromAWS(awserr.New("ClusterNotFoundException", "Cluster not found.", nil), "describe cluster")
	throttled := common.FromAWS(awserr.New("ThrottlingException", "Rate exceeded", nil), "describe cluster")
	for _, test := range []struct {
		name  string
		err   error
		code  common.Code
		after time.Duration
	}{
		{"AWS's, where it refused", refused, "ClusterNotFoundException", 0},
		{"AWS's, below words of ours", common.Wrapf(refused, "create service"), "ClusterNotFoundException", 0},
		{"AWS's, in an error of the same kind", common.Errorf(common.NotFound, "no: %w", refused), "ClusterNotFoundException", 0},
		{"the kind's, in an error of another kind", common.Errorf(common.Conflict, "no: %w", refused), common.CodeConflict, 0},
		{"ours, around AWS's", common.Coded(common.CodeConcurrentChange, "no: %w", refused), common.CodeConcurrentChange, 5 * time.Second},
		{"ours, with what is left over", common.WithLeftBehind(common.Coded(common.CodeServiceBusy, "no"), "role r"), common.CodeServiceBusy, 5 * time.Second},
		{"ours, when AWS throttles", throttled, common.CodeThrottled, 5 * time.Second},
		{"ours, when AWS fails", common.FromAWS(awserr.New("ServerException", "oops", nil), "describe cluster"), common.CodeUnavailable, 10 * time.Second},
		{"ours, when AWS refuses the server", common.FromAWS(awserr.New("AccessDeniedException", "no", nil), "describe cluster"), common.CodeInternal, 0},
		{"that of invalid fields", common.Invalid(common.FieldError{Field: "a", Detail: "b"}), common.CodeInvalidRequest, 0},
		{"a deadline's", fmt.Errorf("wait: %w", context.DeadlineExceeded), common.CodeTimeout, 0},
		{"that of an error nobody classified", fmt.Errorf("a bug"), common.CodeInternal, 0},
	} {
		if code, after := common.ResponseCode(test.err), common.RetryAfter(test.err); code != test.code || after != test.after {
			t.Errorf("%s: %s after %v, want %s after %v", test.name, code, after, test.code, test.after)
		}
	}
}
