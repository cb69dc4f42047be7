package space

import (
	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"

	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/spec"
	"ecs-api/secretsmanager"
)

// CreateCredential adds to the plan the creation of the container's secret, or its adoption if an interrupted request left it.
func (p *Parts) CreateCredential(plan *resource.Plan, container string) error {
	s := p.space
	in := s.Want.Credentials[container]
	item := s.item(s.credential(container), p.found.Credentials[container], secretsmanager.ToTags(in.Tags))
	if item.Found != nil {
		if err := s.Request.Check(item, item.Found); err != nil {
			return err
		}
	}
	p.Credentials[container] = item
	change := s.ensure(item)
	change.After = map[string]any{"Name": item.Name(), "Container": container, "KmsKeyId": in.KmsKeyId}
	plan.Add(resource.StageFirst, change)
	return nil
}

// SetCredential adds to the plan that a secret which the container already has gets the request's value and tags.
func (p *Parts) SetCredential(plan *resource.Plan, container string, found *resource.State) {
	s := p.space
	in := s.Want.Credentials[container]
	secret := resource.ValueOf[*awssecrets.DescribeSecretOutput](found)
	c := &resource.Credential{Account: s.Account, Container: container, Secret: aws.StringValue(secret.Name), Input: in, VersionID: s.id}
	own := spec.WithoutReserved(secretsmanager.ToTags(in.Tags))
	p.Credentials[container] = &resource.Item{Thing: c, Found: found, Now: found, Tags: own}
	plan.Add(resource.StageFirst, resource.Change{Resource: resource.KindCredential, Name: c.Name(), Action: resource.ActionUpdate,
		Reason: "the request has a new value",
		Step:   saga.InOrder(c.Restore(found), c.SetValue(found), resource.ChangeTags(c, found, spec.WithoutReserved(s.Want.Callers.With(own...)), nil))})
}

// CredentialARNs returns the secrets of the containers, after they have been created or adopted.
func (p *Parts) CredentialARNs() map[string]string {
	arns := map[string]string{}
	for container, item := range p.Credentials {
		arns[container] = item.ID()
	}
	return arns
}

// CredentialOutputs returns what a response shows of the credentials.
func (p *Parts) CredentialOutputs() map[string]*awssecrets.CreateSecretOutput {
	out := map[string]*awssecrets.CreateSecretOutput{}
	for container, item := range p.Credentials {
		out[container] = item.Thing.(*resource.Credential).Output(item)
	}
	return out
}
