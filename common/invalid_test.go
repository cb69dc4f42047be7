package common

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/secretsmanager"
	"github.com/aws/aws-sdk-go/service/servicediscovery"
	"github.com/google/go-cmp/cmp"

	"ecs-api/ecs/sdk/ecs"
)

func TestWhatTheSDKRefusesIsReportedByField(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want []FieldError
	}{
		{"a field that is missing, far down", (&ecs.RegisterTaskDefinitionInput{
			Family:               aws.String("web"),
			ContainerDefinitions: []*ecs.ContainerDefinition{{}, {Secrets: []*ecs.Secret{{Name: aws.String("A")}}}},
		}).Validate(), []FieldError{{"ContainerDefinitions[1].Secrets[0].ValueFrom", "is required"}}},
		{"several", (&servicediscovery.CreateServiceInput{DnsConfig: &servicediscovery.DnsConfig{}}).Validate(), []FieldError{{"Name", "is required"}, {"DnsConfig.DnsRecords", "is required"}}},
		{"an empty one, and one that is too short", (&secretsmanager.CreateSecretInput{Name: aws.String(""), ClientRequestToken: aws.String("hunter2")}).Validate(),
			[]FieldError{{"ClientRequestToken", "must have at least 32 characters"}, {"Name", "must not be empty"}}},
		{"a number that is too small", (&servicediscovery.ListServicesInput{MaxResults: aws.Int64(0)}).Validate(), []FieldError{{"MaxResults", "must be at least 1"}}},
		{"another error", errors.New("no"), nil},
		{"none", nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, InvalidFields(tt.err)); diff != "" {
				t.Error(diff)
			}
		})
	}
	err := FromAWS((&servicediscovery.CreateServiceInput{}).Validate(), "create service discovery service %q", "www")
	const want = `create service discovery service "www": the request is not valid: Name is required`
	if got := Public(err); got != want || !Is(err, BadRequest) {
		t.Errorf("%v: %s, want %s", KindOf(err), got, want)
	}
}
