package localaws

func kmsOperations() map[string]operation { return map[string]operation{} }
