package router

import (
	"net/http"
	"slices"
	"strings"
)

// suggestion is for a request that is natural to send and that no route takes: the one that does what its caller probably wants.
type suggestion struct {
	methods string // separated by spaces; empty: all
	path    string // below the base; {names} stand for one segment each
	to      string // what the caller wants, up to the request that does it
	send    string // that request: its method, which is the caller's own where it has none, and its path with names of the path above
}

// The parts that suggestions share.
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

// suggestions are in order: the first that fits a request is taken.
var suggestions = []suggestion{
	{"POST", services, "create a service send", "POST /{account}/services"},
	{"POST", service, "change the service send", change},
	{"PATCH DELETE", services, "change or delete one service, name it in the path:", change},
	{"PUT PATCH", "/{account}/services", "change a service send", change},
	{"GET HEAD PUT PATCH DELETE", "/{account}/services/{service}", "name a service, name its cluster too:", " " + service},
	{"POST", "/{account}/services/{service}", "change the service, name its cluster too:", change},
	{writes, cluster, "tag a cluster, change the Tags of a service in it, which its cluster gets too:", change},
	{"POST", service + "/deployments", "start a deployment send", "POST " + service + "/restart"},
	{"DELETE", service + "/deployments/{deployment}", "stop a deployment send", "POST " + service + "/deployments/{deployment}/stop"},
	{writes, service + "/revisions", "register and run a revision send", change},
	{writes, service + "/status", "change how many tasks run send", change},
	{"", service + "/scale", "change how many tasks run, change DesiredCount:", change},
	{"", service + "/tags", "change tags, change Tags:", change},
	{"", service + "/image", "change an image send", change},
	{"", service + "/stop", "stop the service send", "PUT " + service + "/power"},
	{"", service + "/start", "start the service send", "PUT " + service + "/power"},
	{"", service + "/deploy", "start a deployment send", "POST " + service + "/restart"},
	{"", service + "/redeploy", "start a deployment send", "POST " + service + "/restart"},
	{"", service + "/exec", "run a command send", "POST " + service + "/run"},
	{"GET", service + "/tasks", "list the tasks of a service, add ?service= to", runs},
	{"POST", service + "/tasks", "run a task with the service's settings send", "POST " + service + "/run"},
	{"PUT PATCH", tasks, "run a task send", "POST " + tasks},
	{writes, tasks + "/{task}", "stop a task, as none is changed while it runs:", "DELETE " + tasks + "/{task}"},
	{"POST", cluster + "/taskdefs", "register a managed task definition, with cluster and taskdefinition in the body:", register},
	{writes, "/{account}/taskdefs/{taskdef}", "register another revision, as none is changed:", register},
	{"PATCH POST", "/{account}/secrets/{secret}", "change a secret send", "PUT /{account}/secrets/{secret}"},
	{"PUT PATCH", "/{account}/secrets", "change a secret, name it in the path:", "PUT /{account}/secrets/{secret}"},
	{"PATCH POST", "/{account}/params/{prefix}/{param}", "change a parameter send", "PUT /{account}/params/{prefix}/{param}"},
	{"PUT PATCH", "/{account}/params/{prefix}", "change a parameter, name it in the path:", "PUT /{account}/params/{prefix}/{param}"},
	{"", "/{account}/params", "name parameters, name their prefix, a space's name:", "GET /{account}/params/{prefix}"},
	{"", "/{account}/tasks", "list tasks, name their cluster:", runs},
	{"", "/{account}/taskdefinitions", "list task definitions send", "GET /{account}/taskdefs"},
	{"", "/{account}/images", "verify an image send", "HEAD /images"},
	{"GET HEAD", "/clusters", "list clusters, name the account:", " " + clusters},
	{"GET HEAD", "/services", "list services, name the account:", " /{account}/services"},
	{"GET HEAD", "/secrets", "list secrets, name the account:", " /{account}/secrets"},
	{"GET HEAD", "/taskdefs", "list task definitions, name the account:", " /{account}/taskdefs"},
	{"POST", "/clusters", "create a cluster, name the account:", " " + clusters},
	{"POST", "/services", "create a service, name the account:", " /{account}/services"},
	{"POST", "/secrets", "create a secret, name the account:", " /{account}/secrets"},
	{"POST", "/taskdefs", "register a task definition, name the account:", " /{account}/taskdefs"},
	{"GET HEAD", "/{account}", "see what accounts there are, with which paths begin, send", "GET /accounts"},
}

// instead returns what to send instead of a request that no route takes; otherwise where nothing is known to be meant.
func (t *Router) instead(r *http.Request, otherwise string) string {
	path, below := strings.CutPrefix(r.URL.EscapedPath(), t.base+"/")
	if !below {
		return otherwise
	}
	sent := strings.Split(path, "/")
	for _, d := range suggestions {
		if names, ok := d.fits(r.Method, sent); ok {
			return "to " + d.to + " " + d.request(r.Method, t.base, names)
		}
	}
	return otherwise
}

// maxName is how long a name may be that a problem repeats: an ARN that is escaped has fewer letters.
const maxName = 512

// fits reports whether the suggestion is for a request, and returns what the names of its path stand for there.
func (d suggestion) fits(method string, sent []string) (names map[string]string, ok bool) {
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

// request returns what to send instead of a request with the method, with the names that the caller has sent.
func (d suggestion) request(method, base string, names map[string]string) string {
	instead, path, _ := strings.Cut(d.send, " ")
	if instead == "" {
		instead = method
	}
	for name, sent := range names {
		path = strings.ReplaceAll(path, name, sent)
	}
	return instead + " " + base + path
}
