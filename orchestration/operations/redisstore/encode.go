package redisstore

import (
	"encoding/json"
	"strings"

	"ecs-api/common"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/saga"
	"ecs-api/state"
)

// stored is an operation as Redis has it.
type stored struct {
	operations.Operation // without Result and Error

	Account   string `json:"account"`
	TraceID   string `json:"traceId,omitempty"`
	RequestID string `json:"requestId,omitempty"`
	Caller    string `json:"caller,omitempty"`
	Server    string `json:"server,omitempty"`
	Queued    bool   `json:"queued,omitempty"`
	Remedy    string `json:"remedy,omitempty"`
	Sealed    []byte `json:"sealed,omitempty"`
}

// sealed is what may hold secrets: a task definition's environment in a result, what the caller sent in an error.
type sealed struct {
	Result  json.RawMessage `json:"result,omitempty"`
	Pending json.RawMessage `json:"pending,omitempty"`
	Text    string          `json:"text,omitempty"`
	Problem *problem        `json:"problem,omitempty"`
}

// problem is the error of an operation, as callers may read it.
type problem struct {
	Kind   string              `json:"kind"`
	Code   common.Code         `json:"code"`
	Fields []common.FieldError `json:"fields,omitempty"`
	Left   []string            `json:"left,omitempty"`
}

// encode returns what Redis keeps of an operation under the key.
func encode(seal *state.Seal, key string, o operations.Operation) ([]byte, error) {
	inside := sealed{Result: o.Result, Pending: o.Pending, Text: o.Error}
	if o.Err != nil {
		e := common.AsError(o.Err)
		inside.Problem = &problem{Kind: e.Kind.String(), Code: e.Code, Fields: e.Fields, Left: e.LeftBehind}
	}
	plain, err := json.Marshal(inside)
	if err != nil {
		return nil, common.Errorf(common.Internal, "encode what operation %s has to say: %w", o.ID, err)
	}
	s := stored{Operation: o, Account: o.Account, TraceID: o.TraceID, RequestID: o.RequestID, Caller: o.Caller, Server: o.Server, Queued: o.Queued,
		Remedy: o.Remedy}
	s.Result, s.Error = nil, ""
	if string(plain) != "{}" {
		s.Sealed = seal.Seal(key, plain)
	}
	encoded, err := json.Marshal(s)
	if err != nil {
		return nil, common.Errorf(common.Internal, "encode operation %s: %w", o.ID, err)
	}
	return encoded, nil
}

// decode returns the operation that Redis has under the key. What was sealed with other tokens stays hidden.
func decode(seal *state.Seal, key string, encoded []byte) (operations.Operation, error) {
	var s stored
	if err := json.Unmarshal(encoded, &s); err != nil {
		return operations.Operation{}, common.Errorf(common.Internal, "read an operation: %w", err)
	}
	o := s.Operation
	o.Account, o.TraceID, o.RequestID, o.Caller, o.Server, o.Queued, o.Remedy = s.Account, s.TraceID, s.RequestID, s.Caller, s.Server, s.Queued, s.Remedy
	o.Result = nil
	if len(s.Sealed) == 0 {
		return o, nil
	}
	var inside sealed
	plain, err := seal.Open(key, s.Sealed)
	if err == nil {
		err = json.Unmarshal(plain, &inside)
	}
	if err != nil {
		inside = sealed{}
		if o.State != saga.Succeeded && o.Ended() {
			inside = sealed{Text: hidden, Problem: &problem{Kind: common.Unavailable.String()}}
		}
	}
	o.Result, o.Pending, o.Error = inside.Result, inside.Pending, inside.Text
	if p := inside.Problem; p != nil {
		o.Err = common.Restored(common.KindNamed(p.Kind), p.Code, inside.Text, p.Fields, p.Left)
	}
	return o, nil
}

// hidden is the error of an operation whose own was sealed with other tokens.
const hidden = "why it failed was written by a server with other tokens; its log says why"

// field names an operation in a hash.
func field(account, id string) string { return account + "/" + id }

// operationOf returns the account and the id that a field names. An id has no slash.
func operationOf(field string) (account, id string) {
	at := strings.LastIndex(field, "/")
	if at < 0 {
		return "", field
	}
	return field[:at], field[at+1:]
}
