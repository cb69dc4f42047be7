package localaws

func ec2Operations() map[string]operation { return map[string]operation{} }
