package motoproxy

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const (
	ecs            = "AmazonEC2ContainerServiceV20141113."
	cloudMap       = "Route53AutoNaming_v20170314."
	kms            = "TrentService."
	clusterDefault = "default" // the cluster that ECS means where none is named
)

// rules are the operations in which moto differs from AWS, by the target of the request.
var rules = map[string]rule{
	ecs + "RegisterTaskDefinition": {before: refuseSize},
	ecs + "CreateCluster":          {after: showCapacity},
	ecs + "DeleteCluster":          {before: refuseBusyCluster},
	ecs + "ListServices":           {after: func(c *call) error { return c.onlyInCluster("serviceArns") }},
	ecs + "ListTasks":              {before: listRunning, after: func(c *call) error { return c.onlyInCluster("taskArns") }},
	ecs + "RunTask":                {before: placeOnFargate, after: showTasks},
	ecs + "StopTask":               {after: showTasks},
	ecs + "DescribeTasks":          {after: describeTasks},
	ecs + "ListTaskDefinitions":    {after: sortRevisions},
	ecs + "DescribeTaskDefinition": {after: checkRevision},
	cloudMap + "ListServices":      {after: onlyInNamespace},
	cloudMap + "CreateService":     {before: refuseTakenName},
	cloudMap + "DeleteService":     {before: refuseInstances},
	kms + "DescribeKey":            {after: showKeyUsage},
}

// likeAWS says an error in AWS's words where moto has words of its own, for a secret that is scheduled for deletion.
func likeAWS(status int, body []byte) []byte {
	if status == http.StatusOK || !bytes.Contains(body, []byte("currently marked deleted")) {
		return body
	}
	return encode(object{"__type": "InvalidRequestException", "message": "You can't perform this operation on the secret because it was marked for deletion."})
}

// lastPart returns what comes after the last slash: the name in an ARN.
func lastPart(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }

// cluster returns the name of the cluster that the request names.
func (c *call) cluster() string { return cmp.Or(lastPart(text(c.in["cluster"])), clusterDefault) }

// showCapacity adds what the request has asked for: moto's response leaves it out.
func showCapacity(c *call) error {
	cluster, _ := c.out["cluster"].(object)
	for _, member := range []string{"capacityProviders", "defaultCapacityProviderStrategy"} {
		if cluster != nil && cluster[member] == nil && c.in[member] != nil {
			cluster[member] = c.in[member]
		}
	}
	return nil
}

// refuseBusyCluster refuses to delete a cluster with services or tasks in it, which moto deletes.
func refuseBusyCluster(c *call) error {
	name := c.cluster()
	services, err := c.inCluster("ListServices", "serviceArns", name)
	if err != nil {
		return nil //nolint:nilerror // there is no such cluster: moto says so itself
	}
	for _, arn := range services {
		out, err := c.ask("DescribeServices", object{"cluster": name, "services": []any{arn}})
		if err != nil {
			return err
		}
		for _, service := range objects(out["services"]) {
			if text(service["status"]) != "INACTIVE" {
				return &awsError{code: "ClusterContainsServicesException", message: "The Cluster cannot be deleted while Services are active."}
			}
		}
	}
	tasks, err := c.inCluster("ListTasks", "taskArns", name)
	if err == nil && len(tasks) > 0 {
		return &awsError{code: "ClusterContainsTasksException", message: "The Cluster cannot be deleted while Tasks are active."}
	}
	return err
}

// inCluster lists what is in the cluster.
func (c *call) inCluster(action, member, cluster string) ([]string, error) {
	out, err := c.ask(action, object{"cluster": cluster, "desiredStatus": "RUNNING"})
	return ofCluster(texts(out[member]), cluster), err
}

// onlyInCluster leaves out what is in clusters whose names contain this one's.
func (c *call) onlyInCluster(member string) error {
	c.out[member] = ofCluster(texts(c.out[member]), c.cluster())
	return nil
}

// ofCluster returns the ARNs that do not name another cluster: …:service/CLUSTER/NAME. The old short ones, …:service/NAME, name none.
func ofCluster(arns []string, cluster string) []string {
	return slices.DeleteFunc(arns, func(arn string) bool {
		parts := strings.Split(arn, "/")
		return len(parts) == 3 && parts[1] != cluster
	})
}

// listRunning asks for running tasks where the request does not say which: moto has no default.
func listRunning(c *call) error {
	if text(c.in["desiredStatus"]) == "" {
		c.in["desiredStatus"] = "RUNNING"
	}
	return nil
}

// placeOnFargate runs tasks of a capacity provider strategy on Fargate, where moto looks for instances, and those of a service that was created without a
// launch type, which moto calls EC2.
func placeOnFargate(c *call) error {
	if len(objects(c.in["capacityProviderStrategy"])) > 0 || text(c.in["launchType"]) == "EC2" {
		delete(c.in, "capacityProviderStrategy")
		c.in["launchType"] = "FARGATE"
	}
	return nil
}

// showTasks writes what containers have of CPU and memory as text, where moto writes numbers, and why a task has stopped: in moto
// only StopTask stops one.
func showTasks(c *call) error {
	tasks := objects(c.out["tasks"])
	if task, ok := c.out["task"].(object); ok {
		tasks = append(tasks, task)
	}
	for _, task := range tasks {
		if text(task["desiredStatus"]) == "STOPPED" && text(task["stopCode"]) == "" {
			task["stopCode"] = "UserInitiated"
		}
		for _, container := range objects(task["containers"]) {
			for _, size := range []string{"cpu", "memory", "memoryReservation"} {
				if n, ok := container[size].(json.Number); ok {
					container[size] = n.String()
				}
			}
		}
	}
	return nil
}

// describeTasks also leaves out tasks of other clusters, which moto shows, and says of them what ECS says.
func describeTasks(c *call) error {
	failures, _ := c.out["failures"].([]any)
	tasks := []any{}
	for _, task := range objects(c.out["tasks"]) {
		if lastPart(text(task["clusterArn"])) == c.cluster() {
			tasks = append(tasks, task)
		} else {
			failures = append(failures, object{"arn": task["taskArn"], "reason": "MISSING"})
		}
	}
	c.out["tasks"], c.out["failures"] = tasks, failures
	return showTasks(c)
}

// fargateCPU are the CPU units that tasks on Fargate can have.
var fargateCPU = []string{"256", "512", "1024", "2048", "4096", "8192", "16384", "32768"}

// refuseSize refuses CPU units that Fargate does not have, which moto takes. Sizes in vCPU are passed on.
func refuseSize(c *call) error {
	units := text(c.in["cpu"])
	if _, err := strconv.Atoi(units); err == nil && slices.Contains(texts(c.in["requiresCompatibilities"]), "FARGATE") && !slices.Contains(fargateCPU, units) {
		return &awsError{code: "ClientException", message: "No Fargate configuration exists for given values."}
	}
	return nil
}

// revision splits a revision's ARN.
func revision(arn string) (family string, n int) {
	i := strings.LastIndex(arn, ":")
	n, _ = strconv.Atoi(arn[i+1:]) // 0 for what is no revision
	return arn[:max(i, 0)], n
}

// sortRevisions sorts as the request asks; moto lists in the order of registration.
func sortRevisions(c *call) error {
	arns := texts(c.out["taskDefinitionArns"])
	slices.SortStableFunc(arns, func(a, b string) int {
		familyA, revisionA := revision(a)
		familyB, revisionB := revision(b)
		return cmp.Or(cmp.Compare(familyA, familyB), cmp.Compare(revisionA, revisionB))
	})
	if text(c.in["sort"]) == "DESC" {
		slices.Reverse(arns)
	}
	c.out["taskDefinitionArns"] = arns
	return nil
}

// checkRevision says that there is no task definition where a family has no ACTIVE revision, or where the ARN is another account's or region's:
// moto shows an INACTIVE one, and its own of that name.
func checkRevision(c *call) error {
	wanted := text(c.in["taskDefinition"])
	found, _ := c.out["taskDefinition"].(object)
	have := text(found["taskDefinitionArn"])
	isARN, isRevision := strings.HasPrefix(wanted, "arn:"), strings.Contains(lastPart(wanted), ":")
	family, _ := revision(have)
	switch {
	case isARN && isRevision && wanted != have, isARN && !isRevision && wanted != family,
		!isRevision && text(found["status"]) != "ACTIVE":
		return &awsError{code: "ClientException", message: "Unable to describe task definition."}
	}
	return nil
}

// namespaceOf returns the namespace that Cloud Map's service, or the request for one, names in one of two places.
func namespaceOf(service object) string {
	dns, _ := service["DnsConfig"].(object)
	return lastPart(cmp.Or(text(service["NamespaceId"]), text(dns["NamespaceId"])))
}

// onlyInNamespace does what the request's filter asks for; moto ignores it.
func onlyInNamespace(c *call) error {
	for _, filter := range objects(c.in["Filters"]) {
		if text(filter["Name"]) != "NAMESPACE_ID" {
			continue
		}
		wanted := texts(filter["Values"])
		services := []any{}
		for _, s := range objects(c.out["Services"]) {
			if slices.Contains(wanted, namespaceOf(s)) {
				services = append(services, s)
			}
		}
		c.out["Services"] = services
	}
	return nil
}

// refuseTakenName refuses a second service of one name in a namespace; moto makes as many as it is asked for. DNS knows no case.
func refuseTakenName(c *call) error {
	out, err := c.ask("ListServices", object{})
	if err != nil {
		return err
	}
	for _, s := range objects(out["Services"]) {
		if strings.EqualFold(text(s["Name"]), text(c.in["Name"])) && namespaceOf(s) == namespaceOf(c.in) {
			return &awsError{code: "ServiceAlreadyExists", message: "Service already exists.", more: object{"ServiceId": s["Id"], "CreatorRequestId": s["CreatorRequestId"]}}
		}
	}
	return nil
}

// refuseInstances refuses to delete a service with instances, which moto deletes.
func refuseInstances(c *call) error {
	out, err := c.ask("ListInstances", object{"ServiceId": c.in["Id"]})
	if err != nil {
		return nil //nolint:nilerror // there is no such service: moto says so itself
	}
	if len(objects(out["Instances"])) > 0 {
		return &awsError{code: "ResourceInUse", message: "Service contains registered instances; delete the instances before deleting the service"}
	}
	return nil
}

// showKeyUsage adds a key's usage where moto leaves it out.
func showKeyUsage(c *call) error {
	if key, ok := c.out["KeyMetadata"].(object); ok && text(key["KeyUsage"]) == "" {
		key["KeyUsage"] = "ENCRYPT_DECRYPT"
	}
	return nil
}
