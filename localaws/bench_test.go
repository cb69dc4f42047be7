package localaws_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/secretsmanager"
	"github.com/aws/aws-sdk-go/service/ssm"

	"ecs-api/localaws"
)

// BenchmarkListSecrets reads all pages of 5000 secrets of which one in ten is wanted.
func BenchmarkListSecrets(b *testing.B) {
	client := secretsmanager.New(newSession(b, localaws.New()))
	for i := range 5000 {
		in := newSecret(fmt.Sprintf("s%d", i), "v")
		in.Tags = secretTags("org", fmt.Sprint(i%10))
		if _, err := client.CreateSecret(in); err != nil {
			b.Fatal(err)
		}
	}
	in := &secretsmanager.ListSecretsInput{MaxResults: aws.Int64(100), Filters: []*secretsmanager.Filter{
		{Key: aws.String("tag-key"), Values: aws.StringSlice([]string{"org"})}, {Key: aws.String("tag-value"), Values: aws.StringSlice([]string{"3"})},
	}}
	for b.Loop() {
		n := 0
		err := client.ListSecretsPages(in, func(page *secretsmanager.ListSecretsOutput, _ bool) bool {
			n += len(page.SecretList)
			return true
		})
		if err != nil || n != 500 {
			b.Fatal(n, err)
		}
	}
}

// BenchmarkParametersByPath reads one of 1000 parameters' prefixes.
func BenchmarkParametersByPath(b *testing.B) {
	client := ssm.New(newSession(b, localaws.New()))
	for i := range 1000 {
		if _, err := client.PutParameter(newParameter(fmt.Sprintf("/org/%d/%d", i/10, i%10))); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		out, err := client.GetParametersByPath(&ssm.GetParametersByPathInput{Path: aws.String("/org/50")})
		if err != nil || len(out.Parameters) != 10 {
			b.Fatal(out, err)
		}
	}
}
