package api

import "ecs-api/api/accounts"

// account is one AWS account, and who reads it at the moment.
type account struct {
	*accounts.Account
	reads sharedReads // those of callers that are under way
}
