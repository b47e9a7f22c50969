package e2e

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// A tab is a page in a headless Chromium, driven by the DevTools protocol over
// a pair of pipes: JSON texts that end in a zero octet.
type tab struct {
	t       testing.TB
	in      *os.File
	session string
	gone    chan struct{} // closed when the browser has closed its pipe

	mu      sync.Mutex
	next    int
	waiting map[int]chan toldBack
	asked   []string // URLs that were asked for
	console []string // what the page complained about
}

type toldBack struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// chromium finds the browser, or skips the test.
func chromium(t testing.TB) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the browser is driven over inherited pipes, which Windows has not")
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("chromium is not installed")
	return ""
}

// browserHome is a folder for a browser. Its processes may write for a moment
// longer than the one that was started lives: it is removed when they are through.
func browserHome(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "midstream-browser-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for give := time.Now().Add(patience); os.RemoveAll(dir) != nil; {
			if time.Now().After(give) {
				t.Logf("%s is still written into", dir)
				return
			}
		}
	})
	return dir
}

// openTab starts a browser of its own with one empty page.
func openTab(t testing.TB) *tab {
	t.Helper()
	return openTabBy(t)
}

// openTabBy is openTab by a command in front of the browser's.
func openTabBy(t testing.TB, by ...string) *tab {
	t.Helper()
	path := chromium(t)
	home := browserHome(t)
	args := []string{"--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--user-data-dir=" + filepath.Join(home, "profile"),
		"--remote-debugging-pipe", "about:blank"}
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox")
	}
	theirIn, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	line := append(append(by, path), args...)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Env = cleanEnv("HOME=" + home)
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirIn.Close()
	theirOut.Close()
	b := &tab{t: t, in: in, gone: make(chan struct{}), waiting: map[int]chan toldBack{}}
	go b.read(out)
	t.Cleanup(func() {
		in.Close()
		cancel()
		cmd.Wait()
		<-b.gone
		out.Close()
		if t.Failed() {
			b.mu.Lock()
			t.Logf("the page said:\n%s", strings.Join(b.console, "\n"))
			b.mu.Unlock()
		}
	})
	var targets struct {
		TargetInfos []struct{ TargetID, Type string }
	}
	b.call("Target.getTargets", nil, &targets)
	id := ""
	for _, i := range targets.TargetInfos {
		if i.Type == "page" {
			id = i.TargetID
		}
	}
	var session struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": id, "flatten": true}, &session)
	b.session = session.SessionID
	for _, domain := range []string{"Page", "Runtime", "Network", "Log"} {
		b.call(domain+".enable", nil, nil)
	}
	return b
}

func (b *tab) read(out *os.File) {
	defer close(b.gone)
	r := bufio.NewReader(out)
	for {
		text, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m toldBack
		if json.Unmarshal(text[:len(text)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		if m.ID != 0 {
			if c := b.waiting[m.ID]; c != nil {
				delete(b.waiting, m.ID)
				c <- m
			}
		} else {
			b.heard(m)
		}
		b.mu.Unlock()
	}
}

func (b *tab) heard(m toldBack) {
	switch m.Method {
	case "Network.requestWillBeSent":
		var p struct{ Request struct{ URL, Method string } }
		json.Unmarshal(m.Params, &p)
		b.asked = append(b.asked, p.Request.Method+" "+p.Request.URL)
	case "Runtime.exceptionThrown", "Log.entryAdded":
		b.console = append(b.console, string(m.Params))
	}
}

// call sends one command and takes its result.
func (b *tab) call(method string, params, result any) {
	b.t.Helper()
	b.mu.Lock()
	b.next++
	id := b.next
	c := make(chan toldBack, 1)
	b.waiting[id] = c
	b.mu.Unlock()
	m := map[string]any{"id": id, "method": method}
	if params != nil {
		m["params"] = params
	}
	if b.session != "" {
		m["sessionId"] = b.session
	}
	text, err := json.Marshal(m)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.in.Write(append(text, 0)); err != nil {
		b.t.Fatal(err)
	}
	select {
	case got := <-c:
		if got.Error != nil {
			b.t.Fatalf("%s: %s", method, got.Error.Message)
		}
		if result != nil {
			if err := json.Unmarshal(got.Result, result); err != nil {
				b.t.Fatalf("%s: %v", method, err)
			}
		}
	case <-b.gone:
		b.t.Fatal("the browser is gone")
	case <-time.After(patience):
		b.t.Fatalf("%s: no answer", method)
	}
}

// open loads a page at a size, in light or dark.
func (b *tab) open(url string, width, height int, theme string) {
	b.t.Helper()
	b.look(width, height, theme)
	b.call("Page.navigate", map[string]any{"url": url}, nil)
}

// look changes the size of the page and the theme of the system.
func (b *tab) look(width, height int, theme string) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": theme}}}, nil)
}

// js runs an expression in the page, promises awaited, and takes its value.
func js[T any](b *tab, expression string, args ...any) T {
	b.t.Helper()
	var got struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	b.call("Runtime.evaluate", map[string]any{"expression": fmt.Sprintf(expression, args...), "awaitPromise": true, "returnByValue": true}, &got)
	var value T
	if got.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s %s", fmt.Sprintf(expression, args...), got.ExceptionDetails.Text, got.ExceptionDetails.Exception.Description)
	}
	if len(got.Result.Value) > 0 {
		if err := json.Unmarshal(got.Result.Value, &value); err != nil {
			b.t.Fatalf("%s: %v", expression, err)
		}
	}
	return value
}

// until waits for an expression, or what it promises, to be true; the page is asked at
// every frame.
func (b *tab) until(what, expression string, args ...any) {
	b.t.Helper()
	e := fmt.Sprintf(expression, args...)
	if !js[bool](b, `new Promise(done => { const end = performance.now() + %d; const look = async () => { let ok = false; try { ok = !!(await (%s)) } catch {}; if (ok) done(true); else if (performance.now() > end) done(false); else setTimeout(look, 16) }; look() })`, int(patience/time.Millisecond)/2, e) {
		b.screenshot("failed.png")
		b.t.Fatalf("it did not come to this: %s\n%s\n%s", what, e, js[string](b, `document.body?.innerText.slice(0, 3000) ?? ''`))
	}
}

// key presses a key as a person does.
func (b *tab) key(keys ...string) {
	b.t.Helper()
	for _, k := range keys {
		k, shift := strings.CutPrefix(k, "Shift+")
		p := map[string]any{"type": "keyDown", "key": k}
		if shift {
			p["modifiers"] = 8
		}
		if len([]rune(k)) == 1 {
			p["text"] = k
		}
		code := map[string]int{"Enter": 13, "Escape": 27, "Tab": 9, "ArrowDown": 40, "ArrowUp": 38, "End": 35, "Home": 36, "PageDown": 34, "F6": 117}[k]
		if code != 0 {
			p["windowsVirtualKeyCode"], p["code"] = code, k
		}
		if k == "Enter" {
			p["text"] = "\r"
		}
		b.call("Input.dispatchKeyEvent", p, nil)
		p["type"] = "keyUp"
		delete(p, "text")
		b.call("Input.dispatchKeyEvent", p, nil)
	}
}

// write types a text into what has the focus.
func (b *tab) write(text string) {
	b.t.Helper()
	b.call("Input.insertText", map[string]any{"text": text}, nil)
}

// requests returns how many requests were sent whose line has the part.
func (b *tab) requests(part string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, a := range b.asked {
		if strings.Contains(a, part) {
			n++
		}
	}
	return n
}

// screenshot writes what is seen to MIDSTREAM_SCREENSHOTS, where that is set.
func (b *tab) screenshot(name string) {
	b.t.Helper()
	dir := os.Getenv("MIDSTREAM_SCREENSHOTS")
	if dir == "" {
		return
	}
	var got struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{"format": "png"}, &got)
	png, err := base64.StdEncoding.DecodeString(got.Data)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name), png, 0o600)
	}
	if err != nil {
		b.t.Error(err)
	}
}
