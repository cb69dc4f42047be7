package localaws

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/arn"
	"github.com/aws/aws-sdk-go/service/kms"
)

func kmsOperations() map[string]operation {
	return map[string]operation{
		"DescribeKey": op(describeKey),
	}
}

// keyID returns the id of the key that name means: KMSKey, or a key that AWS manages, by id, ARN, alias or an alias's ARN. It is empty
// if there is none.
func (r *request) keyID(name string) string {
	name = strings.TrimPrefix(name, r.arn("kms", ""))
	if alias, ok := strings.CutPrefix(name, "alias/aws/"); ok && alias != "" {
		seed := lettersOf(r.account.id+r.region.name+alias, 12, "0123456789abcdef")
		return "00000000-0000-4000-9000-" + seed
	}
	if strings.TrimPrefix(name, "key/") == KMSKey {
		return KMSKey
	}
	return ""
}

// knowsKey reports whether a request may encrypt with the named key; no name means the service's own key.
func (r *request) knowsKey(name string) bool { return name == "" || r.keyID(name) != "" }

// deniesKey reports whether a request may not use the named key: it is another account's. KMS does not say whether there is such a key.
func (r *request) deniesKey(name string) bool {
	key, err := arn.Parse(name)
	return err == nil && key.Service == "kms" && key.AccountID != r.account.id
}

func describeKey(r *request, in *kms.DescribeKeyInput) (*kms.DescribeKeyOutput, error) {
	name := aws.StringValue(in.KeyId)
	id := r.keyID(name)
	if id == "" {
		what := "Key"
		if strings.Contains(name, "alias/") {
			what = "Alias"
		}
		return nil, refuse(kms.ErrCodeNotFoundException, "%s '%s' does not exist", what, name)
	}
	manager := kms.KeyManagerTypeAws
	if id == KMSKey {
		manager = kms.KeyManagerTypeCustomer
	}
	return &kms.DescribeKeyOutput{KeyMetadata: &kms.KeyMetadata{
		AWSAccountId:         aws.String(r.account.id),
		Arn:                  aws.String(r.arn("kms", "key/"+id)),
		CreationDate:         aws.Time(time.Date(2019, 7, 1, 0, 0, 0, 0, time.UTC)),
		Enabled:              aws.Bool(true),
		EncryptionAlgorithms: aws.StringSlice([]string{kms.EncryptionAlgorithmSpecSymmetricDefault}),
		KeyId:                aws.String(id),
		KeyManager:           aws.String(manager),
		KeySpec:              aws.String(kms.KeySpecSymmetricDefault),
		KeyState:             aws.String(kms.KeyStateEnabled),
		KeyUsage:             aws.String(kms.KeyUsageTypeEncryptDecrypt),
		MultiRegion:          aws.Bool(false),
		Origin:               aws.String(kms.OriginTypeAwsKms),
	}}, nil
}
