package localaws

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/cloudwatchlogs"
)

var logGroupName = atMost(512, `^[\.\-_/#A-Za-z0-9]+$`)

// retentions are the numbers of days that events can be kept.
var retentions = []int64{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

// maxLogPage is how many groups or streams one response holds.
const maxLogPage = 50

// checkLogTags returns old with given set on it, or why that cannot be. A map of tags must not be empty.
func checkLogTags(old tagList, in map[string]*string) (tagList, error) {
	given := tagsOfMap(in)
	if len(given) < 1 || len(given) > maxTags {
		return nil, logsInvalid("1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length between 1 and %d", maxTags)
	}
	if problem := given.problem(); problem != "" {
		return nil, logsInvalid("%s", problem)
	}
	merged := old.with(given)
	if len(merged) > maxTags {
		return nil, refuse(cloudwatchlogs.ErrCodeTooManyTagsException, "A resource can have no more than %d tags.", maxTags)
	}
	return merged, nil
}

func createLogGroup(r *request, in *cloudwatchlogs.CreateLogGroupInput) (*cloudwatchlogs.CreateLogGroupOutput, error) {
	name := aws.StringValue(in.LogGroupName)
	g := &logGroup{
		name: name, arn: r.arn("logs", "log-group:"+name), keyID: aws.StringValue(in.KmsKeyId), class: aws.StringValue(in.LogGroupClass), created: r.now,
	}
	if g.class == "" {
		g.class = cloudwatchlogs.LogGroupClassStandard
	}
	switch {
	case !logGroupName.MatchString(name):
		return nil, logsInvalid(`1 validation error detected: Value '%s' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+`, name)
	case strings.HasPrefix(name, "aws/"):
		return nil, logsInvalid("Log groups starting with AWS/ are reserved for AWS.")
	case !slices.Contains(cloudwatchlogs.LogGroupClass_Values(), g.class):
		return nil, logsInvalid("1 validation error detected: Value '%s' at 'logGroupClass' failed to satisfy constraint: Member must satisfy enum value set: [STANDARD, INFREQUENT_ACCESS]", g.class)
	case !r.knowsKey(g.keyID):
		return nil, logsInvalid("The specified KMS key does not exist or is not allowed to be used with '%s'", g.arn)
	}
	if in.Tags != nil {
		tags, err := checkLogTags(nil, in.Tags)
		if err != nil {
			return nil, err
		}
		g.tags = tags
	}
	if _, ok := r.region.logs.groups.get(name); ok {
		return nil, refuse(cloudwatchlogs.ErrCodeResourceAlreadyExistsException, "The specified log group already exists")
	}
	r.region.logs.groups.put(name, g)
	return &cloudwatchlogs.CreateLogGroupOutput{}, nil
}

func describeLogGroups(r *request, in *cloudwatchlogs.DescribeLogGroupsInput) (*cloudwatchlogs.DescribeLogGroupsOutput, error) {
	limit, ok := pageLimit(in.Limit, maxLogPage, maxLogPage)
	if !ok {
		return nil, logsInvalid("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value between 1 and %d", *in.Limit, maxLogPage)
	}
	if in.LogGroupNamePrefix != nil && in.LogGroupNamePattern != nil {
		return nil, logsInvalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	prefix, pattern, class := aws.StringValue(in.LogGroupNamePrefix), strings.ToLower(aws.StringValue(in.LogGroupNamePattern)), aws.StringValue(in.LogGroupClass)
	page, next, err := r.region.logs.groups.page(in.NextToken, limit, func(g *logGroup) bool {
		return strings.HasPrefix(g.name, prefix) && strings.Contains(strings.ToLower(g.name), pattern) && (class == "" || class == g.class)
	})
	if err != nil {
		return nil, logsToken(err)
	}
	out := &cloudwatchlogs.DescribeLogGroupsOutput{NextToken: next, LogGroups: []*cloudwatchlogs.LogGroup{}}
	for _, g := range page {
		out.LogGroups = append(out.LogGroups, g.describe())
	}
	return out, nil
}

// describe returns the group as DescribeLogGroups shows it: with ":*" behind its ARN.
func (g *logGroup) describe() *cloudwatchlogs.LogGroup {
	out := &cloudwatchlogs.LogGroup{
		Arn: aws.String(g.arn + ":*"), CreationTime: aws.Int64(g.created.UnixMilli()), KmsKeyId: optional(g.keyID), LogGroupArn: aws.String(g.arn),
		LogGroupClass: aws.String(g.class), LogGroupName: aws.String(g.name), MetricFilterCount: aws.Int64(0), StoredBytes: aws.Int64(g.size()),
	}
	if g.retention > 0 {
		out.RetentionInDays = aws.Int64(g.retention)
	}
	return out
}

// size returns how many bytes the group's events take.
func (g *logGroup) size() int64 {
	var n int64
	for _, st := range g.streams.all() {
		n += st.bytes
	}
	return n
}

func deleteLogGroup(r *request, in *cloudwatchlogs.DeleteLogGroupInput) (*cloudwatchlogs.DeleteLogGroupOutput, error) {
	g, err := r.logGroup(in.LogGroupName, nil)
	if err != nil {
		return nil, err
	}
	r.region.logs.groups.delete(g.name)
	return &cloudwatchlogs.DeleteLogGroupOutput{}, nil
}

func putRetentionPolicy(r *request, in *cloudwatchlogs.PutRetentionPolicyInput) (*cloudwatchlogs.PutRetentionPolicyOutput, error) {
	days := aws.Int64Value(in.RetentionInDays)
	if !slices.Contains(retentions, days) {
		return nil, logsInvalid("1 validation error detected: Value '%d' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: %v", days, retentions)
	}
	g, err := r.logGroup(in.LogGroupName, nil)
	if err != nil {
		return nil, err
	}
	g.retention = days
	return &cloudwatchlogs.PutRetentionPolicyOutput{}, nil
}

func deleteRetentionPolicy(r *request, in *cloudwatchlogs.DeleteRetentionPolicyInput) (*cloudwatchlogs.DeleteRetentionPolicyOutput, error) {
	g, err := r.logGroup(in.LogGroupName, nil)
	if err != nil {
		return nil, err
	}
	g.retention = 0
	return &cloudwatchlogs.DeleteRetentionPolicyOutput{}, nil
}

// logGroupByARN returns the group that a tagging call names: by its ARN without ":*".
func (r *request) logGroupByARN(arn *string) (*logGroup, error) {
	name, ok := strings.CutPrefix(aws.StringValue(arn), r.arn("logs", "log-group:"))
	if !ok || !logGroupName.MatchString(name) {
		return nil, logsInvalid("The resource ARN %s is not valid.", aws.StringValue(arn))
	}
	return r.logGroup(&name, nil)
}

func (g *logGroup) addTags(in map[string]*string) error {
	merged, err := checkLogTags(g.tags, in)
	if err == nil {
		g.tags = merged
	}
	return err
}

func tagLogResource(r *request, in *cloudwatchlogs.TagResourceInput) (*cloudwatchlogs.TagResourceOutput, error) {
	g, err := r.logGroupByARN(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &cloudwatchlogs.TagResourceOutput{}, g.addTags(in.Tags)
}

func untagLogResource(r *request, in *cloudwatchlogs.UntagResourceInput) (*cloudwatchlogs.UntagResourceOutput, error) {
	g, err := r.logGroupByARN(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	g.tags = g.tags.without(in.TagKeys)
	return &cloudwatchlogs.UntagResourceOutput{}, nil
}

func listTagsOfLogResource(r *request, in *cloudwatchlogs.ListTagsForResourceInput) (*cloudwatchlogs.ListTagsForResourceOutput, error) {
	g, err := r.logGroupByARN(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &cloudwatchlogs.ListTagsForResourceOutput{Tags: g.tags.asMap()}, nil
}

// The older calls that tag a group by its name.

func tagLogGroup(r *request, in *cloudwatchlogs.TagLogGroupInput) (*cloudwatchlogs.TagLogGroupOutput, error) {
	g, err := r.logGroup(in.LogGroupName, nil)
	if err != nil {
		return nil, err
	}
	return &cloudwatchlogs.TagLogGroupOutput{}, g.addTags(in.Tags)
}

func untagLogGroup(r *request, in *cloudwatchlogs.UntagLogGroupInput) (*cloudwatchlogs.UntagLogGroupOutput, error) {
	g, err := r.logGroup(in.LogGroupName, nil)
	if err != nil {
		return nil, err
	}
	g.tags = g.tags.without(in.Tags)
	return &cloudwatchlogs.UntagLogGroupOutput{}, nil
}

func listTagsLogGroup(r *request, in *cloudwatchlogs.ListTagsLogGroupInput) (*cloudwatchlogs.ListTagsLogGroupOutput, error) {
	g, err := r.logGroup(in.LogGroupName, nil)
	if err != nil {
		return nil, err
	}
	return &cloudwatchlogs.ListTagsLogGroupOutput{Tags: g.tags.asMap()}, nil
}
