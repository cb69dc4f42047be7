package orchestration

// CheckCreate returns what is wrong with a create as far as that can be decided without AWS, as Create does. It is for requests that are refused
// for another reason too, so that the response reports all of it at once.
func (o *Orchestrator) CheckCreate(in *CreateInput) error {
	_, err := o.newCreation(in)
	return err
}
