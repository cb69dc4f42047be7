package router

import (
	"net/http"
	"slices"
	"strings"
)

// detour is a request that is natural to send and that no route takes, with the one that does what its caller probably wants.
type detour struct {
	methods string // separated by spaces; empty: all
	path    string // below the base; {names} stand for one segment each
	to      string // what the caller wants
	send    string // the request that does that: its method, and its path with names of the path above
}

// The parts of paths that detours share.
const (
	clusters = "/{account}/clusters"
	cluster  = clusters + "/{cluster}"
	services = cluster + "/services"
	service  = services + "/{service}"
	tasks    = cluster + "/tasks"
	change   = "PATCH " + service
	register = "POST /{account}/taskdefs"
	runs     = "GET " + tasks
	writes   = "PUT PATCH POST"
)

// detours are in order: the first that fits a request is taken.
var detours = []detour{
	{"POST", services, "create a service", "POST /{account}/services"},
	{"POST", service, "change the service", change},
	{"PATCH DELETE", services, "change or delete one service, name it in the path:", change},
	{"PUT PATCH", "/{account}/services", "change a service", change},
	{"", "/{account}/services/{service}", "name a service, name its cluster too:", "GET " + service},
	{"PUT PATCH POST", cluster, "tag a cluster, change the Tags of a service in it, which its cluster gets too:", change},
	{"POST", service + "/deployments", "start a deployment", "POST " + service + "/restart"},
	{"DELETE", service + "/deployments/{deployment}", "stop a deployment", "POST " + service + "/deployments/{deployment}/stop"},
	{writes, service + "/revisions", "register and run a revision", change},
	{writes, service + "/status", "change how many tasks run", change},
	{"", service + "/scale", "change how many tasks run, change DesiredCount:", change},
	{"", service + "/tags", "change tags, change Tags:", change},
	{"", service + "/image", "change an image", change},
	{"", service + "/stop", "stop the service", "PUT " + service + "/power"},
	{"", service + "/start", "start the service", "PUT " + service + "/power"},
	{"", service + "/deploy", "start a deployment", "POST " + service + "/restart"},
	{"", service + "/redeploy", "start a deployment", "POST " + service + "/restart"},
	{"", service + "/exec", "run a command", "POST " + service + "/run"},
	{"GET", service + "/tasks", "list the tasks of a service, add ?service= to", runs},
	{"POST", service + "/tasks", "run a task with the service's settings", "POST " + service + "/run"},
	{"PUT PATCH", tasks, "run a task", "POST " + tasks},
	{"PUT PATCH POST", tasks + "/{task}", "stop a task, as none is changed while it runs:", "DELETE " + tasks + "/{task}"},
	{"POST", cluster + "/taskdefs", "register a managed task definition, with cluster and taskdefinition in the body:", register},
	{"PUT PATCH POST", "/{account}/taskdefs/{taskdef}", "register another revision, as none is changed:", register},
	{"PATCH POST", "/{account}/secrets/{secret}", "change a secret", "PUT /{account}/secrets/{secret}"},
	{"PUT PATCH", "/{account}/secrets", "change a secret, name it in the path:", "PUT /{account}/secrets/{secret}"},
	{"PATCH POST", "/{account}/params/{prefix}/{param}", "change a parameter", "PUT /{account}/params/{prefix}/{param}"},
	{"PUT PATCH", "/{account}/params/{prefix}", "change a parameter, name it in the path:", "PUT /{account}/params/{prefix}/{param}"},
	{"", "/{account}/params", "name parameters, name their prefix, a space's name:", "GET /{account}/params/{prefix}"},
	{"", "/{account}/tasks", "list tasks, name their cluster:", runs},
	{"", "/{account}/taskdefinitions", "list task definitions", "GET /{account}/taskdefs"},
	{"", "/{account}/images", "verify an image", "HEAD /images"},
	{"", "/clusters", "list clusters, name the account:", "GET " + clusters},
	{"", "/services", "list services, name the account:", "GET /{account}/services"},
	{"", "/secrets", "list secrets, name the account:", "GET /{account}/secrets"},
	{"", "/taskdefs", "list task definitions, name the account:", "GET /{account}/taskdefs"},
	{"GET HEAD", "/{account}", "see what accounts there are, with which paths begin,", "GET /accounts"},
}

// instead returns what to send instead of a request that no route takes; otherwise where nothing is known to be meant.
func (t *Router) instead(r *http.Request, otherwise string) string {
	path, below := strings.CutPrefix(r.URL.EscapedPath(), t.base+"/")
	if !below {
		return otherwise
	}
	sent := strings.Split(path, "/")
	for _, d := range detours {
		if names, ok := d.fits(r.Method, sent); ok {
			return "to " + d.to + " " + d.request(t.base, names)
		}
	}
	return otherwise
}

// maxName is how long a name may be that a problem repeats: an ARN that is escaped has fewer letters.
const maxName = 512

// fits reports whether the detour is for a request, and returns what the names of its path stand for there.
func (d detour) fits(method string, sent []string) (names map[string]string, ok bool) {
	if d.methods != "" && !slices.Contains(strings.Fields(d.methods), method) {
		return nil, false
	}
	segments := strings.Split(d.path[1:], "/")
	if len(segments) != len(sent) {
		return nil, false
	}
	names = map[string]string{}
	for i, segment := range segments {
		if strings.HasPrefix(segment, "{") && sent[i] != "" && len(sent[i]) <= maxName {
			names[segment] = sent[i]
		} else if segment != sent[i] {
			return nil, false
		}
	}
	return names, true
}

// request returns what to send, with the names that the caller has sent.
func (d detour) request(base string, names map[string]string) string {
	method, path, _ := strings.Cut(d.send, " ")
	for name, sent := range names {
		path = strings.ReplaceAll(path, name, sent)
	}
	verb := "send "
	if strings.HasSuffix(d.to, ":") || strings.HasSuffix(d.to, " to") {
		verb = ""
	}
	return verb + method + " " + base + path
}
