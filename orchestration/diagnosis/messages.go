package diagnosis

import (
	"regexp"
	"strings"
)

// rule maps a message of AWS's to a code. classify reads the table from top to bottom, and the first rule that matches decides. Rules about the network come
// first, then those about missing rights, then those about missing things: AWS's texts often blame a thing that AWS could not even look at.
type rule struct {
	row    int            // of the message in testdata/messages.json; 0 if we know only its words
	code   Code           // "" if the message reports no problem
	words  []string       // all must occur, in upper or lower case; | separates alternatives
	ends   *regexp.Regexp // must match too, unless it is nil
	vague  bool           // the message says that something is wrong but not what: prefer another message
	action string         // {container} stands for the container's name
}

// What to do, for actions that several rules share.
const (
	actRegistryCredentials = "Add registry credentials for the container (credentials in the request), or take the image from ECR or public.ecr.aws."
	actPlatform            = "Build the image for the task's CPU (docker build --platform linux/amd64, or a multi-architecture image), or set " +
		"runtimePlatform.cpuArchitecture in the task definition."
	actNewDeployment = "The tag was moved or the image was deleted. Force a new deployment, which resolves the tag again; use tags that never move, " +
		"and keep the images that run."
	actECRRole = "The execution role may not pull the image. For an image in another account add a repository policy that permits this account; " +
		"check the policy of the S3 endpoint if the subnets use one."
	actWayOut = "The subnets have no way to the image registry. Route them through a NAT gateway (tasks get no public address, so an internet " +
		"gateway is no way out), or add the endpoints ecr.api, ecr.dkr and S3; allow port 443 out in the security group."
	actSecretRole = "The execution role may not read the secret. Use a secret below spinup/{org}/{cluster}/ or a parameter below /{org}/{cluster}/, " +
		"which the role may read, and a key that it may use."
	actSecretExists = "Create or restore the secret or parameter, or correct valueFrom: name, account and region."
	actExited       = "Look at the container's last log lines: GET …/logs?container={container}&previous=true"
	actRetry        = "AWS tries again by itself. If it stays, use other subnets or fewer tasks at once, or ask AWS's support."
)

// dockerHubCut is a message about Docker Hub that Fargate has cut off before the status code.
var dockerHubCut = regexp.MustCompile(`https://registry-1\.docker\.io/\S*\s*$`)

// rules is the table.
var rules = []rule{
	{row: 52, words: []string{"scaling activity initiated by|performing maintenance"}},
	{row: 1, code: ImageRateLimited, words: []string{"toomanyrequests|429 too many|pull rate limit"}, action: actRegistryCredentials},
	{row: 2, code: ImageRateLimited, words: []string{"unexpected status code https://registry-1.docker.io/"}, ends: dockerHubCut,
		action: "Docker Hub refused the pull, most likely for its rate limit. " + actRegistryCredentials},
	{row: 3, code: ImagePlatform, words: []string{"descriptor matching platform"}, action: actPlatform},
	{row: 4, code: ImagePlatform, words: []string{"exec format error"}, action: actPlatform},
	{row: 5, code: EndpointUnreachable, words: []string{"cannotpull", "failed to copy", "i/o timeout"},
		action: "The subnets reach the registry but not S3, where ECR keeps layers. Add the S3 gateway endpoint to the subnets' route tables, and allow it " +
			"in the security group."},
	{row: 6, code: EndpointUnreachable, words: []string{"cannotpull",
		"i/o timeout|failed to do request|no such host|request canceled|connection refused"}, action: actWayOut},
	{row: 7, code: EndpointUnreachable, words: []string{"cannotpull", "x509:"},
		action: "Fargate does not trust the registry's certificate, and cannot be given other authorities. Use a publicly trusted certificate, or copy the " +
			"image to ECR."},
	{row: 8, code: ImageNotFound, words: []string{"@sha256:", "/blobs/sha256:", "403 forbidden"}, action: actNewDeployment},
	{row: 9, code: ImageNotFound, words: []string{"cannotpull", "@sha256:", "not found"}, action: actNewDeployment},
	{row: 10, code: ImageNotFound, words: []string{"cannotpull", ": not found|manifest unknown|name unknown"},
		action: "Check the image's name, tag, account and region, and that it has been pushed; then deploy again."},
	{row: 11, code: ImageAuth, words: []string{"cannotpull",
		"403 forbidden|not authorized to perform: ecr:|401 unauthorized|no basic auth credentials"}, action: actECRRole},
	{row: 12, code: ImageAuth, words: []string{"cannotpull", "pull access denied|insufficient_scope|may require authorization"},
		action: "Check the image's name first: the registry says the same for a repository that is not there. If it is private, " + lowerFirst(actRegistryCredentials)},
	{row: 13, code: ImageAuth, words: []string{"unable to retrieve ecr registry auth", "accessdenied"},
		action: "The execution role may not call ecr:GetAuthorizationToken. Update the service, which brings the role's policy up to date."},
	{row: 14, code: EndpointUnreachable, words: []string{"unable to pull secrets or registry auth", "amazon ecr|registry auth from|api.ecr.",
		"connection issue|i/o timeout|request send failed|send request failed"}, action: actWayOut},
	{row: 15, code: EndpointUnreachable, words: []string{"from ssm", "connection issue|context dead|requestcanceled|canceled|i/o timeout"},
		action: "The subnets have no way to Systems Manager. Route them through a NAT gateway, or add the endpoint ssm (and kms for keys of your own); allow " +
			"port 443."},
	{row: 16, code: EndpointUnreachable, words: []string{"from asm", "context dead|requestcanceled|connection issue|i/o timeout"},
		action: "The subnets have no way to Secrets Manager. Route them through a NAT gateway, or add the endpoint secretsmanager; allow port 443 out of the " +
			"task and into the endpoint."},
	{row: 17, code: EndpointUnreachable, words: []string{"failed to validate logger args", "signal: killed|connection issue|i/o timeout|context dead"},
		action: "The subnets have no way to CloudWatch Logs. Route them through a NAT gateway, or add the endpoint logs; allow port 443. Only then look at " +
			"the log group."},
	{row: 18, code: SecretDenied, words: []string{"access to kms is not allowed"},
		action: "The execution role may read the secret but not decrypt it. Allow kms:Decrypt on the secret's key for the role, in the key's policy too, or " +
			"use the account's default key."},
	{row: 19, code: SecretDenied, words: []string{"from asm", "accessdenied"}, action: actSecretRole},
	{row: 20, code: SecretDenied, words: []string{"from ssm", "accessdenied"}, action: actSecretRole},
	{row: 21, code: SecretMissing, words: []string{"invalid ssm parameters"}, action: actSecretExists},
	{row: 22, code: SecretMissing, words: []string{"resourcenotfoundexception", "from asm|secrets manager"}, action: actSecretExists},
	{code: SecretMissing, words: []string{"from asm|secrets manager", "marked for deletion"},
		action: "The secret is scheduled for deletion. Restore it, or refer to another one."},
	{row: 23, code: SecretMissing, words: []string{"did not contain json key"},
		action: "Add the key to the secret's JSON, or correct valueFrom (ARN:KEY::); then deploy again."},
	{row: 24, code: SecretMissing, words: []string{"from asm", "looking for beginning of value"},
		action: "valueFrom asks for a key of the secret, but the secret is no JSON object. Store one, or leave the key out of valueFrom."},
	{row: 25, code: LogConfiguration, words: []string{"log group does not exist"},
		action: "Create the log group that awslogs-group names, or leave the container's logConfiguration out to have it log to the cluster's group."},
	{row: 26, code: LogConfiguration, words: []string{"failed to validate logger args", "accessdenied"},
		action: "The execution role may not write to the log group. Leave the container's logConfiguration out to have it log to the cluster's group, which " +
			"the role may write to."},
	{row: 27, code: LogConfiguration, words: []string{"failed to validate logger args", "missingendpoint|awslogs-"},
		action: "Set awslogs-region in the container's logConfiguration to the region's name, or leave the logConfiguration out."},
	{row: 28, code: OutOfMemory, words: []string{"outofmemoryerror"},
		action: "Container {container} went over its memory. Give the task (and the container, if it has a limit) more memory, set the runtime's heap to " +
			"fit, or look for a leak."},
	{row: 29, code: ContainerExited, words: []string{"cannotstartcontainererror", "executable file not found|no such file"},
		action: "Container {container} names a program that is not in its image. Correct command or entryPoint (a list, not one string); check that no " +
			"volume hides the file."},
	{row: 0, code: ContainerExited, words: []string{"cannotstartcontainererror"},
		action: "Container {container} could not be started. Check its command, entryPoint, user and workingDirectory."},
	{row: 30, code: ContainerExited, words: []string{"essential container in task exited"}, action: actExited},
	{row: 31, code: HealthCheck, words: []string{"failed container health checks"},
		action: "Container {container} failed the healthCheck of its definition. Run the command inside it: often the image lacks the program (curl). Give " +
			"it a longer startPeriod if it starts slowly."},
	{row: 32, code: TargetUnhealthy, words: []string{"failed elb health checks"},
		action: "The load balancer's health check failed: see Targets for the reason. Check path, matcher and port of the target group, the security group, " +
			"and healthCheckGracePeriodSeconds."},
	{row: 33, code: TargetUnhealthy, words: []string{"is unhealthy in (target-group|is unhealthy in (elb"},
		action: "The load balancer's health check fails. Codes mean a wrong path or an error of the program; a timeout a closed port or a slow program. See " +
			"Targets."},
	{row: 34, code: TargetUnhealthy, words: []string{"target group is not found|target is not found"},
		action: "The target group has been deleted. Update the service with a target group that is there, or create it again."},
	{row: 35, code: RoleNotAssumable, words: []string{"unable to assume the role"},
		action: "ECS cannot assume the role: it is missing, new, or does not trust ecs-tasks.amazonaws.com. Update the service, which repairs the execution " +
			"role; check the trust policy of a task role of your own."},
	{row: 36, code: RoleNotAssumable, words: []string{"iam trust relationship has been misconfigured"},
		action: "The role that ECS itself uses (service-linked or infrastructure role) has lost its trust policy. Restore it."},
	{row: 37, code: QuotaExceeded, words: []string{"reached the limit on the number of"},
		action: "Ask for a higher quota (Service Quotas: Fargate vCPU resource count), use fewer or smaller tasks, or set maximumPercent to 100, so that an " +
			"update needs no more than now."},
	{row: 38, code: QuotaExceeded, words: []string{"configuration is above your limit"},
		action: "The account may not run tasks of this size yet. Use a smaller size, or ask AWS for the quota."},
	{row: 39, code: QuotaExceeded, words: []string{"operations are being throttled"},
		action: "ECS goes over a rate of the account's. Wait, change fewer services at once, or ask AWS for a higher rate."},
	{row: 40, code: NoCapacity, words: []string{"capacity is unavailable at this time"},
		action: "AWS has no such capacity in the zones of the service's subnets now. It tries again; subnets in more zones help, and FARGATE beside " +
			"FARGATE_SPOT, which has no fallback."},
	{row: 41, code: NoCapacity, words: []string{"unable to place a task. reason: internal error"},
		action: "Fargate does not run in the zone of one of the subnets. Use subnets in other zones."},
	{row: 42, code: SpotInterrupted, words: []string{"spot task was interrupted"}, action: actSpot},
	{row: 43, code: NetworkInterface, words: []string{"network interface provisioning"}, action: actRetry},
	{row: 44, code: NetworkInterface, words: []string{"attempting to create network interface"},
		action: "EC2 could not create the task's network interface: its code stands at the end. InsufficientFreeAddressesInSubnet wants a larger subnet or " +
			"more of them; else check the ids of subnets and security groups."},
	{row: 45, code: NetworkInterface, words: []string{"failed to configure eni"}, action: actRetry},
	{row: 0, code: NetworkInterface, words: []string{"subnet|security group", "does not exist"},
		action: "Correct the ids of the subnets and security groups of the service."},
	{row: 46, code: VolumeMount, words: []string{"failed to invoke efs utils"},
		action: "The file system could not be mounted. It needs a mount target in each zone, port 2049 open from the task, DNS hostnames in the VPC, and a " +
			"task role that may mount it."},
	{row: 47, code: DeploymentBlocked, words: []string{"was unable to stop or start tasks during a deployment"},
		action: "Lower minimumHealthyPercent or raise maximumPercent: together they leave the deployment no room."},
	{row: 48, code: DeploymentBlocked, words: []string{"was unable to reach steady state", "protect"},
		action: "Tasks under scale-in protection keep the old revision running. Wait until the protection ends, or remove it."},
	{row: 49, code: Unknown, words: []string{"account is currently blocked"},
		action: "AWS has blocked the account. Nothing in the service helps: contact AWS's support."},
	{row: 50, code: Unknown, words: []string{"unable to consistently start tasks"}, vague: true,
		action: "Tasks failed again and again, and ECS now waits longer between tries. The cause is in stopped tasks, which ECS shows for an hour. A new " +
			"deployment ends the wait."},
	{row: 51, code: Unknown, vague: true,
		words:  []string{"tasks failed to start|task failed to start|deployment failed: deployment failure|circuit breaker threshold was exceeded"},
		action: "ECS says no more. The cause is in stopped tasks, which ECS shows for an hour: deploy again to see it."},
	{row: 0, code: Unknown, words: []string{"deployment failed: alarm detected"},
		action: "A CloudWatch alarm of the service's deployment configuration ended the deployment. Look at the alarm."},
}

// actSpot is what to do about an interrupted Spot task. ECS reports such a task by this message, or only by its stopCode.
const actSpot = "AWS took the Spot capacity back. ECS replaces the task if it can; give what must stay up FARGATE with a base, and end on SIGTERM within two " +
	"minutes."

// actUnknown is what to do about a message that the table does not know.
const actUnknown = "Detail is what AWS says; see the events and the tasks for more."

// lowerFirst returns s with its first letter in lower case.
func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// classify returns the rule that a message matches; nil if none does.
func classify(message string) *rule {
	text := fold(message)
	for i := range rules {
		if rules[i].matches(text) {
			return &rules[i]
		}
	}
	return nil
}

// fold returns a message as rules are compared with it: in lower case, with plain apostrophes.
func fold(message string) string {
	return strings.ToLower(strings.ReplaceAll(message, "’", "'"))
}

// matches reports whether the rule is about a folded text.
func (r *rule) matches(text string) bool {
	for _, word := range r.words {
		found := false
		for alternative := range strings.SplitSeq(word, "|") {
			found = found || strings.Contains(text, alternative)
		}
		if !found {
			return false
		}
	}
	return r.ends == nil || r.ends.MatchString(text)
}
