package localaws

import (
	"bytes"
	"slices"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/secretsmanager"
)

// maxVersions is how many versions a secret keeps.
const maxVersions = 100

// newVersion reads a value from a request. It is nil if the request carries none.
func (r *request) newVersion(token, text *string, binary []byte) (*secretVersion, error) {
	switch {
	case token != nil && (len(*token) < 32 || len(*token) > 64):
		return nil, refuse(secretsmanager.ErrCodeInvalidParameterException, "ClientRequestToken must be 32-64 characters long.")
	case text == nil && binary == nil:
		return nil, nil
	case text != nil && binary != nil:
		return nil, refuse(secretsmanager.ErrCodeInvalidParameterException, "You can't specify both a binary secret value and a string secret value in the same secret.")
	case text != nil && *text == "", text == nil && len(binary) == 0:
		return nil, refuse(secretsmanager.ErrCodeInvalidParameterException, "The secret value can't be empty.")
	case text != nil && len(*text) > maxSecret, len(binary) > maxSecret:
		return nil, refuse("ValidationException", "1 validation error detected: Value at 'secretString' failed to satisfy constraint: Member must have length less than or equal to %d", maxSecret)
	}
	id := aws.StringValue(token)
	if id == "" {
		id = r.aws.uuid()
	}
	return &secretVersion{id: id, text: text, binary: binary, created: r.now}, nil
}

func (v *secretVersion) sameValue(o *secretVersion) bool {
	return aws.StringValue(v.text) == aws.StringValue(o.text) && bytes.Equal(v.binary, o.binary)
}

// version returns the version with the id, or nil.
func (s *secret) version(id string) *secretVersion {
	for _, v := range s.versions {
		if v.id == id {
			return v
		}
	}
	return nil
}

// staged returns the version that has the stage, or nil.
func (s *secret) staged(stage string) *secretVersion {
	for _, v := range s.versions {
		if slices.Contains(v.stages, stage) {
			return v
		}
	}
	return nil
}

// move takes the stage from the version that has it and gives it to v, which may be nil. AWSPREVIOUS follows AWSCURRENT.
func (s *secret) move(stage string, v *secretVersion) {
	old := s.staged(stage)
	if old == v {
		return
	}
	if old != nil {
		old.stages = slices.DeleteFunc(slices.Clone(old.stages), func(t string) bool { return t == stage })
	}
	if v != nil {
		v.stages = append(slices.Clone(v.stages), stage)
	}
	if stage == stageCurrent && old != nil {
		s.move(stagePrevious, old)
		v.stages = slices.DeleteFunc(v.stages, func(t string) bool { return t == stagePrevious })
	}
}

// add adds a version with the stages. Of those without stages the oldest give way.
func (s *secret) add(v *secretVersion, stages []string) {
	if len(s.versions) == 0 && !slices.Contains(stages, stageCurrent) {
		stages = append([]string{stageCurrent}, stages...) // the first version is current, whatever the request says
	}
	s.versions = append(s.versions, v)
	for _, stage := range stages {
		s.move(stage, v)
	}
	for i := 0; len(s.versions) > maxVersions && i < len(s.versions); {
		if len(s.versions[i].stages) == 0 {
			s.versions = slices.Delete(s.versions, i, i+1)
		} else {
			i++
		}
	}
	s.changed = v.created
}

func tokenInUse(s *secret, token string) error {
	return refuse(secretsmanager.ErrCodeResourceExistsException, "You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.", token, s.arn)
}

func createSecret(r *request, in *secretsmanager.CreateSecretInput) (*secretsmanager.CreateSecretOutput, error) {
	name := aws.StringValue(in.Name)
	tags := readTags(in.Tags, secretPair)
	if err := checkSecretName(name); err != nil {
		return nil, err
	}
	if err := checkSecretTags(tags); err != nil {
		return nil, err
	}
	if err := checkSecretDescription(in.Description); err != nil {
		return nil, err
	}
	if err := r.checkSecretKey(in.KmsKeyId); err != nil {
		return nil, err
	}
	v, err := r.newVersion(in.ClientRequestToken, in.SecretString, in.SecretBinary)
	if err != nil {
		return nil, err
	}
	state := &r.region.secrets
	if free, ok := state.taken[name]; ok {
		if r.now.Before(free) {
			return nil, scheduledAlready()
		}
		delete(state.taken, name)
	}
	if s := r.liveSecret(name); s != nil {
		return createdAlready(s, v)
	}
	s := &secret{
		name:        name,
		arn:         r.arn("secretsmanager", "secret:"+name+"-"+r.aws.letters(6, mixedAlnum)),
		description: aws.StringValue(in.Description),
		keyID:       aws.StringValue(in.KmsKeyId),
		tags:        tags,
		created:     r.now,
		changed:     r.now,
	}
	out := &secretsmanager.CreateSecretOutput{ARN: aws.String(s.arn), Name: aws.String(name)}
	if v != nil {
		s.add(v, []string{stageCurrent})
		out.VersionId = aws.String(v.id)
	}
	state.secrets.put(name, s)
	return out, nil
}

// createdAlready responds to CreateSecret for a name that is there: the same request again is a success.
func createdAlready(s *secret, v *secretVersion) (*secretsmanager.CreateSecretOutput, error) {
	if s.scheduled() {
		return nil, scheduledAlready()
	}
	if v != nil {
		if old := s.version(v.id); old != nil && old.sameValue(v) {
			return &secretsmanager.CreateSecretOutput{ARN: aws.String(s.arn), Name: aws.String(s.name), VersionId: aws.String(v.id)}, nil
		}
	}
	return nil, refuse(secretsmanager.ErrCodeResourceExistsException, "The operation failed because the secret %s already exists.", s.name)
}

func scheduledAlready() error {
	return refuse(secretsmanager.ErrCodeInvalidRequestException, "You can't create this secret because a secret with this name is already scheduled for deletion.")
}

// checkSecretKey refuses a key that Secrets Manager cannot encrypt with.
func (r *request) checkSecretKey(key *string) error {
	name := aws.StringValue(key)
	switch {
	case r.deniesKey(name):
		return refuse("AccessDeniedException", "Access to KMS is not allowed")
	case r.knowsKey(name):
		return nil
	}
	return refuse(secretsmanager.ErrCodeEncryptionFailure, "Secrets Manager can't encrypt the protected secret text using the provided KMS key.")
}

func putSecretValue(r *request, in *secretsmanager.PutSecretValueInput) (*secretsmanager.PutSecretValueOutput, error) {
	s, err := r.usableSecret(in.SecretId)
	if err != nil {
		return nil, err
	}
	v, err := r.newVersion(in.ClientRequestToken, in.SecretString, in.SecretBinary)
	switch {
	case err != nil:
		return nil, err
	case v == nil:
		return nil, refuse(secretsmanager.ErrCodeInvalidRequestException, "You must provide either SecretString or SecretBinary.")
	}
	stages := aws.StringValueSlice(in.VersionStages)
	if len(stages) == 0 {
		stages = []string{stageCurrent}
	}
	if len(stages) > 20 {
		return nil, refuse(secretsmanager.ErrCodeLimitExceededException, "A version can have no more than 20 staging labels.")
	}
	if old := s.version(v.id); old == nil {
		s.add(v, stages)
	} else if !old.sameValue(v) {
		return nil, tokenInUse(s, v.id)
	} else {
		v = old
	}
	return &secretsmanager.PutSecretValueOutput{
		ARN: aws.String(s.arn), Name: aws.String(s.name), VersionId: aws.String(v.id), VersionStages: aws.StringSlice(v.stages),
	}, nil
}

func updateSecret(r *request, in *secretsmanager.UpdateSecretInput) (*secretsmanager.UpdateSecretOutput, error) {
	s, err := r.usableSecret(in.SecretId)
	if err != nil {
		return nil, err
	}
	v, err := r.newVersion(in.ClientRequestToken, in.SecretString, in.SecretBinary)
	switch {
	case err != nil:
		return nil, err
	case v != nil && s.version(v.id) != nil:
		return nil, tokenInUse(s, v.id)
	}
	if err := r.checkSecretKey(in.KmsKeyId); err != nil {
		return nil, err
	}
	if err := checkSecretDescription(in.Description); err != nil {
		return nil, err
	}
	if in.Description != nil {
		s.description = *in.Description
	}
	if in.KmsKeyId != nil {
		s.keyID = *in.KmsKeyId
	}
	s.changed = r.now
	out := &secretsmanager.UpdateSecretOutput{ARN: aws.String(s.arn), Name: aws.String(s.name)}
	if v != nil {
		s.add(v, []string{stageCurrent})
		out.VersionId = aws.String(v.id)
	}
	return out, nil
}

func getSecretValue(r *request, in *secretsmanager.GetSecretValueInput) (*secretsmanager.GetSecretValueOutput, error) {
	s, err := r.usableSecret(in.SecretId)
	if err != nil {
		return nil, err
	}
	if !r.visible(s.created) {
		return nil, noSuchSecret()
	}
	stage := aws.StringValue(in.VersionStage)
	if stage == "" && in.VersionId == nil {
		stage = stageCurrent
	}
	v := s.staged(stage)
	if in.VersionId != nil {
		v = s.version(*in.VersionId)
	}
	switch {
	case v == nil && in.VersionId != nil:
		return nil, refuse(secretsmanager.ErrCodeResourceNotFoundException, "Secrets Manager can't find the specified secret value for VersionId: %s", *in.VersionId)
	case v == nil:
		return nil, refuse(secretsmanager.ErrCodeResourceNotFoundException, "Secrets Manager can't find the specified secret value for staging label: %s", stage)
	case in.VersionId != nil && stage != "" && !slices.Contains(v.stages, stage):
		return nil, refuse(secretsmanager.ErrCodeInvalidRequestException, "You provided a VersionStage that is not associated to the provided VersionId.")
	}
	s.accessed = r.now
	return &secretsmanager.GetSecretValueOutput{
		ARN: aws.String(s.arn), Name: aws.String(s.name), CreatedDate: aws.Time(v.created),
		SecretBinary: v.binary, SecretString: v.text, VersionId: aws.String(v.id), VersionStages: aws.StringSlice(v.stages),
	}, nil
}

func updateSecretVersionStage(r *request, in *secretsmanager.UpdateSecretVersionStageInput) (*secretsmanager.UpdateSecretVersionStageOutput, error) {
	s, err := r.usableSecret(in.SecretId)
	if err != nil {
		return nil, err
	}
	stage := aws.StringValue(in.VersionStage)
	holder := s.staged(stage)
	var to *secretVersion
	if in.MoveToVersionId != nil {
		if to = s.version(*in.MoveToVersionId); to == nil {
			return nil, refuse(secretsmanager.ErrCodeResourceNotFoundException, "Secrets Manager can't find the specified secret value for VersionId: %s", *in.MoveToVersionId)
		}
	}
	switch from := aws.StringValue(in.RemoveFromVersionId); {
	case holder == nil && from != "":
		return nil, refuse(secretsmanager.ErrCodeInvalidParameterException, "Staging label %s is not currently attached to version %s.", stage, from)
	case holder != nil && holder != to && from == "":
		return nil, refuse(secretsmanager.ErrCodeInvalidParameterException, "The parameter RemoveFromVersionId can't be empty. Staging label %s is currently attached to version %s, so you must explicitly reference that version in RemoveFromVersionId.", stage, holder.id)
	case holder != nil && from != "" && holder.id != from:
		return nil, refuse(secretsmanager.ErrCodeInvalidParameterException, "The parameter RemoveFromVersionId is not valid. Staging label %s is currently attached to version %s.", stage, holder.id)
	case to == nil && stage == stageCurrent:
		return nil, refuse(secretsmanager.ErrCodeInvalidParameterException, "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.")
	}
	s.move(stage, to)
	s.changed = r.now
	return &secretsmanager.UpdateSecretVersionStageOutput{ARN: aws.String(s.arn), Name: aws.String(s.name)}, nil
}

func listSecretVersionIDs(r *request, in *secretsmanager.ListSecretVersionIdsInput) (*secretsmanager.ListSecretVersionIdsOutput, error) {
	s, err := r.secretNamed(in.SecretId)
	if err != nil {
		return nil, err
	}
	limit, ok := pageLimit(in.MaxResults, 100, 100)
	if !ok {
		return nil, refuse(secretsmanager.ErrCodeInvalidParameterException, "MaxResults must be between 1 and 100.")
	}
	var shown []*secretVersion
	for _, v := range s.versions {
		if len(v.stages) > 0 || aws.BoolValue(in.IncludeDeprecated) {
			shown = append(shown, v)
		}
	}
	page, next, err := pageOf(shown, in.NextToken, limit)
	if err != nil {
		return nil, refuse(secretsmanager.ErrCodeInvalidNextTokenException, "The NextToken value is invalid.")
	}
	out := &secretsmanager.ListSecretVersionIdsOutput{ARN: aws.String(s.arn), Name: aws.String(s.name), NextToken: next}
	for _, v := range page {
		out.Versions = append(out.Versions, &secretsmanager.SecretVersionsListEntry{
			CreatedDate: aws.Time(v.created), VersionId: aws.String(v.id), VersionStages: aws.StringSlice(v.stages),
		})
	}
	return out, nil
}
