package localaws

type tokenBucket struct{}

// take takes a token for the call from the rate bucket its operation belongs to; false means that the bucket is empty.
func (a *AWS) take(c *call) bool { return true }
