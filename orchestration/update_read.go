package orchestration

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/awsutil"
	awssecrets "github.com/aws/aws-sdk-go/service/secretsmanager"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/iam"
	"ecs-api/secretsmanager"
)

// tagged is something that belongs to the service and carries tags: it can be given more, and have them taken.
type tagged struct {
	what, id string
	tags     common.Tags
	add      func(ctx context.Context, id string, tags common.Tags) error
	remove   func(ctx context.Context, id string, keys []string) error
}

// reads returns the steps that look at what is there, in two rounds: what the service refers to is known after the first.
func (u *updating) reads() step {
	registers := u.in.TaskDefinition != nil || len(u.in.Credentials) > 0
	retags := len(u.wanted()) > 0
	var role, group, definition *tagged
	var registries []*tagged
	return inOrder(
		together(
			named("read service", read(u.readService)),
			named("read cluster", read(u.readCluster)),
			when(registers, named("read identity", read(u.readIdentity))),
			when(registers || retags, named("read role", read(u.readRole))),
			when(registers, named("read role policy", read(u.readRolePolicy))),
			when(registers || retags, named("read log group", read(u.readLogGroup))),
			named("read new task definition", read(u.readNewDefinition)),
		),
		together(
			named("read task definition", read(func(ctx context.Context) (err error) {
				definition, err = u.readPresent(ctx)
				return err
			})),
			when(retags, named("read log group tags", read(func(ctx context.Context) (err error) {
				group, err = u.taggedGroup(ctx)
				return err
			}))),
			when(retags, named("read registry tags", read(func(ctx context.Context) (err error) {
				registries, err = u.taggedRegistries(ctx)
				return err
			}))),
		),
		read(func(context.Context) error {
			if !retags {
				return nil
			}
			if u.found.role != nil {
				role = &tagged{"role", aws.StringValue(u.found.role.RoleName), iam.ToTags(u.found.role.Tags), u.iam.TagRole, u.iam.UntagRole}
			}
			cluster := &tagged{"cluster", aws.StringValue(u.found.cluster.ClusterArn), ecs.ToTags(u.found.cluster.Tags), u.ecs.Tag, u.ecs.Untag}
			all := slices.Concat(registries, []*tagged{role, group, cluster})
			if u.in.TaskDefinition == nil {
				all = append(all, definition) // a new one gets its own
			}
			for _, t := range all {
				if t != nil && t.tags.OwnedBy(u.account.Org) {
					u.tagged = append(u.tagged, t)
				}
			}
			u.tagged = append(u.tagged, &tagged{"service", aws.StringValue(u.before.ServiceArn), ecs.ToTags(u.before.Tags), u.ecs.Tag, u.ecs.Untag})
			return nil
		}),
	)
}

// readService looks at the service, which must be there.
func (u *updating) readService(ctx context.Context) error {
	service, err := u.ecs.Service(ctx, u.cluster, u.service)
	switch {
	case common.Is(err, common.NotFound):
		return gone(u.cluster, u.service)
	case err != nil:
		return err
	case !ecs.ToTags(service.Tags).BelongsTo(u.account.Org):
		return gone(u.cluster, u.service)
	case aws.StringValue(service.Status) == statusDraining:
		return common.Coded(common.CodeServiceDraining, "service %s is being deleted", u.service)
	case aws.StringValue(service.Status) != statusActive:
		return gone(u.cluster, u.service)
	}
	for _, ref := range u.in.names() {
		if !means(ref, aws.StringValue(service.ServiceArn)) { // the body's, of another cluster or account
			return common.Errorf(common.NotFound, "there is no service %s in cluster %s", ref, u.cluster)
		}
	}
	u.before = service
	return nil
}

// readCluster looks at the service's cluster.
func (u *updating) readCluster(ctx context.Context) error {
	cluster, err := u.ecs.Cluster(ctx, u.cluster)
	if common.Is(err, common.NotFound) || err == nil && !ecs.ToTags(cluster.Tags).BelongsTo(u.account.Org) {
		return gone(u.cluster, u.service)
	}
	u.found.cluster = cluster
	return err
}

// readNewDefinition looks whether the family of the new task definition, or the one that the service is to use, is another org's.
func (u *updating) readNewDefinition(ctx context.Context) error {
	var name string
	var mustExist bool
	switch {
	case u.in.TaskDefinition != nil:
		name = aws.StringValue(u.in.TaskDefinition.Family)
	case u.in.Service != nil && u.in.Service.TaskDefinition != nil:
		name, mustExist = *u.in.Service.TaskDefinition, true
	default:
		return nil
	}
	found, err := u.ecs.TaskDefinition(ctx, name)
	switch {
	case common.Is(err, common.NotFound) && !mustExist:
		return nil
	case err != nil:
		return absent(err, "task definition", name)
	case !ecs.ToTags(found.Tags).BelongsTo(u.account.Org) && !mustExist:
		return taken("task definition", name)
	case !ecs.ToTags(found.Tags).BelongsTo(u.account.Org):
		return theirs("task definition", name)
	case mustExist && aws.StringValue(found.TaskDefinition.Status) != awsecs.TaskDefinitionStatusActive:
		return notActive(found.TaskDefinition)
	case mustExist:
		u.revision = found.TaskDefinition
	}
	return nil
}

// readPresent looks at the task definition that the service uses.
func (u *updating) readPresent(ctx context.Context) (*tagged, error) {
	present, err := u.ecs.TaskDefinition(ctx, aws.StringValue(u.before.TaskDefinition))
	if err != nil {
		return nil, err
	}
	u.present = present
	return &tagged{"task definition", aws.StringValue(present.TaskDefinition.TaskDefinitionArn), ecs.ToTags(present.Tags), u.ecs.Tag, u.ecs.Untag}, nil
}

// taggedGroup returns the space's log group, nil if there is none.
func (u *updating) taggedGroup(ctx context.Context) (*tagged, error) {
	if u.found.logGroup == nil {
		return nil, nil
	}
	arn := aws.StringValue(u.found.logGroup.Arn)
	tags, err := u.logs.Tags(ctx, arn)
	return &tagged{"log group", arn, tags, u.logs.Tag, u.logs.Untag}, err
}

// taggedRegistries returns the service's registries.
func (u *updating) taggedRegistries(ctx context.Context) ([]*tagged, error) {
	all := make([]*tagged, len(u.before.ServiceRegistries))
	var steps []step
	for i, r := range u.before.ServiceRegistries {
		steps = append(steps, read(func(ctx context.Context) error {
			arn := aws.StringValue(r.RegistryArn)
			tags, err := u.cloud.Tags(ctx, arn)
			all[i] = &tagged{"service registry", arn, tags, u.cloud.Tag, u.cloud.Untag}
			return ignoreNotFound(err)
		}))
	}
	_, err := together(steps...)(ctx)
	return all, err
}

// decide decides what is to be done with credentials and the task definition.
func (u *updating) decide(ctx context.Context) error {
	target := u.in.TaskDefinition
	if target == nil && len(u.in.Credentials) > 0 {
		if u.revision != nil {
			return common.Invalid(common.FieldError{Field: "credentials", Detail: "cannot go together with service.taskdefinition: send the task definition itself"})
		}
		target = &awsecs.RegisterTaskDefinitionInput{}
		awsutil.Copy(target, u.present.TaskDefinition)
	}
	var asked []*credential
	for _, container := range slices.Sorted(maps.Keys(u.in.Credentials)) {
		asked = append(asked, &credential{container: container, in: u.in.Credentials[container]})
	}
	if err := u.decideCredentials(ctx, target, asked); err != nil {
		return err
	}
	if u.in.TaskDefinition != nil || len(u.made) > 0 {
		u.register = target
		if u.in.TaskDefinition == nil || u.in.TaskDefinition.Tags == nil {
			u.register.Tags = ecs.FromTags(ecs.ToTags(u.present.Tags)) // inherited
		}
	}
	return nil
}

// decideCredentials decides which credentials are new, and which are a new value of those that their container has. It asks for each secret
// by itself: a list of them may be minutes behind.
func (u *updating) decideCredentials(ctx context.Context, target *awsecs.RegisterTaskDefinitionInput, asked []*credential) error {
	have := make([]*awssecrets.DescribeSecretOutput, len(asked))   // those that the containers have
	wanted := make([]*awssecrets.DescribeSecretOutput, len(asked)) // those that the request names
	var p problems
	var reads []step
	for i, cred := range asked {
		if !hasContainer(target, cred.container) {
			p.add("credentials."+cred.container, "names no container of the task definition")
		}
		if id := repositoryCredentials(u.present.TaskDefinition, cred.container); id != "" {
			reads = append(reads, read(func(ctx context.Context) (err error) {
				have[i], err = u.ourSecret(ctx, id)
				return err
			}))
		}
		if cred.in.Name != nil {
			reads = append(reads, read(func(ctx context.Context) (err error) {
				wanted[i], err = u.Orchestrator.secrets.Secret(ctx, u.nameOfSecret(cred))
				return ignoreNotFound(err)
			}))
		}
	}
	if err := common.Invalid(p...); err != nil {
		return err
	}
	if _, err := named("read credentials", together(reads...))(ctx); err != nil {
		return err
	}
	for i, cred := range asked {
		switch {
		case have[i] != nil && (cred.in.Name == nil || u.nameOfSecret(cred) == aws.StringValue(have[i].Name)):
			cred.found = have[i]
			u.changed = append(u.changed, cred)
		case cred.in.Name == nil:
			p.add("credentials."+cred.container+".Name", "is required: the container has no credentials of ours yet")
		default:
			if err := u.adoptable(cred, wanted[i]); err != nil {
				return err
			}
			u.made = append(u.made, cred)
		}
	}
	return common.Invalid(p...)
}

// ourSecret returns the secret that has the given ARN or name; nil if it is not one of the space's, or is being deleted.
func (u *updating) ourSecret(ctx context.Context, id string) (*awssecrets.DescribeSecretOutput, error) {
	secret, err := u.Orchestrator.secrets.Secret(ctx, id)
	if err != nil {
		return nil, ignoreNotFound(err)
	}
	ours := strings.HasPrefix(aws.StringValue(secret.Name), secretPrefix(u.account.Org, u.cluster)) && secretsmanager.ToTags(secret.Tags).OwnedBy(u.account.Org)
	if !ours || secret.DeletedDate != nil {
		return nil, nil
	}
	return secret, nil
}

// repositoryCredentials returns the secret that a container's image is pulled with; empty if there is none.
func repositoryCredentials(def *awsecs.TaskDefinition, container string) string {
	for _, c := range def.ContainerDefinitions {
		if aws.StringValue(c.Name) == container && c.RepositoryCredentials != nil {
			return strings.TrimSpace(aws.StringValue(c.RepositoryCredentials.CredentialsParameter))
		}
	}
	return ""
}
