package api

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"ecs-api/api/openapi"
	"ecs-api/localaws"
)

// follows begins a create from the page that nobody waits for, and follows its operation with an EventSource. The browser's own cannot send a header, and what it
// could send, a URL, is no place for a token: logs, proxies and the history keep URLs. So the page takes the EventSource of the package eventsource, which is the
// same but that its requests are made by a function of the page's. The steps that arrive are kept, each as often as there is an event of it.
const follows = `(async () => {
	const {create, token} = %s;
	const headers = {'X-Auth-Token': token};
	const accepted = await fetch('/v1/ecs/local/services', {method: 'POST', body: create, headers: {...headers, Prefer: 'respond-async'}});
	window.steps = [];
	window.ended = null;
	const stream = new lib.EventSource(accepted.headers.get('Operation-Location'), {fetch: (url, init) => fetch(url, {...init, headers: {...init.headers, ...headers}})});
	const note = () => window.waiting && window.waiting();
	stream.addEventListener('step', e => { const s = JSON.parse(e.data); window.steps.push(s.name + ' ' + s.state); note(); });
	for (const end of ['result', 'error']) stream.addEventListener(end, e => {
		if (e.data === undefined) return; // the connection's own
		window.ended = end + ' ' + e.data;
		stream.close();
		note();
	});
	return accepted.status;
})()`

// arrived waits in the page until something is there, and returns the steps so far.
func arrived(condition string) chromedp.Action[[]string] {
	return chromedp.Evaluate[[]string](`(async () => {
		while (!(`+condition+`)) await new Promise(resolve => { window.waiting = resolve });
		return window.steps;
	})()`, chromedp.EvalAwaitPromise)
}

// TestTheDocumentationPageFollowsAnOperation sees that the steps of a create arrive in a page while it is on its way.
func TestTheDocumentationPageFollowsAnOperation(t *testing.T) {
	program := findBrowser(t)
	source, err := os.ReadFile(os.Getenv("ECS_API_EVENTSOURCE")) // of the package eventsource, in one file
	if err != nil {
		t.Fatalf("run .ci/browser: %v", err)
	}
	h := newHarness(t, localaws.New())
	server := httptest.NewServer(h.Handler())
	t.Cleanup(server.Close)
	w := &watcher{host: strings.TrimPrefix(server.URL, "http://")}
	ctx := openBrowser(t, program, w, browserTime)
	reached, release := h.hold("ecs", "CreateService")

	given, err := json.Marshal(map[string]string{"create": openapi.CreateExample, "token": testToken})
	if err != nil {
		t.Fatal(err)
	}
	var status int64
	var before, after []string
	var result string
	err = chromedp.Do(ctx,
		chromedp.Navigate(server.URL+base+"/docs"),
		chromedp.WaitVisible(chromedp.CSS(".swagger-ui .info")),
		read(new(bool), chromedp.Evaluate[bool](string(source)+";globalThis.lib = lib; true")),
		read(&status, chromedp.Evaluate[int64](strings.Replace(follows, "%s", string(given), 1), chromedp.EvalAwaitPromise)),
		read(&before, arrived(`window.steps.includes('create service running')`)),
	)
	if err != nil {
		t.Fatal(err)
	}
	<-reached // AWS has been asked to create the service, and has not responded
	if status != 202 || !strings.Contains(strings.Join(before, "\n"), "create cluster succeeded") || strings.Contains(strings.Join(before, "\n"), "create service succeeded") {
		t.Errorf("%d, while the service is created the page has %v", status, before)
	}
	release()
	if err := chromedp.Do(ctx, read(&after, arrived(`window.ended !== null`)), read(&result, chromedp.Evaluate[string](`window.ended`))); err != nil {
		t.Fatal(err)
	}
	if len(after) <= len(before) || !strings.Contains(strings.Join(after, "\n"), "create service succeeded") || !strings.HasPrefix(result, `result {"Cluster":`) {
		t.Errorf("at last the page has %v and %.200s", after, result)
	}
	for _, sent := range w.takeSent() {
		if strings.Contains(sent, testToken) {
			t.Errorf("a URL has the token: %s", sent)
		}
	}
	w.report(t)
}
