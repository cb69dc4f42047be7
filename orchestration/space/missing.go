package space

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws/arn"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/spec"
)

// maxMissing is how many references one dry run looks up.
const maxMissing = 20

// Missing returns the references of the containers to secrets and parameters of the space that are not there: AWS would say so only when a task
// starts. What AWS does not let us see is taken to be there; so are the references in known.
func Missing(ctx context.Context, a *account.Account, cluster string, containers, known []*awsecs.ContainerDefinition) []spec.Reference {
	had := map[string]bool{}
	for _, r := range spec.References(known) {
		had[r.Value] = true
	}
	refs := slices.DeleteFunc(spec.References(containers), func(r spec.Reference) bool { return had[r.Value] })
	refs = refs[:min(len(refs), maxMissing)]
	gone := make([]bool, len(refs))
	reads := make([]func(context.Context) error, len(refs))
	for i, r := range refs {
		reads[i] = func(ctx context.Context) error {
			gone[i] = isMissing(ctx, a, cluster, r)
			return nil
		}
	}
	_ = common.Concurrently(ctx, reads...) // they return no error
	var missing []spec.Reference
	for i, r := range refs {
		if gone[i] {
			missing = append(missing, r)
		}
	}
	return missing
}

// isMissing reports whether AWS says that there is no such secret or parameter. Others than those of the space are not looked at.
func isMissing(ctx context.Context, a *account.Account, cluster string, r spec.Reference) (missing bool) {
	var err error
	if id := r.SecretIn(); id != "" {
		if !strings.HasPrefix(spec.SecretName(id), spec.SecretPrefix(a.Org, cluster)) {
			return false
		}
		_, err = a.Secrets.Secret(ctx, id)
	} else {
		name := r.Value
		if parsed, parseErr := arn.Parse(name); parseErr == nil {
			name = strings.TrimPrefix(parsed.Resource, "parameter")
		}
		if !strings.HasPrefix(name, spec.ParameterPrefix(a.Org, cluster)) {
			return false
		}
		_, err = a.Params.Tags(ctx, name)
	}
	return common.Is(err, common.NotFound)
}
