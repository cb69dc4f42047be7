package space

import (
	"github.com/aws/aws-sdk-go/aws"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"

	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/spec"
)

// Images returns the images of the containers, with the credentials that the request gives for them.
func Images(containers []*awsecs.ContainerDefinition, given map[string]*awssecrets.CreateSecretInput) []resource.Image {
	var all []resource.Image
	for _, c := range containers {
		image := resource.Image{Container: aws.StringValue(c.Name), Image: aws.StringValue(c.Image)}
		if cred := given[image.Container]; cred != nil {
			image.Secret = aws.StringValue(cred.SecretString)
		}
		image.Private = image.Secret == "" && spec.RepositoryCredentials(containers, image.Container) != ""
		all = append(all, image)
	}
	return all
}
