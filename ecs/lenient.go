package ecs

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/aws/aws-sdk-go/aws/request"
	"github.com/aws/aws-sdk-go/private/protocol/jsonrpc"

	"ecs-api/ecs/sdk/ecs"
)

// lenient lets client read the tasks of moto 5.2.1, which writes the CPU units of their containers as a number where ECS writes text. An
// answer that can be read as it is, as ECS's own, is not looked at.
func lenient(client *ecs.ECS) *ecs.ECS {
	client.Handlers.Build.PushBack(func(r *request.Request) {
		switch r.Operation.Name {
		case "RunTask", "DescribeTasks", "StopTask":
			var seen bytes.Buffer
			r.Handlers.Unmarshal.PushFront(func(r *request.Request) {
				seen.Reset() // of an earlier try
				body := r.HTTPResponse.Body
				r.HTTPResponse.Body = struct {
					io.Reader
					io.Closer
				}{io.TeeReader(body, &seen), body}
			})
			r.Handlers.Unmarshal.PushBack(func(r *request.Request) {
				if r.Error == nil {
					return
				}
				if mended, ok := mendTasks(seen.Bytes()); ok {
					r.Error, r.HTTPResponse.Body = nil, io.NopCloser(bytes.NewReader(mended))
					jsonrpc.Unmarshal(r)
				}
			})
		}
	})
	return client
}

// mendTasks returns an answer with the CPU units of containers as text; not ok if they are none that are numbers.
func mendTasks(answer []byte) (mended []byte, ok bool) {
	var all map[string]any
	decoder := json.NewDecoder(bytes.NewReader(answer))
	decoder.UseNumber()
	if decoder.Decode(&all) != nil {
		return nil, false
	}
	tasks, _ := all["tasks"].([]any)
	for _, task := range append(tasks, all["task"]) {
		t, _ := task.(map[string]any)
		containers, _ := t["containers"].([]any)
		for _, container := range containers {
			c, _ := container.(map[string]any)
			if cpu, isNumber := c["cpu"].(json.Number); isNumber {
				c["cpu"], ok = cpu.String(), true
			}
		}
	}
	if !ok {
		return nil, false
	}
	mended, err := json.Marshal(all)
	return mended, err == nil
}
