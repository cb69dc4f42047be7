package account

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go/aws/arn"

	"ecs-api/common"
)

// ecsName is what ECS allows as the name of a cluster, a service, a family or a container.
var ecsName = common.NewPattern(255, `^[A-Za-z0-9_-]+$`)

// CheckName adds a problem if the name is none that ECS allows for a cluster, a service, a family or a container.
func CheckName(p *common.Problems, field, name string) {
	if !ecsName.MatchString(name) {
		p.Add(field, "must have 1 to 255 letters, digits, underscores and hyphens")
	}
}

// IsName reports whether ECS allows the name for a cluster, a service, a family or a container.
func IsName(name string) bool { return ecsName.MatchString(name) }

// NameOf returns the name at the end of an ARN, or s itself if it is no ARN: that of a cluster, a service or a secret, a family:revision,
// the id of a task or of a Cloud Map service.
func NameOf(s string) string {
	if !arn.IsARN(s) {
		return s
	}
	if i := strings.LastIndexByte(s, '/'); i >= 0 {
		return s[i+1:]
	}
	return s[strings.LastIndexByte(s, ':')+1:]
}

// FamilyOf returns the family of a task definition that is given as family, family:revision or ARN.
func FamilyOf(taskDefinition string) string {
	if arn.IsARN(taskDefinition) {
		taskDefinition = taskDefinition[strings.LastIndex(taskDefinition, "/")+1:]
	}
	name, _, _ := strings.Cut(taskDefinition, ":")
	return name
}

// Resource returns the name in a reference: the reference itself, or what follows the kind in an ARN of the service's. Field is what the
// request calls the reference.
func Resource(field, ref, service, kind string) (string, error) {
	if !strings.HasPrefix(ref, "arn:") {
		return ref, nil
	}
	parsed, err := arn.Parse(ref)
	name, ok := strings.CutPrefix(parsed.Resource, kind+"/")
	if err != nil || parsed.Service != service || !ok {
		return "", common.Invalid(common.FieldError{Field: field, Detail: "must be a name or the ARN of a " + kind})
	}
	return name, nil
}

// ClusterName returns the name in a reference to a cluster, which may be of another account.
func ClusterName(ref string) (string, error) {
	const field = "cluster"
	name, err := Resource(field, ref, "ecs", "cluster")
	if err != nil {
		return "", err
	}
	var p common.Problems
	CheckName(&p, field, name)
	return name, p.Err()
}

// ClusterNamed returns the name in a reference to a cluster, its name or its ARN. The ARN of another account's or region's is NotFound.
func (a *Account) ClusterNamed(ctx context.Context, ref string) (string, error) {
	name, err := ClusterName(ref)
	if err != nil {
		return "", err
	}
	return name, a.here(ctx, ref, "cluster", name)
}

// ServiceNamed returns the names in references to a cluster and to a service in it, names or ARNs. The ARN of one in another cluster,
// account or region is NotFound.
func (a *Account) ServiceNamed(ctx context.Context, clusterRef, ref string) (cluster, service string, err error) {
	const field = "service"
	if cluster, err = a.ClusterNamed(ctx, clusterRef); err != nil {
		return "", "", err
	}
	service, err = Resource(field, ref, "ecs", "service")
	if err != nil {
		return "", "", err
	}
	if service != ref { // service/NAME until 2018, service/CLUSTER/NAME since
		if in, name, ok := strings.Cut(service, "/"); ok {
			if in != cluster {
				return "", "", NoService(cluster, name)
			}
			service = name
		}
	}
	var p common.Problems
	CheckName(&p, field, service)
	if err := p.Err(); err != nil {
		return "", "", err
	}
	return cluster, service, a.here(ctx, ref, field, service)
}

// here returns NotFound for the ARN of what is in another account or region than ours.
func (a *Account) here(ctx context.Context, ref, kind, name string) error {
	parsed, err := arn.Parse(ref)
	if err != nil {
		return nil // a name is always ours
	}
	us, err := a.Identity(ctx)
	if err == nil && (parsed.Partition != us.Partition || parsed.AccountID != us.Account || parsed.Region != a.Region) {
		err = NoSuch(kind, name)
	}
	return err
}

// Means reports whether the reference may mean what has the given ARN: it is not the ARN of something else, in another account or region.
func Means(ref, have string) bool { return !strings.HasPrefix(ref, "arn:") || ref == have }

// NoSuch is the NotFound for what is not there, or belongs to another org: nobody shall tell the two apart.
func NoSuch(kind, name string) error {
	return common.Errorf(common.NotFound, "there is no %s %s", kind, name)
}

// NoService is the NotFound for a service.
func NoService(cluster, service string) error {
	return common.Errorf(common.NotFound, "there is no service %s in cluster %s", service, cluster)
}

// NoClusterFor is the NotFound for a service whose cluster is not there, or belongs to another org.
func NoClusterFor(cluster, service string) error {
	return common.Errorf(common.NotFound, "there is no cluster %s, and so no service %s in it", cluster, service)
}

// Hide returns err, but says of what is not there the same as of what belongs to another org.
func Hide(err error, kind, name string) error {
	if common.Is(err, common.NotFound) {
		return NoSuch(kind, name)
	}
	return err
}

// NameTaken is the NotFound for a name that was to be given to something new, and that another org has given already.
func NameTaken(kind, name string) error {
	return common.Errorf(common.NotFound, "the name %s is taken by a %s of another org; choose another", name, kind)
}
