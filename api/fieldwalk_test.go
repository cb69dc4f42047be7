package api

import (
	"encoding/json"
	"fmt"
	"strings"

	"ecs-api/localaws"
)

// executionRole is the role that the create of the cluster makes.
const executionRole = "arn:aws:iam::" + localaws.DefaultAccount + ":role/myclu-ecsTaskExecution"

type members = map[string]any

// onFargate are the words in which AWS refuses what Fargate has not.
const onFargate = "Fargate"

// fieldWalks say how the fields of each operation go through the API.
func fieldWalks(registryARN, targetGroupARN string) []*fieldWalk {
	return []*fieldWalk{walkTaskDefinition(), walkCluster(), walkRunTask(), walkService(registryARN, targetGroupARN), walkServiceUpdate(registryARN, targetGroupARN)}
}

func walkTaskDefinition() *fieldWalk {
	return &fieldWalk{
		operation: "RegisterTaskDefinition",
		known: map[string]any{
			"family": "fields", "cpu": "1024", "memory": "2048", "networkMode": "awsvpc", "requiresCompatibilities[]": "FARGATE", "pidMode": "task",
			"executionRoleArn": executionRole, "taskRoleArn": fieldRole, "ephemeralStorage.sizeInGiB": 30,
			"containerDefinitions[].cpu": 128, "containerDefinitions[].memory": 512, "containerDefinitions[].memoryReservation": 256,
			"containerDefinitions[].name": "web", "containerDefinitions[].image": "app:1", "containerDefinitions[].essential": true,
			"dependsOn[].containerName": "side", "dependsOn[].condition": "START", "volumesFrom[].sourceContainer": "side",
			"containerPort": 80, "hostPort": 80, "containerPortRange": "8080-8090", "appProtocol": "http",
			"logConfiguration.logDriver": "awslogs", "logConfiguration.options": members{"awslogs-group": "g", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "p"},
			"valueFrom":                  "arn:aws:ssm:us-east-1:" + localaws.DefaultAccount + ":parameter/localdev/myclu/x",
			"credentialsParameter":       "arn:aws:secretsmanager:us-east-1:" + localaws.DefaultAccount + ":secret:spinup/localdev/myclu/x-abcdef",
			"mountPoints[].sourceVolume": "data", "mountPoints[].containerPath": "/data", "healthCheck.command": []any{"CMD-SHELL", "true"},
			"environmentFiles[].value": "arn:aws:s3:::bucket/f.env", "capabilities.add": []any{"SYS_PTRACE"}, "ulimits[].name": "nofile",
			"volumes[].name": "data", "proxyConfiguration.containerName": "side", "runtimePlatform.operatingSystemFamily": "LINUX",
			"restartAttemptPeriod": 60, "interval": 30, "healthCheck.timeout": 5, "startTimeout": 30, "resourceRequirements[].type": "GPU",
			"restartPolicy.enabled": true, "tags[].key": "k", "tags[].value": "v",
			"logConfiguration.options{}": "p",
		},
		base: func(string, string) any {
			return members{
				"family": "fields", "cpu": "1024", "memory": "2048", "executionRoleArn": executionRole,
				"containerDefinitions": []any{
					members{"name": "web", "image": "app:1"}, members{"name": "side", "image": "side:1", "essential": false},
				},
				"volumes": []any{members{"name": "data"}},
			}
		},
		send:  func(body, _ string) (string, string, string) { return "POST", "/taskdefs", body },
		show:  func(string, string) string { return "/taskdefs/fields" },
		shown: []string{"TaskDefinition", ""},
		refused: map[string]string{
			"containerDefinitions[].links": "", "containerDefinitions[].privileged": onFargate, "containerDefinitions[].dnsServers": onFargate,
			"containerDefinitions[].dnsSearchDomains": onFargate, "containerDefinitions[].extraHosts": onFargate, "containerDefinitions[].hostname": onFargate,
			"containerDefinitions[].disableNetworking": onFargate, "containerDefinitions[].dockerSecurityOptions": onFargate,
			"containerDefinitions[].linuxParameters.devices": onFargate, "containerDefinitions[].linuxParameters.sharedMemorySize": onFargate,
			"containerDefinitions[].linuxParameters.maxSwap": onFargate, "containerDefinitions[].linuxParameters.swappiness": onFargate,
			"containerDefinitions[].resourceRequirements": onFargate,
			"inferenceAccelerators":                       onFargate, "ipcMode": onFargate, "placementConstraints": onFargate,
			"volumes[].host.sourcePath": onFargate, "volumes[].dockerVolumeConfiguration": onFargate, "volumes[].fsxWindowsFileServerVolumeConfiguration": onFargate,
		},
	}
}

func walkCluster() *fieldWalk {
	return &fieldWalk{
		operation: "CreateCluster",
		known: map[string]any{
			"capacityProviders": []any{"FARGATE", "FARGATE_SPOT"}, "capacityProvider": "FARGATE", "settings[].value": "enabled", "tags[].key": "k", "tags[].value": "v",
		},
		base: func(_, name string) any { return members{"clusterName": name} },
		send: func(body, _ string) (string, string, string) { return "POST", "/clusters", body },
		show: func(_, response string) string {
			var out struct{ Cluster struct{ ClusterName string } }
			if err := json.Unmarshal([]byte(response), &out); err != nil {
				return "/clusters/" + fmt.Sprint(err)
			}
			return "/clusters/" + out.Cluster.ClusterName
		},
		shown: []string{"Clusters[]"},
	}
}

// beside are members without which AWS does not take those that lie beside them, although its model does not say so.
var beside = []struct {
	at   string
	more members
}{
	{"containerDefinitions[].environment[]", members{"name": "KEY"}},
	{"containerDefinitions[].logConfiguration", members{"logDriver": "awslogs", "options": members{"awslogs-group": "g", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "p"}}},
	{"containerDefinitions[].mountPoints[]", members{"sourceVolume": "data", "containerPath": "/data"}},
	{"containerDefinitions[].portMappings[]", members{"containerPort": 80}},
	{"containerDefinitions[].volumesFrom[]", members{"sourceContainer": "side"}},
	{"tags[]", members{"key": "k"}},
	{"volumeConfigurations[].managedEBSVolume.tagSpecifications[].tags[]", members{"key": "k"}},
	{"settings[]", members{"name": "containerInsights", "value": "enabled"}},
	{"overrides.containerOverrides[]", members{"name": "web"}},
	{"deploymentConfiguration.lifecycleHooks[]", members{
		"hookTargetArn": "arn:aws:lambda:us-east-1:" + localaws.DefaultAccount + ":function:f", "lifecycleStages": []any{"PRE_SCALE_UP"}, "roleArn": fieldRole,
	}},
}

// withBeside adds what a field needs beside it.
func withBeside(base any, leaf string) any {
	for _, b := range beside {
		if leads(b.at, leaf) {
			base = merged(base, nested(b.at, b.more))
		}
	}
	return base
}

// nested returns v at a path.
func nested(path string, v any) any {
	name, rest, deeper := strings.Cut(path, ".")
	if deeper {
		v = nested(rest, v)
	}
	if list, ok := strings.CutSuffix(name, "[]"); ok {
		return members{list: []any{v}}
	}
	return members{name: v}
}

// networked are the values that tasks and services need in their networks and strategies.
func networked(more members) map[string]any {
	known := members{
		"subnets": []any{localaws.SubnetA}, "securityGroups": []any{localaws.SecurityGroup}, "assignPublicIp": "DISABLED", "launchType": "FARGATE",
		"capacityProvider": "FARGATE_SPOT", "platformVersion": "1.4.0", "tags[].key": "k", "tags[].value": "v", "roleArn": fieldRole,
		"volumeConfigurations[].name": "data",
	}
	for k, v := range more {
		known[k] = v
	}
	return known
}

func walkRunTask() *fieldWalk {
	return &fieldWalk{
		operation: "RunTask",
		known: networked(members{
			"cluster": "myclu", "count": 1, "overrides.containerOverrides[].name": "web", "executionRoleArn": executionRole, "taskRoleArn": fieldRole,
			"propagateTags": "TASK_DEFINITION", "environmentFiles[].value": "arn:aws:s3:::bucket/f.env", "overrides.cpu": "256", "overrides.memory": "1024",
			"ephemeralStorage.sizeInGiB": 30, "taskDefinition": "plain",
		}),
		base: func(leaf, _ string) any {
			definition := "plain"
			if strings.HasPrefix(leaf, "volumeConfigurations") {
				definition = "disk"
			}
			return members{"taskDefinition": definition}
		},
		send: func(body, _ string) (string, string, string) { return "POST", "/clusters/myclu/tasks", body },
		show: func(_, response string) string {
			var out struct{ Tasks []struct{ TaskArn string } }
			if err := json.Unmarshal([]byte(response), &out); err != nil || len(out.Tasks) != 1 {
				return "/clusters/myclu/tasks/" + fmt.Sprint(err)
			}
			arn := out.Tasks[0].TaskArn
			return "/clusters/myclu/tasks/" + arn[strings.LastIndex(arn, "/")+1:]
		},
		shown: []string{"Tasks[]"},
		requested: map[string]string{
			"capacityProviderStrategy": "a task shows the provider that it got", "clientToken": "it tells requests apart", "cluster": "a task shows its ARN",
			"count": "each is a task", "enableECSManagedTags": "a task shows the tags", "networkConfiguration": "a task shows its attachment",
			"propagateTags": "a task shows the tags", "referenceId": "it tells requests apart", "taskDefinition": "a task shows its ARN",
			"volumeConfigurations": "a task shows its attachment",
		},
		refused: map[string]string{
			"placementConstraints": "lacement", "placementStrategy": "lacement", "overrides.inferenceAcceleratorOverrides": onFargate,
			"overrides.executionRoleArn": "it is that of the task definition",
		},
		renamed: map[string]any{"taskDefinition": "arn:aws:ecs:us-east-1:" + localaws.DefaultAccount + ":task-definition/plain:1"},
	}
}

// serviceKnown are values for fields that services are created and updated with.
func serviceKnown(more members) map[string]any {
	known := networked(members{
		"desiredCount": 1, "deploymentController.type": "ECS", "maximumPercent": 150, "minimumHealthyPercent": 50, "schedulingStrategy": "REPLICA", "stepPercent": 10.0, "propagateTags": "SERVICE",
		"portName": "http", "deploymentCircuitBreaker.enable": true, "availabilityZoneRebalancing": "DISABLED", "taskDefinition": "plain",
		"logDriver": "awslogs", "options": members{"awslogs-group": "g", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "p"},
		"service": "u", "serviceConnectConfiguration.enabled": true, "enableExecuteCommand": true, "enableECSManagedTags": true,
		"valueFrom":                        "arn:aws:ssm:us-east-1:" + localaws.DefaultAccount + ":parameter/localdev/myclu/x",
		"deploymentConfiguration.strategy": "BLUE_GREEN", "lifecycleStages": []any{"PRE_SCALE_UP"}, "hookTargetArn": "arn:aws:lambda:us-east-1:" + localaws.DefaultAccount + ":function:f",
		"targetGroupArn": "arn:aws:vpc-lattice:us-east-1:" + localaws.DefaultAccount + ":targetgroup/tg-1", "targetType": "AWS_LAMBDA",
	})
	for k, v := range more {
		known[k] = v
	}
	return known
}

// serviceBase is what a service needs for a field.
func serviceBase(leaf, registryARN, targetGroupARN string) members {
	switch {
	case strings.HasPrefix(leaf, "loadBalancers"):
		return members{"loadBalancers": []any{members{"targetGroupArn": targetGroupARN, "containerName": "web", "containerPort": 80}}}
	case strings.HasPrefix(leaf, "serviceRegistries"):
		return members{"serviceRegistries": []any{members{"registryArn": registryARN}}}
	case strings.HasPrefix(leaf, "volumeConfigurations"):
		return members{"taskDefinition": "disk"}
	case strings.HasPrefix(leaf, "deploymentConfiguration.linearConfiguration"):
		return members{"deploymentConfiguration": members{"strategy": "LINEAR"}}
	case strings.HasPrefix(leaf, "deploymentConfiguration.canaryConfiguration"):
		return members{"deploymentConfiguration": members{"strategy": "CANARY"}}
	case strings.HasPrefix(leaf, "deploymentConfiguration.lifecycleHooks"), leaf == "deploymentConfiguration.bakeTimeInMinutes":
		return members{"deploymentConfiguration": members{"strategy": "BLUE_GREEN"}}
	}
	return members{}
}

func walkService(registryARN, targetGroupARN string) *fieldWalk {
	return &fieldWalk{
		operation: "CreateService",
		known:     serviceKnown(members{"cluster": "myclu", "registryArn": registryARN, "loadBalancers[].targetGroupArn": targetGroupARN, "loadBalancers[].containerName": "web", "loadBalancers[].containerPort": 80}),
		base: func(leaf, name string) any {
			return merged(members{"serviceName": "c" + name, "cluster": "myclu", "taskDefinition": "plain", "desiredCount": 0}, serviceBase(leaf, registryARN, targetGroupARN))
		},
		send: func(body, _ string) (string, string, string) { return "POST", "/services", `{"service":` + body + `}` },
		show: func(_, response string) string {
			var out struct{ Service struct{ ServiceName string } }
			if err := json.Unmarshal([]byte(response), &out); err != nil {
				return "/clusters/myclu/services/" + fmt.Sprint(err)
			}
			return "/clusters/myclu/services/" + out.Service.ServiceName
		},
		shown:     []string{"", "Deployments[]"},
		requested: serviceRequested,
		refused:   serviceRefused,
		renamed: map[string]any{
			"clientToken": nil, "taskDefinition": "arn:aws:ecs:us-east-1:" + localaws.DefaultAccount + ":task-definition/plain:1",
		},
	}
}

var (
	serviceRequested = map[string]string{
		"clientToken": "it tells requests apart", "cluster": "a service shows its ARN", "service": "a service shows its name", "taskDefinition": "a service shows its ARN",
		"forceNewDeployment": "it starts a deployment",
	}
	serviceRefused = map[string]string{
		"placementConstraints": "lacement", "placementStrategy": "lacement", "role": "role",
		"loadBalancers[].loadBalancerName": "either a loadBalancerName",
	}
)

func walkServiceUpdate(registryARN, targetGroupARN string) *fieldWalk {
	return &fieldWalk{
		operation: "UpdateService",
		known:     serviceKnown(members{"cluster": "myclu", "registryArn": registryARN, "loadBalancers[].targetGroupArn": targetGroupARN, "loadBalancers[].containerName": "web", "loadBalancers[].containerPort": 80}),
		base:      func(leaf, _ string) any { return serviceBase(leaf, registryARN, targetGroupARN) },
		send: func(body, _ string) (string, string, string) {
			// Forced, because settings that the service has already are not sent to AWS.
			return "PUT", "/clusters/myclu/services/u", `{"ForceRedeploy":true,"Service":` + body + `}`
		},
		show:      func(string, string) string { return "/clusters/myclu/services/u" },
		shown:     []string{"", "Deployments[]"},
		requested: serviceRequested,
		refused:   serviceRefused,
		renamed:   map[string]any{"taskDefinition": "arn:aws:ecs:us-east-1:" + localaws.DefaultAccount + ":task-definition/plain:1"},
	}
}
