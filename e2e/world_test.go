package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/sts"
)

// What the program under test is configured with.
const (
	region    = "us-east-1"
	org       = "localdev"
	token     = "the-token-of-the-e2e-suite"
	accessKey = "AKIAE2ESUITE"
	secretKey = "the-secret-key-of-the-e2e-suite"
)

// secrets are what must never be seen in the program's log, whatever is sent.
var secrets = []string{token, secretKey, "dontkryptonitemebro", "changedmebro", "TOPSEKRET", "abc123value"}

// world is the program under test, running in front of an AWS of its own.
type world struct {
	backEnd
	t    *testing.T
	url  string // of the API: http://127.0.0.1:1234/v1/ecs
	sess *session.Session
	vars map[string]string // what rows can name as ${name}
	log  *logBuffer
}

// newWorld starts the program; change may change its config.
func newWorld(t *testing.T, change ...func(config map[string]any)) *world {
	t.Helper()
	return newWorldOn(t, newBackEnd(t), change...)
}

// newWorldOn starts the program in front of the back end.
func newWorldOn(t *testing.T, back backEnd, change ...func(config map[string]any)) *world {
	t.Helper()
	if err := dependOnSources(); err != nil {
		t.Fatal(err)
	}
	w := &world{backEnd: back, t: t, vars: map[string]string{}, log: &logBuffer{served: make(chan string, 1)}}
	w.sess = newSession(t, w.endpoint)
	account := aws.StringValue(must(sts.New(w.sess).GetCallerIdentity(&sts.GetCallerIdentityInput{}))(t).Account)
	for name, value := range map[string]string{
		"account": account, "namespace": w.namespace, "subnet": w.subnet, "group": w.group, "key": w.key,
		"ecs": "arn:aws:ecs:" + region + ":" + account, "secrets": "arn:aws:secretsmanager:" + region + ":" + account,
	} {
		w.set(name, value)
	}
	config := w.config()
	for _, c := range change {
		c(config)
	}
	w.start(must(json.Marshal(config))(t))
	return w
}

// config returns the program's config.
func (w *world) config() map[string]any {
	return map[string]any{
		"listenAddress": "127.0.0.1:0", "token": token, "org": org, "logLevel": "debug", "shutdownGrace": "30s",
		"accounts": map[string]any{"local": map[string]any{
			"region": region, "akid": accessKey, "secret": secretKey, "endpoint": w.endpoint,
			"defaultSgs": []string{w.group}, "defaultSubnets": []string{w.subnet}, "defaultKmsKeyId": w.key,
			"taskRoles": []string{"arn:aws:iam::" + w.vars["account"] + ":role/app-*"},
		}},
	}
}

// start runs the binary until the test ends, then sees that it ends well and that its log is fit to be read by anybody.
func (w *world) start(config []byte) {
	t := w.t
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, binary, "-config", file)
	cmd.Stderr = w.log
	served := w.log.served // before the program writes: it is set to nil then
	cmd.Env = append(os.Environ(), "ECS_API_TOKEN=", "ECS_API_LISTEN_ADDRESS=", "ECS_API_LOG_LEVEL=", "GOGC=400",
		"GORACE=atexit_sleep_ms=0") // the race detector would sleep for a second before the program ends
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		defer cancel()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("the program had ended before the test: %v", err)
		}
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the program ended with %v", err)
			}
		case <-time.After(time.Minute): // longer than its grace
			t.Error("the program does not end")
		}
		w.checkLog()
	})
	select {
	case address := <-served:
		w.url = "http://" + address + "/v1/ecs"
	case err := <-ended:
		ended <- err
		t.Fatalf("the program ended: %v\n%s", err, w.log)
	case <-time.After(time.Minute):
		t.Fatalf("the program does not say where it serves\n%s", w.log)
	}
}

// checkLog fails the test if the log tells what it must not, or that something went wrong inside.
func (w *world) checkLog() {
	text := w.log.String()
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			w.t.Errorf("the log tells %q", secret)
		}
	}
	for line := range strings.Lines(text) {
		for _, trouble := range []string{"DATA RACE", "panic"} {
			if strings.Contains(line, trouble) {
				w.t.Errorf("the log says: %s", line)
			}
		}
	}
}

// set gives rows a variable: ${name}, ${name.path} for use as one segment of a path, and ${name.id}, what comes after the last slash.
func (w *world) set(name, value string) {
	w.vars[name] = value
	w.vars[name+".path"] = url.PathEscape(value)
	w.vars[name+".id"] = value[strings.LastIndex(value, "/")+1:]
}

// variable is how a row names one.
var variable = regexp.MustCompile(`\$\{([\w.]+)\}`)

// fill puts the variables into a text.
func (w *world) fill(t *testing.T, text string) string {
	t.Helper()
	return variable.ReplaceAllStringFunc(text, func(match string) string {
		value, ok := w.vars[variable.FindStringSubmatch(match)[1]]
		if !ok {
			t.Fatalf("no row has kept %s", match)
		}
		return value
	})
}

// logBuffer is what the program logs. It tells served the address that the log names.
type logBuffer struct {
	mu     sync.Mutex
	buf    bytes.Buffer
	served chan string
}

var servingLine = regexp.MustCompile(`"address":"([^"]+)".*"msg":"serving"`)

// Write takes what the program logs.
func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf.Write(p)
	if b.served != nil {
		if m := servingLine.FindSubmatch(b.buf.Bytes()); m != nil {
			b.served <- string(m[1])
			b.served = nil
		}
	}
	return len(p), nil
}

// String returns all of it.
func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
