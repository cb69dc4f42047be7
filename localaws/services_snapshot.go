package localaws

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
)

// hashed returns what tells a value from others without showing it.
func hashed(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// snapshot writes roles with their policies, tags and permissions boundary.
func (s *iamState) snapshot(b *strings.Builder) {
	for _, ro := range s.roles.all() {
		thing := "iam:role " + ro.path + ro.name
		fact(b, thing, "trust", ro.trust)
		fact(b, thing, "description", ro.description, "boundary", ro.boundary, "maxSession", strconv.FormatInt(ro.maxSession, 10))
		for name, p := range ro.inline.all() {
			fact(b, thing, "policy", name, p.document)
		}
		for arn := range ro.attached.all() {
			fact(b, thing, "attached", arn)
		}
		tagFacts(b, thing, ro.tags)
	}
}

// snapshot writes secrets with their current value, hashed, and the version that holds it.
func (s *secretsState) snapshot(b *strings.Builder) {
	for name, sec := range s.secrets.all() {
		thing := "secretsmanager:secret " + name
		fact(b, thing, "description", sec.description, "key", sec.keyID, "deleted", strconv.FormatBool(sec.scheduled()))
		if v := sec.staged(stageCurrent); v != nil {
			fact(b, thing, "current", v.id, hashed(aws.StringValue(v.text), string(v.binary)))
		}
		tagFacts(b, thing, sec.tags)
	}
}

// snapshot writes parameters with their value, hashed. Their versions are no facts: nobody can take one back.
func (s *ssmState) snapshot(b *strings.Builder) {
	for _, p := range s.parameters.all() {
		thing := "ssm:parameter " + p.name
		fact(b, thing, p.kind, p.tier, "key", p.keyID, "description", p.description, "value", hashed(p.value))
		tagFacts(b, thing, p.tags)
	}
}

// snapshot writes log groups, but not what was logged.
func (s *logsState) snapshot(b *strings.Builder) {
	for name, g := range s.groups.all() {
		thing := "logs:log-group " + name
		fact(b, thing, g.class, "retention", strconv.FormatInt(g.retention, 10), "key", g.keyID)
		tagFacts(b, thing, g.tags)
	}
}

// snapshot writes Cloud Map services by namespace and name, but not their instances: these come and go with tasks.
func (s *servicediscoveryState) snapshot(b *strings.Builder) {
	for id, ns := range s.namespaces.all() {
		thing := "servicediscovery:namespace " + ns.name
		if id != Namespace {
			fact(b, thing, ns.kind, "description", ns.description)
		}
		tagFacts(b, thing, ns.tags)
	}
	var byName ordered[*registry] // their ids are no facts, so neither is their order by ids
	for _, reg := range s.registries.all() {
		byName.put(reg.namespaceID+"/"+strings.ToLower(reg.name), reg)
	}
	for _, reg := range byName.all() {
		thing := "servicediscovery:service " + reg.namespaceID + "/" + reg.name
		fact(b, thing, reg.kind, "description", reg.description)
		if reg.dns != nil {
			fact(b, thing, "routing", aws.StringValue(reg.dns.RoutingPolicy))
			for _, record := range reg.dns.DnsRecords {
				fact(b, thing, "record", aws.StringValue(record.Type), strconv.FormatInt(aws.Int64Value(record.TTL), 10))
			}
		}
		if reg.customCheck != nil {
			fact(b, thing, "custom health check")
		}
		if reg.check != nil {
			fact(b, thing, "health check", aws.StringValue(reg.check.Type), aws.StringValue(reg.check.ResourcePath))
		}
		tagFacts(b, thing, reg.tags)
	}
}
