package iam

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/iam"

	"ecs-api/common"
)

// Question asks whether actions are allowed, each on each of the resources: on "*" if there are none. Context holds the condition keys that
// the actions would come with.
type Question struct {
	Actions, Resources []string
	Context            map[string]string
}

// Denial is an action that is not allowed on a resource. Without names the condition keys that the policies ask for and the question
// does not tell: it may be allowed with them.
type Denial struct {
	Action, Resource string
	Without          []string
}

// Denied simulates the policies of a user or a role, named by its ARN: a role's session has none. Nothing is done. It returns what they deny.
func (c *Client) Denied(ctx context.Context, principal string, q Question) ([]Denial, error) {
	in := &iam.SimulatePrincipalPolicyInput{PolicySourceArn: aws.String(principal), ActionNames: aws.StringSlice(q.Actions), MaxItems: aws.Int64(maxPage)}
	if len(q.Resources) > 0 {
		in.ResourceArns = aws.StringSlice(q.Resources)
	}
	for _, key := range slices.Sorted(maps.Keys(q.Context)) {
		in.ContextEntries = append(in.ContextEntries, &iam.ContextEntry{
			ContextKeyName: aws.String(key), ContextKeyType: aws.String(iam.ContextKeyTypeEnumString), ContextKeyValues: aws.StringSlice([]string{q.Context[key]}),
		})
	}
	var denied []Denial
	err := c.api.SimulatePrincipalPolicyPagesWithContext(ctx, in, func(page *iam.SimulatePolicyResponse, _ bool) bool {
		for _, r := range page.EvaluationResults {
			if aws.StringValue(r.EvalDecision) != iam.PolicyEvaluationDecisionTypeAllowed {
				denied = append(denied, Denial{aws.StringValue(r.EvalActionName), aws.StringValue(r.EvalResourceName), aws.StringValueSlice(r.MissingContextValues)})
			}
		}
		return true
	})
	if err != nil {
		return nil, common.FromAWS(err, "simulate the policies of %s", principal)
	}
	return denied, nil
}
