package etag

import awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"

// Secret returns the entity tag of a secret: of all that is shown of it but when it was last used.
func Secret(secret *awssecrets.DescribeSecretOutput) string {
	wanted := *secret
	wanted.LastAccessedDate = nil
	return Of(wanted)
}
