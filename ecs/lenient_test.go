package ecs_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	sdk "ecs-api/ecs/sdk/ecs"
)

// As moto 5.2.1 answers RunTask, shortened.
const motosTask = `{"taskArn": "arn:aws:ecs:us-east-1:123456789012:task/c/1", "overrides": {"containerOverrides": [{"name": "web", "cpu": 128}]},
	"containers": [{"name": "web", "cpu": 256, "exitCode": 0}, {"name": "db", "cpu": "0"}]}`

func TestTasksOfMotoAreRead(t *testing.T) {
	answers := map[string]string{
		"RunTask":       `{"tasks": [` + motosTask + `], "failures": []}`,
		"DescribeTasks": `{"tasks": [` + motosTask + `], "failures": []}`,
		"StopTask":      `{"task": ` + motosTask + `}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, answers[r.Header.Get("X-Amz-Target")[len("AmazonEC2ContainerServiceV20141113."):]])
	}))
	t.Cleanup(server.Close)
	sess, err := common.NewSession(common.Account{Region: "us-east-1", AccessKeyID: "a", SecretKey: "b", Endpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	c := ecs.New(sess)
	calls := map[string]func() ([]*sdk.Task, error){
		"RunTask": func() ([]*sdk.Task, error) {
			out, err := c.RunTask(t.Context(), &sdk.RunTaskInput{TaskDefinition: aws.String("web")})
			return tasksOf(out), err
		},
		"DescribeTasks": func() ([]*sdk.Task, error) {
			out, err := c.DescribeTasks(t.Context(), "c", []string{"1"})
			return tasksOf((*sdk.RunTaskOutput)(out)), err
		},
		"StopTask": func() ([]*sdk.Task, error) {
			out, err := c.StopTask(t.Context(), "c", "1", "")
			return []*sdk.Task{out}, err
		},
	}
	for operation, call := range calls {
		t.Run(operation, func(t *testing.T) {
			tasks, err := call()
			if err != nil || len(tasks) != 1 || len(tasks[0].Containers) != 2 {
				t.Fatalf("got %v, %v", tasks, err)
			}
			task := tasks[0]
			if got := aws.StringValue(task.Containers[0].Cpu) + " " + aws.StringValue(task.Containers[1].Cpu); got != "256 0" {
				t.Errorf("the containers' CPU is %s", got)
			}
			if got := aws.Int64Value(task.Overrides.ContainerOverrides[0].Cpu); got != 128 {
				t.Errorf("the override's CPU is %d", got)
			}
		})
	}
	answers["StopTask"] = `{"task": {"containers": [{"cpu": 256}]` // cut short
	if _, err := c.StopTask(t.Context(), "c", "1", ""); !common.Ambiguous(err) {
		t.Errorf("an answer that is cut short: %v", err)
	}
}

// tasksOf returns the tasks of an answer; none of no answer.
func tasksOf(out *sdk.RunTaskOutput) []*sdk.Task {
	if out == nil {
		return nil
	}
	return out.Tasks
}
