package localaws_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws/credentials"
	v4 "github.com/aws/aws-sdk-go/aws/signer/v4"

	"ecs-api/localaws"
)

// ec2Call makes a call as the SDK does, without its package for EC2: that is larger than all the rest of the SDK that is used here.
func ec2Call(t *testing.T, form string) (status int, body string) {
	t.Helper()
	payload := strings.NewReader(form)
	req, err := http.NewRequest(http.MethodPost, "https://ec2.us-east-1.amazonaws.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	signer := v4.NewSigner(credentials.NewStaticCredentials("AKIDLOCAL", "secret", ""))
	if _, err := signer.Sign(req, payload, "ec2", "us-east-1", time.Now()); err != nil {
		t.Fatal(err)
	}
	resp, err := localaws.New().Transport().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	response, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(response)
}

func TestTheNetworkIsThere(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, form string
		status     int
		has        []string
	}{
		{"all subnets", "Action=DescribeSubnets&Version=2016-11-15", 200, []string{
			"<DescribeSubnetsResponse><requestId>", "<subnetSet><item>", "<availabilityZone>us-east-1a<", "<subnetId>" + localaws.SubnetA + "<", "<subnetId>" + localaws.SubnetB + "<",
		}},
		{"one subnet", "Action=DescribeSubnets&SubnetId.1=" + localaws.SubnetB, 200, []string{"<subnetId>" + localaws.SubnetB + "<"}},
		{"an unknown subnet", "Action=DescribeSubnets&SubnetId.1=subnet-x", 400, []string{"<Code>InvalidSubnetID.NotFound</Code>", "subnet-x"}},
		{"subnets of a zone", "Action=DescribeSubnets&Filter.1.Name=availability-zone&Filter.1.Value.1=us-east-1b", 200, []string{localaws.SubnetB}},
		{"an unknown filter", "Action=DescribeSubnets&Filter.1.Name=colour&Filter.1.Value.1=red", 400, []string{"InvalidParameterValue"}},
		{"all security groups", "Action=DescribeSecurityGroups", 200, []string{"<securityGroupInfo><item>", "<groupId>" + localaws.SecurityGroup + "<"}},
		{"an unknown security group", "Action=DescribeSecurityGroups&GroupId.1=sg-x", 400, []string{"<Code>InvalidGroup.NotFound</Code>"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, body := ec2Call(t, test.form)
			if status != test.status {
				t.Errorf("status %d: %s", status, body)
			}
			for _, part := range test.has {
				if !strings.Contains(body, part) {
					t.Errorf("no %s in %s", part, body)
				}
			}
			if strings.Contains(test.name, "one") && strings.Contains(body, localaws.SubnetA) {
				t.Errorf("more than was asked for: %s", body)
			}
		})
	}
}
