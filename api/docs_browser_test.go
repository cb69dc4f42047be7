package api

import (
	"context"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"ecs-api/localaws"
)

// browserTime is how long a test in a browser may take, on a machine that is busy.
const browserTime = time.Minute

// findBrowser returns the program of a Chromium. The tests in a browser take minutes and are a step of their own in CI: .ci/browser installs
// Chromium and sets ECS_API_NEED_BROWSER=1.
func findBrowser(t *testing.T) string {
	t.Helper()
	if os.Getenv("ECS_API_NEED_BROWSER") != "1" {
		t.Skip("the documentation page is tested by .ci/browser")
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if program, err := exec.LookPath(name); err == nil {
			return program
		}
	}
	t.Fatal("no Chromium is installed: run .ci/browser")
	return ""
}

// watcher collects what a page does that it should not.
type watcher struct {
	mu    sync.Mutex
	host  string
	wrong []string
	sent  []string
}

func (w *watcher) add(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

// takeSent returns the requests since it was last called, as method and URL.
func (w *watcher) takeSent() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	sent := w.sent
	w.sent = nil
	return sent
}

// report fails the test for whatever the page did that it should not.
func (w *watcher) report(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, wrong := range w.wrong {
		t.Error(wrong)
	}
}

// see receives all that happens in the browser.
func (w *watcher) see(event any) {
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		switch e.Type {
		case runtime.ConsoleAPICalledTypeError, runtime.ConsoleAPICalledTypeWarning, runtime.ConsoleAPICalledTypeAssert:
			var words []string
			for _, arg := range e.Args {
				words = append(words, string(arg.Value)+arg.Description)
			}
			w.add("console %s: %s", e.Type, strings.Join(words, " "))
		}
	case *runtime.EventExceptionThrown:
		w.add("exception: %s", e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			w.add("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		w.mu.Lock()
		w.sent = append(w.sent, e.Request.Method+" "+e.Request.URL)
		w.mu.Unlock()
		if u, err := url.Parse(e.Request.URL); err != nil || u.Scheme != "data" && u.Host != w.host {
			w.add("request to %s", e.Request.URL)
		}
	case *network.EventWebSocketCreated:
		w.add("web socket to %s", e.URL)
	}
}

// openBrowser starts a browser whose doings w sees, for as long as most.
func openBrowser(t *testing.T, program string, w *watcher, most time.Duration) context.Context {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-dev-shm-usage", true))
	ctx, cancel := context.WithTimeout(t.Context(), most)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Listen(ctx, w.see); err != nil {
		t.Fatalf("start %s: %v", program, err)
	}
	return ctx
}

// screenshot keeps a picture of the page in the directory that ECS_API_SCREENSHOTS names, for people to look at.
func screenshot(name string, take chromedp.Action[[]byte]) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		dir := os.Getenv("ECS_API_SCREENSHOTS")
		if dir == "" {
			return nil
		}
		picture, err := take(ctx, tab)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o600)
	})
}

// read runs an action and keeps what it returns.
func read[T any](into *T, action chromedp.Action[T]) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) (err error) {
		*into, err = action(ctx, tab)
		return err
	})
}

// schemeIs makes the browser say that its user likes light or dark.
func schemeIs(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
}

func TestTheDocumentationPageCallsItsServer(t *testing.T) {
	program := findBrowser(t)
	for _, tt := range []struct {
		name          string
		width, height int64
		scheme        string
		background    string // of the page
	}{
		{"wide-light", 1400, 1000, "light", "rgb(250, 250, 250)"},
		{"wide-dark", 1400, 1000, "dark", "rgb(28, 32, 34)"},
		{"phone-light", 390, 844, "light", "rgb(250, 250, 250)"},
		{"phone-dark", 390, 844, "dark", "rgb(28, 32, 34)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t, localaws.New())
			server := httptest.NewServer(h.Handler())
			t.Cleanup(server.Close)
			w := &watcher{host: strings.TrimPrefix(server.URL, "http://")}
			ctx := openBrowser(t, program, w, browserTime)

			const create = "#operations-Orchestration-createService "
			const responded = chromedp.CSS(create + ".live-responses-table tbody .response-col_status")
			page, full := chromedp.CaptureScreenshot(), chromedp.FullScreenshot(100)
			var title, background, status, resp string
			var width int64
			err := chromedp.Do(ctx,
				chromedp.EmulateViewport(tt.width, tt.height),
				schemeIs(tt.scheme),
				chromedp.Navigate(server.URL+base+"/docs"),
				chromedp.WaitVisible(chromedp.CSS(create)),
				read(&title, chromedp.Title()),
				read(&background, chromedp.Evaluate[string](`getComputedStyle(document.body).backgroundColor`)),
				screenshot(tt.name+"-1-page", page),

				chromedp.Click(chromedp.CSS(".auth-wrapper .authorize")),
				chromedp.SendKeys(chromedp.CSS(".auth-container input"), testToken),
				screenshot(tt.name+"-2-authorize", page),
				chromedp.Click(chromedp.CSS(".auth-btn-wrapper .authorize")),
				chromedp.Click(chromedp.CSS(".auth-btn-wrapper .btn-done")),

				chromedp.Click(chromedp.CSS(create+".opblock-summary-control")),
				chromedp.WaitVisible(chromedp.CSS(create+".execute")),
				screenshot(tt.name+"-3-operation", full),
				chromedp.Click(chromedp.CSS(create+".execute")),
				chromedp.WaitVisible(responded),
				read(&status, chromedp.Text(responded)),
				read(&resp, chromedp.Text(chromedp.CSS(create+".live-responses-table tbody .response-col_description"))),
				read(&width, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`)),
				screenshot(tt.name+"-4-response", full),
			)
			if err != nil {
				t.Error(err)
			}
			if title != "ecs-api: reference" || background != tt.background {
				t.Errorf("title %q, background %q", title, background)
			}
			if !strings.HasPrefix(status, "200") || !strings.Contains(resp, "service/myclu/www") {
				t.Errorf("create service returned %q: %s", status, resp)
			}
			if width > tt.width {
				t.Errorf("the page is %d pixels wide on a screen of %d", width, tt.width)
			}
			if !slices.ContainsFunc(h.aws.Inventory(), func(what string) bool { return strings.Contains(what, "www") }) {
				t.Errorf("there is no service in AWS: %v", h.aws.Inventory())
			}
			w.report(t)
		})
	}
}

// TestTheDocumentationPageLeadsToTheGuides opens guides on a wide screen and on a phone, light and dark: text is readable, and nothing is wider than the
// screen but what scrolls by itself.
func TestTheDocumentationPageLeadsToTheGuides(t *testing.T) {
	program := findBrowser(t)
	h := newHarness(t, localaws.New())
	server := httptest.NewServer(h.Handler())
	t.Cleanup(server.Close)
	w := &watcher{host: strings.TrimPrefix(server.URL, "http://")}
	ctx := openBrowser(t, program, w, browserTime)
	for _, tt := range []struct {
		name          string
		width, height int64
		scheme        string
		color         string // of the text
	}{
		{"guide-wide-light", 1400, 1000, "light", "rgb(31, 35, 40)"},
		{"guide-phone-dark", 390, 844, "dark", "rgb(228, 230, 230)"},
	} {
		var title, color string
		var width int64
		err := chromedp.Do(ctx,
			chromedp.EmulateViewport(tt.width, tt.height),
			schemeIs(tt.scheme),
			chromedp.Navigate(server.URL+base+"/docs"),
			chromedp.Click(chromedp.CSS(`body > nav a[href="docs/first-deploy.html"]`)),
			chromedp.WaitVisible(chromedp.CSS("main h1")),
			screenshot(tt.name+"-1-first", chromedp.CaptureScreenshot()),
			chromedp.Navigate(server.URL+base+"/docs/callers.html"),
			chromedp.WaitVisible(chromedp.CSS("#recipes")),
			read(&title, chromedp.Title()),
			read(&color, chromedp.Evaluate[string](`getComputedStyle(document.body).color`)),
			read(&width, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`)),
			screenshot(tt.name+"-2-callers", chromedp.CaptureScreenshot()),
			chromedp.Navigate(server.URL+base+"/docs/operations.html#ecsapierrors"),
			chromedp.WaitVisible(chromedp.CSS("main h1")),
			screenshot(tt.name+"-3-alert", chromedp.CaptureScreenshot()),
		)
		if err != nil {
			t.Error(err)
		}
		if title != "ecs-api: Callers' guide" || color != tt.color || width > tt.width {
			t.Errorf("%s: title %q, text in %q, %d pixels wide", tt.name, title, color, width)
		}
	}
	w.report(t)
}
