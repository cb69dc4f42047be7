package localaws_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"

	"ecs-api/ecs/sdk/ecs"
)

func TestEverythingOfECSHasTags(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	w.create(w.input("www"))
	task := w.tasks(ecs.ListTasksInput{})[0]
	const prefix = "arn:aws:ecs:us-east-1:123456789012:"
	for _, arn := range []string{prefix + "cluster/clu", prefix + "service/clu/www", prefix + "task/clu/" + task, prefix + "task-definition/web:1"} {
		t.Run(arn, func(t *testing.T) {
			must[*ecs.TagResourceOutput](t)(w.TagResource(&ecs.TagResourceInput{ResourceArn: &arn, Tags: []*ecs.Tag{
				{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("b"), Value: aws.String("2")},
			}}))
			must[*ecs.TagResourceOutput](t)(w.TagResource(&ecs.TagResourceInput{ResourceArn: &arn, Tags: []*ecs.Tag{{Key: aws.String("b"), Value: aws.String("3")}}}))
			must[*ecs.UntagResourceOutput](t)(w.UntagResource(&ecs.UntagResourceInput{ResourceArn: &arn, TagKeys: aws.StringSlice([]string{"a", "org", "kind"})}))
			got := map[string]string{}
			for _, tag := range must[*ecs.ListTagsForResourceOutput](t)(w.ListTagsForResource(&ecs.ListTagsForResourceInput{ResourceArn: &arn})).Tags {
				got[*tag.Key] = *tag.Value
			}
			if diff := cmp.Diff(map[string]string{"b": "3"}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTagsAreRefused(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	w.create(w.input("www"))
	w.deregister(w.register("old"))
	const prefix = "arn:aws:ecs:us-east-1:123456789012:"
	tag := func(arn, key, value string) func() error {
		return func() error {
			return failing(w.TagResource(&ecs.TagResourceInput{ResourceArn: &arn, Tags: []*ecs.Tag{{Key: &key, Value: &value}}}))
		}
	}
	const invalid = "InvalidParameterException"
	testRefusals(t, []refusal{
		{"the longest key and value", tag(prefix+"cluster/clu", strings.Repeat("ü", 128), strings.Repeat("ü", 256)), ""},
		{"a key that is too long", tag(prefix+"cluster/clu", strings.Repeat("x", 129), ""), invalid},
		{"a value that is too long", tag(prefix+"cluster/clu", "x", strings.Repeat("x", 257)), invalid},
		{"a key of AWS's own", tag(prefix+"cluster/clu", "aws:x", ""), invalid},
		{"an unknown cluster", tag(prefix+"cluster/nope", "x", ""), "ClusterNotFoundException"},
		{"an unknown service", tag(prefix+"service/clu/nope", "x", ""), "ResourceNotFoundException"},
		{"a short ARN of a service", tag(prefix+"service/www", "x", ""), invalid},
		{"an inactive task definition", tag(prefix+"task-definition/old:1", "x", ""), invalid},
		{"what is no ARN", tag("www", "x", ""), invalid},
		{"no tags", func() error {
			return failing(w.TagResource(&ecs.TagResourceInput{ResourceArn: aws.String(prefix + "cluster/clu"), Tags: []*ecs.Tag{}}))
		}, invalid},
		{"more than 50 tags in all", func() error {
			return failing(w.TagResource(&ecs.TagResourceInput{ResourceArn: aws.String(prefix + "service/clu/www"), Tags: manyTags(50)}))
		}, invalid},
		{"taking away AWS's own tags", func() error {
			return failing(w.UntagResource(&ecs.UntagResourceInput{ResourceArn: aws.String(prefix + "cluster/clu"), TagKeys: aws.StringSlice([]string{"aws:x"})}))
		}, invalid},
	})
}
