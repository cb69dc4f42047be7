package sts_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/localaws"
	_ "ecs-api/racetest" // for what it does to a process of tests
	"ecs-api/sts"
)

func TestIdentityIsWhoAWSTakesUsFor(t *testing.T) {
	const role = "arn:aws:iam::210987654321:role/ecs-api"
	aws := localaws.New(localaws.TrustRole(role, "the-id"))
	server := httptest.NewServer(aws)
	t.Cleanup(server.Close)
	tests := []struct {
		name    string
		account common.Access
		want    sts.Identity
		refused string
	}{
		{"a static key", common.Access{}, sts.Identity{Account: localaws.DefaultAccount, ARN: "arn:aws:iam::123456789012:user/local"}, ""},
		{"a role", common.Access{RoleARN: role, ExternalID: "the-id"}, sts.Identity{Account: "210987654321", ARN: "arn:aws:sts::210987654321:assumed-role/ecs-api/ecs-api"}, ""},
		{"a role that wants another external id", common.Access{RoleARN: role, ExternalID: "another"}, sts.Identity{}, "AccessDenied"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.account.Region, tt.account.AccessKeyID, tt.account.SecretKey, tt.account.Endpoint = "us-east-1", "AKIDEXAMPLE", "secret", server.URL
			sess, err := common.NewSession(tt.account)
			if err != nil {
				t.Fatal(err)
			}
			got, err := sts.New(sess).Identity(t.Context())
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if tt.refused == "" && err != nil || tt.refused != "" && (!common.Is(err, common.Internal) || !strings.Contains(err.Error(), tt.refused)) {
				t.Errorf("got %v, want %s", err, tt.refused)
			}
		})
	}
}
