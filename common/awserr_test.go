package common

import (
	"flag"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws/awserr"
	"github.com/google/go-cmp/cmp"

	_ "ecs-api/racetest" // for what it does to a process of tests
)

var update = flag.Bool("update", false, "rewrite testdata/awserrors.golden")

// TestEveryErrorCodeOfTheSDKHasItsKind compares the kind of each error code that the SDK declares for our services with the golden file.
// After a look at the difference, `go test ./common -update` accepts it.
func TestEveryErrorCodeOfTheSDKHasItsKind(t *testing.T) {
	var lines []string
	for _, service := range []string{"cloudwatchlogs", "ecs", "elbv2", "iam", "kms", "resourcegroupstaggingapi", "secretsmanager", "servicediscovery", "ssm", "sts"} {
		for _, code := range declaredCodes(t, service) {
			lines = append(lines, service+" "+code+" "+kindOfAWS(awserr.New(code, "", nil)).String())
		}
	}
	got := strings.Join(lines, "\n") + "\n"
	const golden = "testdata/awserrors.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("kinds differ from %s (-want +got):\n%s", golden, diff)
	}
	if len(lines) < 200 {
		t.Errorf("found only %d codes: the test reads the wrong files", len(lines))
	}
}

// declaredCodes returns the values of the ErrCode constants in the SDK's package for the service.
func declaredCodes(t *testing.T, service string) []string {
	t.Helper()
	pkg, err := build.Default.Import("github.com/aws/aws-sdk-go/service/"+service, ".", build.FindOnly)
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), pkg.Dir+"/errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "ErrCode") {
			return true
		}
		code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		codes = append(codes, code)
		return true
	})
	slices.Sort(codes)
	return slices.Compact(codes)
}

func TestAKeyThatIsRefusedIsReported(t *testing.T) {
	for _, test := range []struct {
		code, message string
		want          bool
	}{
		{"EncryptionFailure", "Secrets Manager can't encrypt the protected secret text using the provided KMS key.", true},
		{"AccessDeniedException", "Access to KMS is not allowed", true},
		{"AccessDeniedException", "User: arn:aws:iam::1:user/u is not authorized to perform: kms:Encrypt on resource: arn:aws:kms:us-east-1:1:key/k", true},
		{"AccessDeniedException", "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.", true},
		{"AccessDeniedException", "User: arn:aws:iam::1:user/u is not authorized to perform: secretsmanager:CreateSecret on resource: kms", false},
		{"ResourceNotFoundException", "KMS key", false},
	} {
		if got := IsKeyRefused(FromAWS(awserr.New(test.code, test.message, nil), "create secret")); got != test.want {
			t.Errorf("%s: %s: %v", test.code, test.message, got)
		}
	}
}
