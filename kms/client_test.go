package kms_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/kms"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
)

func TestAKeyIsFoundByEveryNameItHas(t *testing.T) {
	sess, _ := awstest.Session(t)
	c := kms.New(sess)
	arn := "arn:aws:kms:us-east-1:123456789012:key/" + localaws.KMSKey
	for _, name := range []string{localaws.KMSKey, arn} {
		if key, err := c.Key(t.Context(), name); err != nil || aws.StringValue(key.Arn) != arn {
			t.Errorf("%s: %v, %v", name, key, err)
		}
	}
	if key, err := c.Key(t.Context(), "alias/aws/ssm"); err != nil || aws.StringValue(key.KeyManager) != "AWS" {
		t.Errorf("the service's own key: %v, %v", key, err)
	}
	_, err := c.Key(t.Context(), "alias/none")
	if want := `describe key "alias/none": `; !common.Is(err, common.NotFound) || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s…", err, want)
	}
}
