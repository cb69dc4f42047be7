package config

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"ecs-api/common"
)

const (
	maxFileSize          = 1 << 20
	defaultShutdownGrace = Duration(2 * time.Minute)
)

// overrides are the environment variables that take the place of what the file says.
var overrides = []struct {
	variable, key string
	set           func(*Config, string)
}{
	{"ECS_API_TOKEN", "token", func(c *Config, v string) { c.Token = Secret(v) }},
	{"ECS_API_LISTEN_ADDRESS", "listenAddress", func(c *Config, v string) { c.ListenAddress = v }},
	{"ECS_API_STATE_REDIS", "state.redis", func(c *Config, v string) { c.State.Redis = Secret(v) }},
	{"ECS_API_LOG_LEVEL", "logLevel", func(c *Config, v string) { c.LogLevel = v }},
}

// Load reads the JSON file at path, lets env (os.Getenv) override what it says, and validates the whole. Keys match without case,
// as they always did. The error names every problem, one Problem each; it is of kind NotFound where there is no such file.
func Load(path string, env func(string) string) (*Config, error) {
	data, err := read(path)
	if err != nil {
		return nil, err
	}
	c, err := parse(data, env)
	return c, common.Wrapf(err, "config %s", path)
}

// Override lets env (os.Getenv) override what c says, and validates the whole. A variable that is empty or blank overrides nothing.
func (c *Config) Override(env func(string) string) error { return join(c.override(env)) }

func (c *Config) override(env func(string) string) []Problem {
	variables := map[string]string{} // by the key they override
	for _, o := range overrides {
		// A secret mounted from a file likes to end in a line break.
		if v := strings.TrimSpace(env(o.variable)); v != "" {
			o.set(c, v)
			variables[o.key] = o.variable
		}
	}
	c.setDefaults()
	problems := c.problems()
	for i, p := range problems {
		problems[i].Key = cmp.Or(variables[p.Key], p.Key)
	}
	return problems
}

func (c *Config) setDefaults() {
	c.ListenAddress = cmp.Or(c.ListenAddress, ":8080")
	c.LogLevel = strings.ToLower(cmp.Or(c.LogLevel, "info"))
	c.LogFormat = strings.ToLower(cmp.Or(c.LogFormat, "json"))
}

// parse makes a config of a file's content.
func parse(data []byte, env func(string) string) (*Config, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	switch {
	case len(data) > maxFileSize:
		return nil, common.Errorf(common.BadRequest, "is over 1 MiB: that is not a config")
	case !utf8.Valid(data):
		return nil, common.Errorf(common.BadRequest, "is not UTF-8 text: save it as UTF-8")
	case len(bytes.TrimSpace(data)) == 0:
		return nil, common.Errorf(common.BadRequest, "is empty: start from config/config.example.json")
	}
	c := &Config{ShutdownGrace: defaultShutdownGrace}
	problems, err := decode(data, c)
	if err != nil {
		return nil, err
	}
	for _, p := range c.override(env) {
		if !explained(p, problems) {
			problems = append(problems, p)
		}
	}
	if err := join(problems); err != nil {
		return nil, err
	}
	return c, nil
}

// read returns the content of the file at path, or of as much as shows that it is too large.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+int64(len("\ufeff"))+1))
	if err != nil {
		return nil, unreadable(path, err)
	}
	return data, nil
}

// unreadable says what to do about a file that cannot be read.
func unreadable(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return common.Errorf(common.NotFound, "there is no config file %s: either copy config/config.example.json to %[1]s and edit it, "+
			"or start with -local, which needs no config and no AWS", path)
	case errors.Is(err, fs.ErrPermission):
		return common.Errorf(common.Internal, "config %s may not be read by the user this runs as: make it readable to that user alone (it holds secrets)", path)
	}
	return common.Errorf(common.Internal, "config must be a readable file: %w", err)
}
