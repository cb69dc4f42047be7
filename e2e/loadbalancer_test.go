package e2e

import (
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/acm"
	"github.com/aws/aws-sdk-go/service/ec2"
	"github.com/aws/aws-sdk-go/service/elbv2"

	"ecs-api/common"
	"ecs-api/localaws/awstest"
)

// loadBalancers returns what creates load balancers with the independent client. On moto it first makes a second subnet,
// in another zone, and a certificate.
func (w *world) loadBalancers(t *testing.T) awstest.LoadBalancers {
	t.Helper()
	if backEndName() != "moto" {
		return awstest.NewLoadBalancers(t, w.sess)
	}
	net := ec2.New(w.sess)
	first := must(net.DescribeSubnets(&ec2.DescribeSubnetsInput{SubnetIds: []*string{&w.subnet}}))(t).Subnets[0]
	zone := region + "b"
	if aws.StringValue(first.AvailabilityZone) == zone {
		zone = region + "c"
	}
	second := must(net.CreateSubnet(&ec2.CreateSubnetInput{VpcId: first.VpcId, CidrBlock: aws.String("10.0.2.0/24"), AvailabilityZone: &zone}))(t).Subnet
	certificate := must(acm.New(w.sess).RequestCertificate(&acm.RequestCertificateInput{DomainName: aws.String("www.example.com")}))(t).CertificateArn
	return awstest.LoadBalancers{ELBV2: elbv2.New(w.sess), T: t, VPC: *first.VpcId, Subnets: []string{w.subnet, *second.SubnetId}, Certificate: *certificate}
}

func TestLoadBalancers(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	lbs := w.loadBalancers(t)
	tags := func(org, space string) common.Tags {
		return common.Tags{{Key: common.TagOrg, Value: org}, {Key: common.TagSpace, Value: space}}
	}
	web, canary := lbs.TargetGroup("web", "HTTP", tags(org, "myclu")), lbs.TargetGroup("canary", "HTTP", nil)
	other, theirs := lbs.TargetGroup("other", "HTTP", tags(org, "other")), lbs.TargetGroup("theirs", "HTTP", tags(org+"2", "myclu"))
	front := lbs.Create("front", elbv2.LoadBalancerTypeEnumApplication, tags(org, "myclu"))
	lbs.Create("theirs", elbv2.LoadBalancerTypeEnumApplication, tags(org+"2", "myclu"))
	lbs.Create("bare", elbv2.LoadBalancerTypeEnumApplication, nil)
	lbs.Listener(front, "HTTP", 80, awstest.RedirectToHTTPS())
	https := lbs.Listener(front, "HTTPS", 443, awstest.Respond("404"))
	lbs.Rule(https, 20, "", "/theirs", awstest.Forward(theirs))
	lbs.Rule(https, 10, "www.example.com", "/api/*", awstest.Forward(web, canary))
	lbs.Register(web, "10.0.1.4")
	for name, arn := range map[string]string{"web": web, "canary": canary, "other": other, "front": front, "https": https} {
		w.set(name, arn)
	}
	w.run(t, []row{
		{name: "target groups of a space", send: "GET /local/lbs?space=myclu", status: 200, response: `{"web": "${web}"}`},
		{name: "target groups of the org", send: "GET /local/lbs", status: 200, response: `{"web": "${web}", "other": "${other}"}`},
		{name: "target groups of a space that is not there", send: "GET /local/lbs?space=none", status: 200, response: `{}`},
		{name: "target groups of a space that is none", send: "GET /local/lbs?space=a/b", status: 400, wrong: []string{"space"}},
		{name: "target groups of an account that is not there", send: "GET /other/lbs", status: 404},
		{name: "the load balancers of a space", send: "GET /local/lbs/myclu", status: 200, response: `[{
			"LoadBalancerArn": "${front}", "LoadBalancerName": "front", "LoadBalancerType": "application", "DNSName": "~^front-", "Listeners": [
				{"ListenerName": "HTTP:80", "Rules": [{"If": "no other rule applies", "Then": "redirect to HTTPS:443 (301)", "TargetGroups": []}]},
				{"ListenerArn": "${https}", "ListenerName": "HTTPS:443", "SslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06", "Rules": [
					{"RuleArn": "~listener-rule/app/front/", "If": "host www.example.com and path /api/*", "Then": "forward to web (75 %) and canary (25 %)", "TargetGroups": [
						{"TargetGroupArn": "${web}", "TargetGroupName": "web", "TargetType": "ip", "Targets": [{"Id": "10.0.1.4", "Port": 80, "State": "healthy", "Reason": null}]},
						{"TargetGroupArn": "${canary}", "TargetGroupName": "canary", "Targets": []}]},
					{"If": "path /theirs", "Then": "forward to a target group that is not shown (100 %)", "TargetGroups": []},
					{"If": "no other rule applies", "Then": "respond 404", "TargetGroups": []}]}]}]`},
		{name: "the load balancers of a space that is not there", send: "GET /local/lbs/none", status: 200, response: `[]`},
		{name: "the load balancers of a space that is none", send: "GET /local/lbs/..%2Fmyclu", status: 400, wrong: []string{"space"}},
	})
}

// TestATaskBehindALoadBalancer is for localaws: moto registers no tasks.
func TestATaskBehindALoadBalancer(t *testing.T) {
	parallel(t)
	if backEndName() == "moto" {
		t.Log("left out on moto: it registers no tasks as targets")
		return
	}
	w := newWorld(t)
	lbs := w.loadBalancers(t)
	tags := common.Tags{{Key: common.TagOrg, Value: org}, {Key: common.TagSpace, Value: "myclu"}}
	web := lbs.TargetGroup("web", "HTTP", tags)
	lbs.Listener(lbs.Create("front", elbv2.LoadBalancerTypeEnumApplication, tags), "HTTP", 80, awstest.Forward(web))
	w.set("web", web)
	w.run(t, []row{
		{name: "create a service behind it", send: "POST /local/services", status: 200, body: `{"cluster": {"clustername": "myclu"},
			"taskdefinition": {"family": "www", "cpu": "256", "memory": "512", "containerdefinitions": [{"name": "www", "image": "nginx", "portmappings": [{"containerport": 8080}]}]},
			"service": {"servicename": "www", "desiredcount": 1, "loadbalancers": [{"targetgrouparn": "${web}", "containername": "www", "containerport": 8080}]}}`,
			response: `{"Service": {"LoadBalancers": [{"TargetGroupArn": "${web}"}]}}`},
		{name: "its task is a target", send: "GET /local/lbs/myclu", status: 200, response: `[{"Listeners": [{"Rules": [{"Then": "forward to web (100 %)", "TargetGroups": [
			{"Targets": [{"Id": "~^10\\.", "Port": 8080, "State": "healthy"}]}]}]}]}]`},
		{name: "create one behind a target group that is not there", send: "POST /local/services", status: 400, body: `{"cluster": {"clustername": "myclu"},
			"service": {"servicename": "w2", "taskdefinition": "www", "desiredcount": 1, "loadbalancers": [{"targetgrouparn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/no/0123456789abcdef", "containername": "www", "containerport": 8080}]}}`},
	})
}
