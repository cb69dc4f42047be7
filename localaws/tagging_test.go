package localaws_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go/service/kms"
	"github.com/aws/aws-sdk-go/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go/service/secretsmanager"
	"github.com/aws/aws-sdk-go/service/servicediscovery"
	"github.com/aws/aws-sdk-go/service/ssm"
	"github.com/google/go-cmp/cmp"

	"ecs-api/localaws"
)

func TestResourcesAreFoundByTheirTags(t *testing.T) {
	t.Parallel()
	sess := newSession(t, localaws.New())
	secret := newSecret("s", "v")
	secret.Tags = secretTags("org", "o1", "kind", "x")
	secretARN := *must[*secretsmanager.CreateSecretOutput](t)(secretsmanager.New(sess).CreateSecret(secret)).ARN
	other := newSecret("untagged", "v")
	must[*secretsmanager.CreateSecretOutput](t)(secretsmanager.New(sess).CreateSecret(other))
	param := newParameter("/p")
	param.Tags = ssmTags("org", "o1")
	must[*ssm.PutParameterOutput](t)(ssm.New(sess).PutParameter(param))
	group := newGroup("g")
	group.Tags = aws.StringMap(map[string]string{"org": "o1-prod"})
	must[*cloudwatchlogs.CreateLogGroupOutput](t)(cloudwatchlogs.New(sess).CreateLogGroup(group))
	registry := newRegistry("r")
	registry.Tags = registryTags("org", "o2")
	registryARN := *must[*servicediscovery.CreateServiceOutput](t)(servicediscovery.New(sess).CreateService(registry)).Service.Arn

	const prefix = ":us-east-1:123456789012:"
	paramARN, logARN := "arn:aws:ssm"+prefix+"parameter/p", "arn:aws:logs"+prefix+"log-group:g"
	filter := func(key string, values ...string) *resourcegroupstaggingapi.TagFilter {
		return &resourcegroupstaggingapi.TagFilter{Key: aws.String(key), Values: aws.StringSlice(values)}
	}
	client := resourcegroupstaggingapi.New(sess)
	for name, c := range map[string]struct {
		in   resourcegroupstaggingapi.GetResourcesInput
		want []string
	}{
		"everything that has tags":   {resourcegroupstaggingapi.GetResourcesInput{}, []string{logARN, secretARN, registryARN, paramARN}},
		"a pair, exactly":            {resourcegroupstaggingapi.GetResourcesInput{TagFilters: []*resourcegroupstaggingapi.TagFilter{filter("org", "o1")}}, []string{secretARN, paramARN}},
		"one of two values":          {resourcegroupstaggingapi.GetResourcesInput{TagFilters: []*resourcegroupstaggingapi.TagFilter{filter("org", "o1", "o2")}}, []string{secretARN, registryARN, paramARN}},
		"two keys":                   {resourcegroupstaggingapi.GetResourcesInput{TagFilters: []*resourcegroupstaggingapi.TagFilter{filter("org", "o1"), filter("kind")}}, []string{secretARN}},
		"a service's resources":      {resourcegroupstaggingapi.GetResourcesInput{ResourceTypeFilters: aws.StringSlice([]string{"ssm"})}, []string{paramARN}},
		"resources of several types": {resourcegroupstaggingapi.GetResourcesInput{ResourceTypeFilters: aws.StringSlice([]string{"logs:log-group", "servicediscovery:service"})}, []string{logARN, registryARN}},
	} {
		t.Run(name, func(t *testing.T) {
			in := c.in
			in.ResourcesPerPage = aws.Int64(3)
			var got []string
			for {
				out := must[*resourcegroupstaggingapi.GetResourcesOutput](t)(client.GetResources(&in))
				for _, m := range out.ResourceTagMappingList {
					got = append(got, *m.ResourceARN)
				}
				if out.PaginationToken == nil {
					t.Fatal("no PaginationToken")
				}
				if *out.PaginationToken == "" {
					break
				}
				in.PaginationToken = out.PaginationToken
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("ARNs (-want +got):\n%s", diff)
			}
		})
	}
	if code := codeOf(failing(client.GetResources(&resourcegroupstaggingapi.GetResourcesInput{ResourcesPerPage: aws.Int64(101)}))); code != resourcegroupstaggingapi.ErrCodeInvalidParameterException {
		t.Errorf("a page of 101: %q", code)
	}
}

func TestKeysGoByManyNames(t *testing.T) {
	t.Parallel()
	client := kms.New(newSession(t, localaws.New()))
	arn := "arn:aws:kms:us-east-1:123456789012:key/" + localaws.KMSKey
	describe := func(id string) (string, error) {
		out, err := client.DescribeKey(&kms.DescribeKeyInput{KeyId: aws.String(id)})
		if err != nil {
			return "", err
		}
		return *out.KeyMetadata.Arn, nil
	}
	for _, id := range []string{localaws.KMSKey, arn} {
		if got, err := describe(id); err != nil || got != arn {
			t.Errorf("%s means %s (%v), want %s", id, got, err, arn)
		}
	}
	managed, err := describe("alias/aws/secretsmanager")
	if err != nil || managed == arn {
		t.Errorf("Secrets Manager's own key is %s, %v", managed, err)
	}
	for _, id := range []string{"alias/mine", "0a1b2c3d-4e5f-4000-8000-000000000002", fmt.Sprintf("%sx", arn)} {
		if _, err := describe(id); codeOf(err) != kms.ErrCodeNotFoundException {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestTheTaggingIndexFollowsLate(t *testing.T) {
	t.Parallel()
	clock := newFakeClock()
	sess := newSession(t, localaws.New(localaws.Clock(clock.Now), localaws.WithLags(localaws.Lags{Tagging: 10 * time.Second})))
	params, client := ssm.New(sess), resourcegroupstaggingapi.New(sess)
	shown := func() string {
		var got string
		for _, m := range must[*resourcegroupstaggingapi.GetResourcesOutput](t)(client.GetResources(&resourcegroupstaggingapi.GetResourcesInput{})).ResourceTagMappingList {
			got += (*m.ResourceARN)[len(*m.ResourceARN)-2:]
			for _, tag := range m.Tags {
				got += " " + *tag.Key + "=" + *tag.Value
			}
		}
		return got
	}
	step := func(what string, do func(), before, after string) {
		t.Helper()
		do()
		clock.Advance(9 * time.Second)
		if got := shown(); got != before {
			t.Errorf("9 s after %s: %q, want %q", what, got, before)
		}
		clock.Advance(time.Second)
		if got := shown(); got != after {
			t.Errorf("10 s after %s: %q, want %q", what, got, after)
		}
	}
	in := newParameter("/p")
	in.Tags = ssmTags("k", "v")
	step("it was created", func() { must[*ssm.PutParameterOutput](t)(params.PutParameter(in)) }, "", "/p k=v")
	step("it was tagged", func() {
		must[*ssm.AddTagsToResourceOutput](t)(params.AddTagsToResource(&ssm.AddTagsToResourceInput{ResourceType: aws.String("Parameter"), ResourceId: in.Name, Tags: ssmTags("k", "w")}))
	}, "/p k=v", "/p k=w")
	step("it was deleted", func() {
		must[*ssm.DeleteParameterOutput](t)(params.DeleteParameter(&ssm.DeleteParameterInput{Name: in.Name}))
	}, "/p k=w", "")
}
