package localaws

import (
	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/sts"
)

func stsOperations() map[string]operation {
	return map[string]operation{
		"GetCallerIdentity": op(getCallerIdentity),
	}
}

func getCallerIdentity(r *request, _ *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
	return &sts.GetCallerIdentityOutput{
		Account: aws.String(r.account.id),
		Arn:     aws.String("arn:aws:iam::" + r.account.id + ":user/local"),
		UserId:  aws.String("AIDALOCALAWS"),
	}, nil
}
