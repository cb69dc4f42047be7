package localaws

// allServices returns the services by the name they have in a request's credential scope.
func allServices() map[string]service {
	return map[string]service{
		"ec2":                  {queryProtocol{ec2: true}, ec2Operations()},
		"ecs":                  {jsonProtocol{}, ecsOperations()},
		"elasticloadbalancing": {queryProtocol{}, elbv2Operations()},
		"iam":                  {queryProtocol{}, iamOperations()},
		"kms":                  {jsonProtocol{}, kmsOperations()},
		"logs":                 {jsonProtocol{}, logsOperations()},
		"secretsmanager":       {jsonProtocol{}, secretsmanagerOperations()},
		"servicediscovery":     {jsonProtocol{}, servicediscoveryOperations()},
		"ssm":                  {jsonProtocol{}, ssmOperations()},
		"sts":                  {queryProtocol{}, stsOperations()},
		"tagging":              {jsonProtocol{}, taggingOperations()},
	}
}
