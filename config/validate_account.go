package config

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// The shapes of AWS's names. An ARN begins with the partition: aws, aws-cn, aws-us-gov, …
var (
	// A region's name ends in a compass point and a number, in every partition.
	region     = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)*-(central|(north|south)?(east|west)|north|south)-[0-9]{1,2}$`)
	subnetID   = regexp.MustCompile(`^subnet-[0-9A-Za-z]+$`)
	sgID       = regexp.MustCompile(`^sg-[0-9A-Za-z]+$`)
	kmsKey     = regexp.MustCompile(`^(arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]+:(key|alias)/[\w/-]+|alias/[\w/-]+|[[:xdigit:]]{8}(-[[:xdigit:]]{4}){3}-[[:xdigit:]]{12}|mrk-[[:xdigit:]]{32})$`)
	roleARN    = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+$`)
	rolesARN   = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/*?-]+$`)
	policyARN  = regexp.MustCompile(`^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[\w+=,.@/-]+$`)
	externalID = regexp.MustCompile(`^[\w+=,.@:/-]+$`)
)

// AWS's limits on an external id (STS AssumeRole) and on a capacity provider strategy's items (ECS).
const (
	minExternalID, maxExternalID = 2, 1224
	maxWeight, maxBase           = 1000, 100_000
	maxKept                      = 1000
)

// check adds what is wrong with the account at key.
func (a Account) check(ps *problems, key string) {
	ps.unless(region.MatchString(a.Region), sub(key, "region"), "must be an AWS region, such as us-east-1")
	ps.unless(a.AKID != "" || a.Secret == "", sub(key, "akid"), "must be set because secret is set; or leave out both, for the SDK's default credentials")
	ps.unless(a.AKID == "" || a.Secret != "", sub(key, "secret"), "must be set because akid is set; or leave out both, for the SDK's default credentials")
	ps.unless(!hasSpace(a.AKID), sub(key, "akid"), "must hold no white space")
	ps.unless(!hasSpace(string(a.Secret)), sub(key, "secret"), "must hold no white space")
	for i, id := range a.DefaultSGs {
		ps.unless(sgID.MatchString(id), at(sub(key, "defaultSgs"), i), "must be a security group's id, such as sg-0123456789abcdef0")
	}
	for i, id := range a.DefaultSubnets {
		ps.unless(subnetID.MatchString(id), at(sub(key, "defaultSubnets"), i), "must be a subnet's id, such as subnet-0123456789abcdef0")
	}
	a.checkKey(ps, sub(key, "defaultKmsKeyId"))
	ps.unless(a.Endpoint == "" || isEndpoint(a.Endpoint), sub(key, "endpoint"), "must be an absolute http or https URL without user, query or fragment, such as http://localhost:4566")
	if a.Role != nil {
		a.Role.check(ps, sub(key, "role"))
	}
	ps.unless(a.PermissionsBoundary == "" || policyARN.MatchString(a.PermissionsBoundary), sub(key, "permissionsBoundary"),
		"must be a policy's ARN, such as arn:aws:iam::123456789012:policy/boundary")
	checkStrategy(ps, sub(key, "defaultCapacityProviderStrategy"), a.DefaultCapacityProviderStrategy)
	ps.unless(a.KeepRevisions >= 0 && a.KeepRevisions <= maxKept, sub(key, "keepRevisions"), "must be 0 (keep all) to 1000")
	for i, pattern := range a.TaskRoles {
		ps.unless(rolesARN.MatchString(pattern), at(sub(key, "taskRoles"), i), "must be a role's ARN, in whose name * and ? are wild, such as arn:aws:iam::123456789012:role/app-*")
	}
}

// checkKey adds what is wrong with the default key. AWS would say so only when the first secret is created.
func (a Account) checkKey(ps *problems, key string) {
	id := a.DefaultKMSKeyID
	if id == "" {
		return
	}
	if !kmsKey.MatchString(id) {
		ps.add(key, "must be a KMS key's id, such as 01234567-89ab-cdef-0123-456789abcdef or mrk-…, an alias such as alias/ecs-api, or the ARN of either")
		return
	}
	if parts := strings.Split(id, ":"); len(parts) > 3 {
		ps.unless(parts[3] == a.Region, key, "must be a key of the account's region: this one is of "+parts[3])
	}
}

func (r Role) check(ps *problems, key string) {
	ps.unless(roleARN.MatchString(r.ARN), sub(key, "arn"), "must be a role's ARN, such as arn:aws:iam::123456789012:role/ecs-api")
	n := len(r.ExternalID)
	ps.unless(n == 0 || n >= minExternalID && n <= maxExternalID && externalID.MatchString(r.ExternalID), sub(key, "externalId"),
		"must be 2 to 1224 letters, digits or any of _+=,.@:/-")
}

// checkStrategy holds a strategy to ECS's rules. The clusters created here have Fargate's two providers only.
func checkStrategy(ps *problems, key string, strategy []CapacityProvider) {
	seen := map[string]bool{}
	bases, weights := 0, int64(0)
	for i, item := range strategy {
		key, name := at(key, i), item.CapacityProvider
		ps.unless(name == "FARGATE" || name == "FARGATE_SPOT", sub(key, "capacityProvider"), "must be FARGATE or FARGATE_SPOT")
		ps.unless(!seen[name], sub(key, "capacityProvider"), "must not be named twice")
		ps.unless(item.Weight >= 0 && item.Weight <= maxWeight, sub(key, "weight"), "must be 0 to 1000")
		ps.unless(item.Base >= 0 && item.Base <= maxBase, sub(key, "base"), "must be 0 to 100000")
		seen[name] = true
		weights = max(weights, item.Weight)
		if item.Base != 0 {
			bases++
		}
	}
	ps.unless(bases <= 1, key, "must have a base in one item only")
	ps.unless(len(strategy) < 2 || weights > 0, key, "must have a weight above 0 in one item at least")
}

func isEndpoint(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	return isHost(u.Hostname()) && (u.Port() == "" || isPort(u.Port())) && u.User == nil && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}

func hasSpace(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
}
