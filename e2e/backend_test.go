package e2e

import (
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/credentials"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/ec2"
	"github.com/aws/aws-sdk-go/service/kms"
	"github.com/aws/aws-sdk-go/service/servicediscovery"

	"ecs-api/e2e/motoproxy"
	"ecs-api/localaws"
)

// backEnd is an empty AWS with a network, a namespace and a key.
type backEnd struct {
	endpoint  string
	subnet    string
	group     string // of security
	namespace string // the id of a private DNS namespace "local"
	key       string // the id of a KMS key
	// inventory is what the AWS itself says it holds, as localaws writes it; nil where it cannot be asked.
	inventory func() []string
}

// backEndName says what the suite runs against.
func backEndName() string {
	if os.Getenv(endpointVariable) != "" {
		return "moto"
	}
	return "localaws"
}

// parallel lets the test run beside others, each in front of an AWS of its own. There is one moto_server for all.
func parallel(t *testing.T) {
	t.Helper()
	if backEndName() == "localaws" {
		t.Parallel()
	}
}

// newBackEnd returns an AWS of the test's own.
func newBackEnd(t *testing.T) backEnd {
	t.Helper()
	if endpoint := os.Getenv(endpointVariable); endpoint != "" {
		return newMoto(t, strings.TrimSuffix(endpoint, "/"))
	}
	return newSimulator(t, localaws.New())
}

// newSimulator serves the simulated AWS.
func newSimulator(t *testing.T, cloud *localaws.AWS) backEnd {
	t.Helper()
	server := httptest.NewServer(cloud)
	t.Cleanup(server.Close)
	return backEnd{
		endpoint: server.URL, subnet: localaws.SubnetA, group: localaws.SecurityGroup, namespace: localaws.Namespace, key: localaws.KMSKey,
		inventory: cloud.Inventory,
	}
}

// newMoto empties a moto_server and makes what an account has before anybody builds services in it.
func newMoto(t *testing.T, endpoint string) backEnd {
	t.Helper()
	proxy := httptest.NewServer(motoproxy.New(endpoint)) // the program and the independent client see an AWS without moto's ways
	t.Cleanup(proxy.Close)
	endpoint = proxy.URL
	post(t, endpoint+"/moto-api/reset", "")
	// Left to itself, moto moves a task on to its end each time somebody looks at it.
	post(t, endpoint+"/moto-api/state-manager/set-transition", `{"model_name": "ecs::task", "transition": {"progression": "manual", "times": 100000}}`)
	sess := newSession(t, endpoint)
	net := ec2.New(sess)
	vpc := must(net.CreateVpc(&ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")}))(t).Vpc.VpcId
	must(net.ModifyVpcAttribute(&ec2.ModifyVpcAttributeInput{VpcId: vpc, EnableDnsHostnames: &ec2.AttributeBooleanValue{Value: aws.Bool(true)}}))(t) // else moto breaks over a task
	cloud := servicediscovery.New(sess)
	must(cloud.CreatePrivateDnsNamespace(&servicediscovery.CreatePrivateDnsNamespaceInput{Name: aws.String("local"), Vpc: vpc}))(t)
	namespaces := must(cloud.ListNamespaces(&servicediscovery.ListNamespacesInput{}))(t).Namespaces
	at := slices.IndexFunc(namespaces, func(n *servicediscovery.NamespaceSummary) bool { return aws.StringValue(n.Name) == "local" })
	return backEnd{
		endpoint:  endpoint,
		subnet:    aws.StringValue(must(net.CreateSubnet(&ec2.CreateSubnetInput{VpcId: vpc, CidrBlock: aws.String("10.0.1.0/24")}))(t).Subnet.SubnetId),
		group:     aws.StringValue(must(net.CreateSecurityGroup(&ec2.CreateSecurityGroupInput{GroupName: aws.String("e2e"), Description: aws.String("e2e"), VpcId: vpc}))(t).GroupId),
		namespace: aws.StringValue(namespaces[at].Id),
		key:       aws.StringValue(must(kms.New(sess).CreateKey(&kms.CreateKeyInput{}))(t).KeyMetadata.KeyId),
	}
}

// newSession returns a session of the independent client.
func newSession(t *testing.T, endpoint string) *session.Session {
	t.Helper()
	return must(session.NewSession(&aws.Config{
		Region: aws.String(region), Endpoint: aws.String(endpoint), Credentials: credentials.NewStaticCredentials(accessKey, secretKey, ""),
		MaxRetries: aws.Int(0),
		HTTPClient: &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}, // of its own: where AWS_CA_BUNDLE is set, the SDK changes it
	}))(t)
}

func post(t *testing.T, url, body string) {
	t.Helper()
	r := must(http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body)))(t)
	r.Header.Set("Content-Type", "application/json")
	resp := must(http.DefaultClient.Do(r))(t)
	_ = resp.Body.Close()
	if resp.StatusCode >= 300 {
		t.Fatalf("POST %s returned %s", url, resp.Status)
	}
}

// must returns v where t ends the test if there is an error.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
