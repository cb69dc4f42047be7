package localaws_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/ssm"
	"github.com/google/go-cmp/cmp"

	"ecs-api/localaws"
)

func newParameter(name string) *ssm.PutParameterInput {
	return &ssm.PutParameterInput{Name: aws.String(name), Value: aws.String("value"), Type: aws.String(ssm.ParameterTypeSecureString)}
}

func ssmTags(pairs ...string) []*ssm.Tag {
	var out []*ssm.Tag
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, &ssm.Tag{Key: aws.String(pairs[i]), Value: aws.String(pairs[i+1])})
	}
	return out
}

func TestAParameterFromCreationToDeletion(t *testing.T) {
	t.Parallel()
	clock := newFakeClock()
	sim := localaws.New(localaws.Clock(clock.Now))
	client := ssm.New(newSession(t, sim))
	in := newParameter("/org/prefix/p")
	in.Description, in.KeyId, in.Tags = aws.String("text"), aws.String(localaws.KMSKey), ssmTags("k", "v")
	must[*ssm.PutParameterOutput](t)(client.PutParameter(in))
	put := must[*ssm.PutParameterOutput](t)(client.PutParameter(&ssm.PutParameterInput{Name: in.Name, Value: aws.String("two"), Overwrite: aws.Bool(true)}))
	if diff := cmp.Diff(&ssm.PutParameterOutput{Tier: aws.String("Standard"), Version: aws.Int64(2)}, put); diff != "" {
		t.Errorf("PutParameter (-want +got):\n%s", diff)
	}
	got := must[*ssm.GetParameterOutput](t)(client.GetParameter(&ssm.GetParameterInput{Name: in.Name, WithDecryption: aws.Bool(true)})).Parameter
	arn := "arn:aws:ssm:us-east-1:123456789012:parameter/org/prefix/p"
	want := &ssm.Parameter{
		ARN: aws.String(arn), DataType: aws.String("text"), LastModifiedDate: aws.Time(clock.Now()), Name: in.Name,
		Type: aws.String("SecureString"), Value: aws.String("two"), Version: aws.Int64(2),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parameter (-want +got):\n%s", diff)
	}
	sealed := must[*ssm.GetParameterOutput](t)(client.GetParameter(&ssm.GetParameterInput{Name: aws.String(arn)})).Parameter
	if strings.Contains(*sealed.Value, "two") {
		t.Errorf("the value is not encrypted: %q", *sealed.Value)
	}
	described := must[*ssm.DescribeParametersOutput](t)(client.DescribeParameters(&ssm.DescribeParametersInput{})).Parameters
	if len(described) != 1 || *described[0].Description != "text" || *described[0].KeyId != localaws.KMSKey {
		t.Errorf("DescribeParameters: %v", described)
	}

	resource := func() (kind, id *string) { return aws.String("Parameter"), in.Name }
	kind, id := resource()
	must[*ssm.AddTagsToResourceOutput](t)(client.AddTagsToResource(&ssm.AddTagsToResourceInput{ResourceType: kind, ResourceId: id, Tags: ssmTags("k", "w", "l", "x")}))
	must[*ssm.RemoveTagsFromResourceOutput](t)(client.RemoveTagsFromResource(&ssm.RemoveTagsFromResourceInput{ResourceType: kind, ResourceId: id, TagKeys: aws.StringSlice([]string{"l", "m"})}))
	tags := must[*ssm.ListTagsForResourceOutput](t)(client.ListTagsForResource(&ssm.ListTagsForResourceInput{ResourceType: kind, ResourceId: id})).TagList
	if diff := cmp.Diff(ssmTags("k", "w"), tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"ssm:parameter /org/prefix/p"}, sim.Inventory()); diff != "" {
		t.Errorf("inventory (-want +got):\n%s", diff)
	}
	must[*ssm.DeleteParameterOutput](t)(client.DeleteParameter(&ssm.DeleteParameterInput{Name: in.Name}))
	if left := sim.Inventory(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestSSMRefuses(t *testing.T) {
	t.Parallel()
	client := ssm.New(newSession(t, localaws.New()))
	must[*ssm.PutParameterOutput](t)(client.PutParameter(newParameter("/there")))
	advanced := newParameter("/advanced")
	advanced.Tier = aws.String("Advanced")
	must[*ssm.PutParameterOutput](t)(client.PutParameter(advanced))
	put := func(name string, change func(*ssm.PutParameterInput)) func() error {
		in := newParameter(name)
		change(in)
		return func() error { return failing(client.PutParameter(in)) }
	}
	as := func(*ssm.PutParameterInput) {}
	over := func(in *ssm.PutParameterInput) { in.Overwrite = aws.Bool(true) }
	sized := func(n int, tier string) func(*ssm.PutParameterInput) {
		return func(in *ssm.PutParameterInput) {
			in.Value, in.Tier = aws.String(strings.Repeat("x", n)), aws.String(tier)
		}
	}
	names := func(n int) []*string {
		var out []*string
		for i := range n {
			out = append(out, aws.String(fmt.Sprintf("/n%d", i)))
		}
		return out
	}
	describe := func(key, option string, values ...string) func() error {
		f := &ssm.ParameterStringFilter{Key: aws.String(key), Option: aws.String(option), Values: aws.StringSlice(values)}
		return func() error {
			return failing(client.DescribeParameters(&ssm.DescribeParametersInput{ParameterFilters: []*ssm.ParameterStringFilter{f}}))
		}
	}
	testRefusals(t, []refusal{
		{"a parameter that is there", put("/there", as), ssm.ErrCodeParameterAlreadyExists},
		{"the same parameter without its slash", put("there", as), ssm.ErrCodeParameterAlreadyExists},
		{"overwriting it is fine", put("/there", over), ""},
		{"tags and overwrite", put("/there", func(in *ssm.PutParameterInput) { in.Overwrite, in.Tags = aws.Bool(true), ssmTags("k", "v") }), "ValidationException"},
		{"another type", put("/there", func(in *ssm.PutParameterInput) { in.Overwrite, in.Type = aws.Bool(true), aws.String("String") }), ssm.ErrCodeHierarchyTypeMismatchException},
		{"no type", put("/new", func(in *ssm.PutParameterInput) { in.Type = nil }), "ValidationException"},
		{"a type nobody knows", put("/new", func(in *ssm.PutParameterInput) { in.Type = aws.String("Number") }), "ValidationException"},
		{"an empty value", put("/new", func(in *ssm.PutParameterInput) { in.Value = aws.String("") }), "ValidationException"},
		{"a value that nests another", put("/new", func(in *ssm.PutParameterInput) { in.Value = aws.String("a {{ssm:b}}") }), "ValidationException"},
		{"4096 bytes are fine", put("/4096", sized(4096, "Standard")), ""},
		{"4097 bytes", put("/new", sized(4097, "Standard")), "ValidationException"},
		{"4097 advanced bytes are fine", put("/4097", sized(4097, "Advanced")), ""},
		{"4097 intelligent bytes are fine", put("/4097i", sized(4097, "Intelligent-Tiering")), ""},
		{"8193 advanced bytes", put("/new", sized(8193, "Advanced")), "ValidationException"},
		{"advanced to standard", put("/advanced", func(in *ssm.PutParameterInput) { in.Overwrite, in.Tier = aws.Bool(true), aws.String("Standard") }), "ValidationException"},
		{"a name that begins with ssm", put("/SSMx", as), "ValidationException"},
		{"a name that begins with aws", put("/aws/x", as), "AccessDeniedException"},
		{"a name with a space", put("/a b", as), "ValidationException"},
		{"an empty level", put("/a//b", as), "ValidationException"},
		{"a hierarchy without a slash before it", put("a/b", as), "ValidationException"},
		{"15 levels are fine", put(strings.Repeat("/a", 15), as), ""},
		{"16 levels", put(strings.Repeat("/a", 16), as), ssm.ErrCodeHierarchyLevelLimitExceededException},
		{"a name that is too long", put("/"+strings.Repeat("a", 1011), as), "ValidationException"},
		{"a key for a plain parameter", put("/new", func(in *ssm.PutParameterInput) { in.Type, in.KeyId = aws.String("String"), aws.String(localaws.KMSKey) }), "ValidationException"},
		{"a key that is not there", put("/new", func(in *ssm.PutParameterInput) { in.KeyId = aws.String("alias/nobody") }), ssm.ErrCodeInvalidKeyId},
		{"a value against its pattern", put("/new", func(in *ssm.PutParameterInput) { in.AllowedPattern = aws.String(`\d+`) }), ssm.ErrCodeParameterPatternMismatchException},
		{"a pattern that is none", put("/new", func(in *ssm.PutParameterInput) { in.AllowedPattern = aws.String(`(`) }), ssm.ErrCodeInvalidAllowedPatternException},
		{"a reserved tag key", put("/new", func(in *ssm.PutParameterInput) { in.Tags = ssmTags("aws:x", "v") }), "ValidationException"},
		{"a parameter that is not there", func() error { return failing(client.GetParameter(&ssm.GetParameterInput{Name: aws.String("/nobody")})) }, ssm.ErrCodeParameterNotFound},
		{"a version that is not there", func() error {
			return failing(client.GetParameter(&ssm.GetParameterInput{Name: aws.String("/there:9")}))
		}, ssm.ErrCodeParameterVersionNotFound},
		{"its deletion", func() error {
			return failing(client.DeleteParameter(&ssm.DeleteParameterInput{Name: aws.String("/nobody")}))
		}, ssm.ErrCodeParameterNotFound},
		{"11 deletions", func() error { return failing(client.DeleteParameters(&ssm.DeleteParametersInput{Names: names(11)})) }, "ValidationException"},
		{"11 reads", func() error { return failing(client.GetParameters(&ssm.GetParametersInput{Names: names(11)})) }, "ValidationException"},
		{"a page of 11 by path", func() error {
			return failing(client.GetParametersByPath(&ssm.GetParametersByPathInput{Path: aws.String("/"), MaxResults: aws.Int64(11)}))
		}, "ValidationException"},
		{"a path without a slash", func() error {
			return failing(client.GetParametersByPath(&ssm.GetParametersByPathInput{Path: aws.String("a")}))
		}, "ValidationException"},
		{"tags as a filter by path", func() error {
			return failing(client.GetParametersByPath(&ssm.GetParametersByPathInput{Path: aws.String("/"), ParameterFilters: []*ssm.ParameterStringFilter{{Key: aws.String("tag:k"), Values: aws.StringSlice([]string{"v"})}}}))
		}, ssm.ErrCodeInvalidFilterKey},
		{"a page of 51", func() error {
			return failing(client.DescribeParameters(&ssm.DescribeParametersInput{MaxResults: aws.Int64(51)}))
		}, "ValidationException"},
		{"a token nobody made", func() error {
			return failing(client.DescribeParameters(&ssm.DescribeParametersInput{NextToken: aws.String("x")}))
		}, ssm.ErrCodeInvalidNextToken},
		{"a filter nobody knows", describe("Colour", "Equals", "red"), ssm.ErrCodeInvalidFilterKey},
		{"an option nobody knows", describe("Name", "Recursive", "x"), ssm.ErrCodeInvalidFilterOption},
		{"a path that is compared", describe("Path", "Equals", "/x"), ssm.ErrCodeInvalidFilterOption},
		{"tags of what is not there", func() error {
			return failing(client.ListTagsForResource(&ssm.ListTagsForResourceInput{ResourceType: aws.String("Parameter"), ResourceId: aws.String("/nobody")}))
		}, ssm.ErrCodeInvalidResourceId},
		{"tags of a document", func() error {
			return failing(client.ListTagsForResource(&ssm.ListTagsForResourceInput{ResourceType: aws.String("Document"), ResourceId: aws.String("/there")}))
		}, ssm.ErrCodeInvalidResourceType},
	})
}

func TestBatchesNameWhatIsNotThere(t *testing.T) {
	t.Parallel()
	client := ssm.New(newSession(t, localaws.New()))
	must[*ssm.PutParameterOutput](t)(client.PutParameter(newParameter("/a")))
	both := aws.StringSlice([]string{"/a", "/b"})
	got := must[*ssm.GetParametersOutput](t)(client.GetParameters(&ssm.GetParametersInput{Names: both}))
	if len(got.Parameters) != 1 || !cmp.Equal(aws.StringValueSlice(got.InvalidParameters), []string{"/b"}) {
		t.Errorf("GetParameters: %v", got)
	}
	deleted := must[*ssm.DeleteParametersOutput](t)(client.DeleteParameters(&ssm.DeleteParametersInput{Names: both}))
	want := &ssm.DeleteParametersOutput{DeletedParameters: both[:1], InvalidParameters: both[1:]}
	if diff := cmp.Diff(want, deleted); diff != "" {
		t.Errorf("DeleteParameters (-want +got):\n%s", diff)
	}
}

func TestParametersAreListed(t *testing.T) {
	t.Parallel()
	for _, emptyPages := range []bool{false, true} {
		var opts []localaws.Option
		if emptyPages {
			opts = append(opts, localaws.EmptyPages())
		}
		client := ssm.New(newSession(t, localaws.New(opts...)))
		for _, name := range []string{"/org/a/1", "/org/a/2", "/org/a/b/3", "/org/ab/4", "plain"} {
			in := newParameter(name)
			in.Tags = ssmTags("name", name)
			if name == "plain" {
				in.Type, in.Tags = aws.String("String"), nil
			}
			must[*ssm.PutParameterOutput](t)(client.PutParameter(in))
		}
		filter := func(key, option string, values ...string) []*ssm.ParameterStringFilter {
			f := &ssm.ParameterStringFilter{Key: aws.String(key)}
			f.Option = aws.String(option)
			if len(values) > 0 {
				f.Values = aws.StringSlice(values)
			}
			return []*ssm.ParameterStringFilter{f}
		}
		for _, c := range []struct {
			name    string
			filters []*ssm.ParameterStringFilter
			want    []string
		}{
			{"all", nil, []string{"/org/a/1", "/org/a/2", "/org/a/b/3", "/org/ab/4", "plain"}},
			{"one by its name", filter("Name", "Equals", "/org/a/1"), []string{"/org/a/1"}},
			{"a name's beginning", filter("Name", "BeginsWith", "/org/a"), []string{"/org/a/1", "/org/a/2", "/org/a/b/3", "/org/ab/4"}},
			{"one level of a path", filter("Path", "OneLevel", "/org/a"), []string{"/org/a/1", "/org/a/2"}},
			{"all levels of a path", filter("Path", "Recursive", "/org/a"), []string{"/org/a/1", "/org/a/2", "/org/a/b/3"}},
			{"a type", filter("Type", "Equals", "String"), []string{"plain"}},
			{"a key", filter("KeyId", "Equals", "alias/aws/ssm"), []string{"/org/a/1", "/org/a/2", "/org/a/b/3", "/org/ab/4"}},
			{"a tag", filter("tag:name", "Equals", "/org/a/2", "plain"), []string{"/org/a/2"}},
			{"a tag's beginning", filter("tag:name", "BeginsWith", "/org/a/b"), []string{"/org/a/b/3"}},
			{"a tag of any value", filter("tag:name", "Equals"), []string{"/org/a/1", "/org/a/2", "/org/a/b/3", "/org/ab/4"}},
		} {
			t.Run(fmt.Sprintf("%s, empty pages %v", c.name, emptyPages), func(t *testing.T) {
				var got []string
				pages := 0
				in := &ssm.DescribeParametersInput{ParameterFilters: c.filters, MaxResults: aws.Int64(2)}
				err := client.DescribeParametersPages(in, func(page *ssm.DescribeParametersOutput, _ bool) bool {
					pages++
					for _, p := range page.Parameters {
						got = append(got, *p.Name)
					}
					return len(page.Parameters) <= 2
				})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("names (-want +got):\n%s", diff)
				}
				wantPages := 3 // of all five parameters: AWS filters what is on a page
				if emptyPages {
					wantPages++
				}
				if pages != wantPages {
					t.Errorf("%d pages, want %d", pages, wantPages)
				}
			})
		}
	}
}

func TestParametersByPath(t *testing.T) {
	t.Parallel()
	client := ssm.New(newSession(t, localaws.New()))
	var want []string
	for i := range 12 {
		want = append(want, fmt.Sprintf("/org/a/%02d", i))
	}
	for _, name := range append(want, "/org/a/b/deep", "/org/ab/other") {
		must[*ssm.PutParameterOutput](t)(client.PutParameter(newParameter(name)))
	}
	for _, recursive := range []bool{false, true} {
		if recursive {
			want = append(want, "/org/a/b/deep")
		}
		var got []string
		var sizes []int
		in := &ssm.GetParametersByPathInput{Path: aws.String("/org/a/"), Recursive: aws.Bool(recursive), WithDecryption: aws.Bool(true)}
		err := client.GetParametersByPathPages(in, func(page *ssm.GetParametersByPathOutput, _ bool) bool {
			sizes = append(sizes, len(page.Parameters))
			for _, p := range page.Parameters {
				got = append(got, *p.Name)
				if *p.Value != "value" {
					t.Errorf("value %q", *p.Value)
				}
			}
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("recursive %v: names (-want +got):\n%s", recursive, diff)
		}
		if diff := cmp.Diff([]int{10, len(want) - 10}, sizes); diff != "" {
			t.Errorf("recursive %v: page sizes (-want +got):\n%s", recursive, diff)
		}
	}
}

func TestAPageOfWhatIsFilteredOutIsEmpty(t *testing.T) {
	t.Parallel()
	client := ssm.New(newSession(t, localaws.New()))
	for _, name := range []string{"/a/1", "/a/2", "/b/1"} {
		must[*ssm.PutParameterOutput](t)(client.PutParameter(newParameter(name)))
	}
	in := &ssm.DescribeParametersInput{MaxResults: aws.Int64(2), ParameterFilters: []*ssm.ParameterStringFilter{
		{Key: aws.String("Path"), Option: aws.String("Recursive"), Values: aws.StringSlice([]string{"/b"})},
	}}
	first := must[*ssm.DescribeParametersOutput](t)(client.DescribeParameters(in))
	if len(first.Parameters) != 0 || first.NextToken == nil {
		t.Fatalf("the first page: %v", first)
	}
	in.NextToken = first.NextToken
	second := must[*ssm.DescribeParametersOutput](t)(client.DescribeParameters(in))
	if len(second.Parameters) != 1 || second.NextToken != nil {
		t.Errorf("the second page: %v", second)
	}
}

func TestAParametersHistory(t *testing.T) {
	t.Parallel()
	client := ssm.New(newSession(t, localaws.New()))
	in := newParameter("/p")
	in.Description, in.KeyId = aws.String("first"), aws.String(localaws.KMSKey)
	must[*ssm.PutParameterOutput](t)(client.PutParameter(in))
	for version := 2; version <= 103; version++ {
		must[*ssm.PutParameterOutput](t)(client.PutParameter(&ssm.PutParameterInput{Name: in.Name, Value: aws.String(fmt.Sprint(version)), Overwrite: aws.Bool(true)}))
	}
	refused := newParameter("/p")
	refused.Overwrite, refused.Type = aws.Bool(true), aws.String("String")
	if err := failing(client.PutParameter(refused)); codeOf(err) != ssm.ErrCodeHierarchyTypeMismatchException {
		t.Errorf("another type: %v", err)
	}
	history := &ssm.GetParameterHistoryInput{Name: in.Name, WithDecryption: aws.Bool(true)}
	var versions []int64
	pages := 0
	for {
		page := must[*ssm.GetParameterHistoryOutput](t)(client.GetParameterHistory(history))
		pages++
		for _, p := range page.Parameters {
			versions = append(versions, *p.Version)
			if *p.Description != "first" || *p.KeyId != localaws.KMSKey || *p.Type != "SecureString" || *p.Value != fmt.Sprint(*p.Version) {
				t.Errorf("version %d: %v", *p.Version, p)
			}
		}
		if history.NextToken = page.NextToken; page.NextToken == nil {
			break
		}
	}
	if len(versions) != 100 || versions[0] != 4 || versions[99] != 103 || pages != 2 {
		t.Errorf("%d pages of versions %v", pages, versions)
	}
	old := must[*ssm.GetParameterOutput](t)(client.GetParameter(&ssm.GetParameterInput{Name: aws.String("/p:50"), WithDecryption: aws.Bool(true)})).Parameter
	if *old.Value != "50" || *old.Version != 50 || *old.Selector != ":50" {
		t.Errorf("version 50: %v", old)
	}
	sealed := must[*ssm.GetParameterHistoryOutput](t)(client.GetParameterHistory(&ssm.GetParameterHistoryInput{Name: in.Name})).Parameters[0]
	if *sealed.Value == "4" {
		t.Error("the history shows a value that was not to be decrypted")
	}
	testRefusals(t, []refusal{
		{"the history of nothing", func() error {
			return failing(client.GetParameterHistory(&ssm.GetParameterHistoryInput{Name: aws.String("/nobody")}))
		}, ssm.ErrCodeParameterNotFound},
		{"a page of 51", func() error {
			return failing(client.GetParameterHistory(&ssm.GetParameterHistoryInput{Name: in.Name, MaxResults: aws.Int64(51)}))
		}, "ValidationException"},
		{"a version that is kept no more", func() error { return failing(client.GetParameter(&ssm.GetParameterInput{Name: aws.String("/p:3")})) }, ssm.ErrCodeParameterVersionNotFound},
	})
}

func TestADeletedParametersNameIsNotFreeAtOnce(t *testing.T) {
	t.Parallel()
	clock := newFakeClock()
	client := ssm.New(newSession(t, localaws.New(localaws.Clock(clock.Now), localaws.WithLags(localaws.Lags{Parameter: 30 * time.Second}))))
	put := func(name string) error { return failing(client.PutParameter(newParameter(name))) }
	for _, name := range []string{"/a", "/b"} {
		if err := put(name); err != nil {
			t.Fatal(err)
		}
	}
	must[*ssm.DeleteParameterOutput](t)(client.DeleteParameter(&ssm.DeleteParameterInput{Name: aws.String("/a")}))
	must[*ssm.DeleteParametersOutput](t)(client.DeleteParameters(&ssm.DeleteParametersInput{Names: aws.StringSlice([]string{"/b"})}))
	clock.Advance(29 * time.Second)
	for _, name := range []string{"/a", "/b"} {
		if err := put(name); codeOf(err) != ssm.ErrCodeParameterAlreadyExists {
			t.Errorf("%s after 29 s: %v", name, err)
		}
	}
	if err := failing(client.GetParameter(&ssm.GetParameterInput{Name: aws.String("/a")})); codeOf(err) != ssm.ErrCodeParameterNotFound {
		t.Errorf("a read meanwhile: %v", err)
	}
	clock.Advance(time.Second)
	for _, name := range []string{"/a", "/b"} {
		if err := put(name); err != nil {
			t.Errorf("%s after 30 s: %v", name, err)
		}
	}
}
