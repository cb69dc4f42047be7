package space

import "encoding/json"

// rawJSON returns a policy document as a part of a plan; nil for none.
func rawJSON(document string) any {
	if !json.Valid([]byte(document)) {
		return nil
	}
	return json.RawMessage(document)
}
