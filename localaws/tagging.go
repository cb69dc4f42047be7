package localaws

func taggingOperations() map[string]operation { return map[string]operation{} }
