package ecs

import (
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"
)

func TestOtherClustersAreLeftOut(t *testing.T) {
	const prefix = "arn:aws:ecs:us-east-1:123456789012:service/"
	arns := aws.StringSlice([]string{prefix + "foo/www", prefix + "barfoo/www", prefix + "www"})
	for _, test := range []struct {
		name, cluster string
		want          []string
	}{
		{"a name", "foo", []string{prefix + "foo/www", prefix + "www"}},
		{"an ARN", "arn:aws:ecs:us-east-1:123456789012:cluster/foo", []string{prefix + "foo/www", prefix + "www"}},
		{"no cluster", "", aws.StringValueSlice(arns)},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, inCluster(test.cluster, arns)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatAFailureToDeleteMeans(t *testing.T) {
	for reason, want := range map[string]bool{
		"The specified task definition does not exist. Specify a valid account, family, revision and try again.": true,
		"MISSING": true,
		"The task definition is already in DELETE_IN_PROGRESS status.":                                         true,
		"The specified task definition is still in ACTIVE status. Please deregister the target and try again.": false,
		"The specified task definition identifier is invalid. Specify a valid name or ARN and try again.":      false,
	} {
		if got := gone(reason); got != want {
			t.Errorf("%q: gone is %v, want %v", reason, got, want)
		}
	}
}
