package localaws

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go/service/ssm"

	"ecs-api/ecs/sdk/ecs"
)

// taskPrincipal is the service that assumes the roles of tasks.
const taskPrincipal = "ecs-tasks.amazonaws.com"

// assumable reports whether ECS can assume a role for tasks of the region: it exists, is old enough to be seen (Lags.Role), and its trust
// policy lets ECS.
func (r *request) assumable(arn string) bool {
	if !r.account.iam.usableRole(r.aws, arn) {
		return false
	}
	ro := r.roleByARN(arn)
	return ro.trusts(taskPrincipal, map[string][]string{"aws:sourceaccount": {r.account.id}, "aws:sourcearn": {r.arn("ecs", "task/")}})
}

// roleByARN returns the role, or nil.
func (r *request) roleByARN(arn string) *role {
	ro, _ := r.account.iam.roles.get(strings.ToLower(lastSegment(arn)))
	return ro
}

// unassumable returns the first of a task's roles that ECS cannot assume, or nothing.
func (r *request) unassumable(rev *ecsRevision, o *ecs.TaskOverride) string {
	execution, own := rev.out.ExecutionRoleArn, rev.out.TaskRoleArn
	if o != nil && o.ExecutionRoleArn != nil {
		execution = o.ExecutionRoleArn
	}
	if o != nil && o.TaskRoleArn != nil {
		own = o.TaskRoleArn
	}
	for _, arn := range []*string{execution, own} {
		if arn != nil && *arn != "" && !r.assumable(*arn) {
			return *arn
		}
	}
	return ""
}

// unusableRole is what ECS says when it cannot assume a role.
func unusableRole(arn string) string {
	return "ECS was unable to assume the role '" + arn + "' that was provided for this task. Please verify that the role being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role."
}

// initializer prepares the start of a task, with the rights of its execution role.
type initializer struct {
	*request
	task *ecsTask
	role *role // nil for a task without execution role
}

// initialize gets the task what it needs before its containers start. It returns the reason why that cannot be, in AWS's words, or nothing.
func (t *ecsTask) initialize(r *request) string {
	i := initializer{request: r, task: t}
	role := t.definition.out.ExecutionRoleArn
	if o := t.out.Overrides; o != nil && o.ExecutionRoleArn != nil {
		role = o.ExecutionRoleArn
	}
	if role != nil {
		i.role = i.roleByARN(*role)
	}
	if reason := i.secrets(); reason != "" {
		return "ResourceInitializationError: unable to pull secrets or registry auth: " + reason
	}
	i.inject()
	if reason := i.logs(); reason != "" {
		return "ResourceInitializationError: failed to validate logger args: " + reason
	}
	return i.pull()
}

// denied returns what AWS says when the execution role may not do something, or nothing. A task without execution role has no rights.
func (i initializer) denied(want accessRequest) string {
	decision, name := accessNotAllowed, "none"
	if i.role != nil {
		decision, name = i.role.access(want), i.role.name
	}
	if decision == accessAllowed {
		return ""
	}
	why := fmt.Sprintf("because no identity-based policy allows the %s action", want.action)
	if decision == accessDenied {
		why = "with an explicit deny in an identity-based policy"
	}
	return fmt.Sprintf("User: arn:aws:sts::%s:assumed-role/%s/%s is not authorized to perform: %s on resource: %s %s", i.account.id, name, i.task.id, want.action, want.resource, why)
}

// mayDecrypt reports whether the execution role may decrypt with a key on behalf of a service. Keys that AWS manages need no right.
func (i initializer) mayDecrypt(r *request, keyID, service string) bool {
	id := r.keyID(keyID)
	if id != KMSKey {
		return true
	}
	return i.denied(accessRequest{"kms:Decrypt", r.arn("kms", "key/"+id), map[string][]string{"kms:viaservice": {service + "." + r.region.name + ".amazonaws.com"}}}) == ""
}

// in returns the request as one to another region of the account.
func (r *request) in(region string) *request {
	there := *r
	there.region = r.account.region(region)
	return &there
}

// secrets fetches what the containers' secrets, log options and registry credentials refer to. It returns why that fails, or nothing.
func (i initializer) secrets() string {
	var parameters []string
	var stored []string
	for _, c := range i.task.definition.out.ContainerDefinitions {
		all := c.Secrets
		if c.LogConfiguration != nil {
			all = append(all[:len(all):len(all)], c.LogConfiguration.SecretOptions...)
		}
		for _, s := range all {
			if reference := aws.StringValue(s.ValueFrom); storedSecret(reference) {
				stored = append(stored, reference)
			} else {
				parameters = append(parameters, reference)
			}
		}
	}
	if reason := i.registryAuth(); reason != "" {
		return reason
	}
	if reason := i.parameters(parameters); reason != "" {
		return "execution resource retrieval failed: unable to retrieve secrets from ssm: " + reason
	}
	for _, reference := range stored {
		if reason := i.secret(reference); reason != "" {
			return "execution resource retrieval failed: unable to retrieve secret from asm: " + reason
		}
	}
	return ""
}

// registryAuth fetches the credentials of the containers' registries.
func (i initializer) registryAuth() string {
	for _, part := range i.task.parts {
		if part.image.ecrARN() != "" && i.task.definition.out.ExecutionRoleArn != nil {
			if part.image.fault == faultUnreachable {
				return fmt.Sprintf(`The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. operation error ECR: GetAuthorizationToken, exceeded maximum number of attempts, 3, https response error StatusCode: 0, RequestID: , request send failed, Post "https://api.ecr.%s.amazonaws.com/": dial tcp 203.0.113.11:443: i/o timeout`, i.region.name)
			}
			if denied := i.denied(accessRequest{"ecr:GetAuthorizationToken", "*", nil}); denied != "" {
				return "execution resource retrieval failed: unable to retrieve ecr registry auth: service call has been retried 1 time(s): AccessDeniedException: " + denied
			}
		}
		if c := part.definition.RepositoryCredentials; c != nil {
			if reason := i.secret(aws.StringValue(c.CredentialsParameter)); reason != "" {
				return "execution resource retrieval failed: unable to retrieve secret from asm: " + reason
			}
		}
	}
	return ""
}

// parameters fetches parameters of Parameter Store by their names or ARNs.
func (i initializer) parameters(references []string) string {
	const called = "service call has been retried 1 time(s): "
	var invalid []string
	for _, reference := range references {
		r, p, arn := i.parameter(reference)
		failed := called + "operation error SSM: GetParameters, https response error StatusCode: 400, RequestID: " + r.aws.uuid() + ", api error AccessDeniedException: "
		if denied := i.denied(accessRequest{"ssm:GetParameters", arn, nil}); denied != "" {
			return failed + denied
		}
		switch {
		case p == nil:
			invalid = append(invalid, reference)
		case p.kind == ssm.ParameterTypeSecureString && !i.mayDecrypt(r, p.keyID, "ssm"):
			return failed + "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access."
		}
	}
	if len(invalid) > 0 {
		return called + "invalid ssm parameters: " + strings.Join(invalid, ", ")
	}
	return ""
}

// parameter returns the parameter that a name or an ARN, with or without a version, means, or nil; its ARN, and its region's request.
func (i initializer) parameter(reference string) (*request, *parameter, string) {
	r := i.request
	if parts := strings.SplitN(reference, ":", 6); len(parts) == 6 && parts[2] == "ssm" {
		r = r.in(parts[3])
	}
	p, ok := r.parameter(&reference)
	if !ok {
		p, _, _ = r.selected(&reference) // the error says no more than that there is none
	}
	if p == nil {
		return r, nil, r.arn("ssm", "parameter"+r.parameterKey(reference))
	}
	return r, p, *r.parameterARN(p)
}

// secretReference is a reference to a secret: a name, or an ARN that may continue with a JSON key, a stage and a version.
type secretReference struct{ id, key, stage, version, region string }

func parseSecretReference(reference string) secretReference {
	parts := strings.Split(reference, ":")
	if len(parts) < 7 || parts[0] != "arn" {
		return secretReference{id: reference}
	}
	rest := slices.Concat(parts[7:], []string{"", "", ""})
	return secretReference{id: strings.Join(parts[:7], ":"), region: parts[3], key: rest[0], stage: rest[1], version: rest[2]}
}

// secret fetches a secret of Secrets Manager, or a key of its value.
func (i initializer) secret(reference string) string {
	ref := parseSecretReference(reference)
	r := i.request
	if ref.region != "" {
		r = r.in(ref.region)
	}
	fetch := func(text string) string {
		return "service call has been retried 1 time(s): failed to fetch secret " + ref.id + " from secrets manager: " + text
	}
	s, err := r.secretNamed(&ref.id)
	arn := ref.id
	if err == nil {
		arn = s.arn
	}
	if denied := i.denied(accessRequest{"secretsmanager:GetSecretValue", arn, nil}); denied != "" {
		return fetch("AccessDeniedException: " + denied)
	}
	if err != nil {
		return fmt.Sprintf("ResourceNotFoundException: The task can't retrieve the secret with ARN '%s' from AWS Secrets Manager. Check whether the secret exists in the specified Region: %v", ref.id, err)
	}
	if _, err := r.usableSecret(&s.arn); err != nil {
		return fetch(err.Error())
	}
	if !i.mayDecrypt(r, s.keyID, "secretsmanager") {
		return fetch("AccessDeniedException: Access to KMS is not allowed")
	}
	v, problem := ref.of(s)
	if problem != "" {
		return fetch("ResourceNotFoundException: Secrets Manager can't find the specified secret value for " + problem)
	}
	return ref.readKey(v)
}

// of returns the version of the secret that the reference names, or what it names if there is none.
func (ref secretReference) of(s *secret) (*secretVersion, string) {
	if ref.version != "" {
		if v := s.version(ref.version); v != nil {
			return v, ""
		}
		return nil, "VersionId: " + ref.version
	}
	stage := ref.stage
	if stage == "" {
		stage = stageCurrent
	}
	if v := s.staged(stage); v != nil {
		return v, ""
	}
	return nil, "staging label: " + stage
}

// readKey looks for the JSON key in a value. The value is not part of what it says.
func (ref secretReference) readKey(v *secretVersion) string {
	if ref.key == "" {
		return ""
	}
	var keys map[string]any
	if err := json.Unmarshal([]byte(aws.StringValue(v.text)), &keys); err != nil {
		return "service call has been retried 1 time(s): " + err.Error()
	}
	if _, ok := keys[ref.key]; !ok {
		return "retrieved secret from Secrets Manager did not contain json key " + ref.key
	}
	return ""
}

// logTarget is where a container's lines go. Without the right to put them there they are lost.
type logTarget struct {
	region        *region
	group, stream string
	may           bool
}

// awsRegion is what a region's name looks like.
var awsRegion = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)

// logs makes the log streams of the containers. It returns why that fails, or nothing.
func (i initializer) logs() string {
	for _, part := range i.task.parts {
		c := part.definition.LogConfiguration
		if c == nil || aws.StringValue(c.LogDriver) != ecs.LogDriverAwslogs {
			continue
		}
		if reason := i.logStream(part, c.Options); reason != "" {
			return reason
		}
	}
	return ""
}

func (i initializer) logStream(part *ecsContainer, options map[string]*string) string {
	group, region := aws.StringValue(options["awslogs-group"]), aws.StringValue(options["awslogs-region"])
	stream := aws.StringValue(options["awslogs-stream-prefix"]) + "/" + *part.definition.Name + "/" + i.task.id
	const failed = "create stream has been retried 1 times: failed to create Cloudwatch log stream: "
	if !awsRegion.MatchString(region) {
		return failed + "MissingEndpoint: 'Endpoint' configuration is required for this service"
	}
	r := i.in(region)
	arn := r.arn("logs", "log-group:"+group+":log-stream:"+stream)
	if aws.StringValue(options["awslogs-create-group"]) == "true" {
		if denied := i.denied(accessRequest{"logs:CreateLogGroup", r.arn("logs", "log-group:"+group+":log-stream:"), nil}); denied != "" {
			return "create stream has been retried 1 times: failed to create Cloudwatch log group: AccessDeniedException: " + denied
		}
		_, _ = createLogGroup(r, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group}) // it may be there already
	}
	if denied := i.denied(accessRequest{"logs:CreateLogStream", arn, nil}); denied != "" {
		return failed + "AccessDeniedException: " + denied
	}
	g, ok := r.region.logs.groups.get(group)
	if !ok {
		return failed + "ResourceNotFoundException: The specified log group does not exist."
	}
	if _, ok := g.streams.get(stream); !ok {
		g.addStream(stream, r.now)
	}
	part.log = &logTarget{region: r.region, group: group, stream: stream, may: i.denied(accessRequest{"logs:PutLogEvents", arn, nil}) == ""}
	return ""
}

// write writes the n-th line of the container's program into its log.
func (part *ecsContainer) write(r *request, n int) {
	if log := part.log; log != nil && log.may && n < len(part.does.lines) {
		log.region.logs.write(log.group, log.stream, part.does.lines[n].text, r.now)
	}
}

// loggedIn reports whether the container has credentials for its registry; that they can be read has been seen.
func (i initializer) loggedIn(part *ecsContainer) bool {
	c := part.definition.RepositoryCredentials
	if c == nil {
		return false
	}
	ref := parseSecretReference(aws.StringValue(c.CredentialsParameter))
	r := i.request
	if ref.region != "" {
		r = r.in(ref.region)
	}
	s, err := r.usableSecret(&ref.id)
	if err != nil || s.staged(stageCurrent) == nil {
		return false
	}
	var login struct{ Username, Password string }
	return json.Unmarshal([]byte(aws.StringValue(s.staged(stageCurrent).text)), &login) == nil && login.Username != "" && login.Password != ""
}

// pull pulls the images. It returns why that fails, or nothing.
func (i initializer) pull() string {
	i.task.out.PullStartedAt = aws.Time(i.now)
	for _, part := range i.task.parts {
		reason := ""
		if fault, ok := pullFaults[part.image.fault]; ok {
			reason = fault(part.image, platform(&i.task.definition.out))
		} else if part.image.private() && !i.loggedIn(part) {
			reason = pullFaults["no-permission"](part.image, "")
		} else if arn := part.image.ecrARN(); arn != "" && i.task.definition.out.ExecutionRoleArn != nil {
			for _, action := range []string{"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"} {
				if i.denied(accessRequest{action, arn, nil}) != "" {
					reason = pullForbidden(part.image)
				}
			}
		}
		if reason != "" {
			part.reason = "CannotPullContainerError: " + reason
			return part.reason
		}
	}
	i.task.out.PullStoppedAt = aws.Time(i.now)
	return ""
}
