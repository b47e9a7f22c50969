package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// startPage runs the proxy with its page, and says where that is.
func startPage(t testing.TB, args ...string) (*proxy, string) {
	t.Helper()
	p := start(t, append([]string{"--web", "--web-port", "0"}, args...)...)
	return p, p.waitStderr(`web interface at (http://\S+)`)[1]
}

// visit opens the page and waits until it has a list.
func visit(t testing.TB, url string) *tab {
	t.Helper()
	b := openTab(t)
	b.open(url, 1280, 800, "light")
	b.until("the page is there", `document.querySelector('[data-testid=status]')?.innerText.includes('connected')`)
	return b
}

// send asks for a URL through the proxy and takes the answer whole.
func send(t testing.TB, c *http.Client, url string) {
	t.Helper()
	answer, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := (&discard{}).ReadFrom(answer.Body); err != nil {
		t.Fatal(err)
	}
}

// axe checks what is shown for what people with other eyes, ears and hands
// would stumble over.
func axe(b *tab, what string) {
	b.t.Helper()
	found := js[[]string](b, `axe.run(document, {resultTypes: ['violations'], rules: {'target-size': {enabled: true}}}).then(r => r.violations.map(v => v.id + ': ' + v.help + '\n    ' + v.nodes.slice(0, 4).map(n => n.html.slice(0, 300) + ' ' + n.any.concat(n.all).map(x => x.message).join('; ').slice(0, 300)).join('\n    ')))`)
	for _, f := range found {
		b.t.Errorf("%s: %s", what, f)
	}
}

// axeEach does so in light and dark, at 1280 and at 400 pixels, and looks for what is
// wider than the page. It ends as a page begins.
func axeEach(b *tab, view string) {
	b.t.Helper()
	for _, theme := range []string{"light", "dark"} {
		for _, width := range []int{1280, 400} {
			b.look(width, 800, theme)
			b.until("the theme", `document.documentElement.dataset.theme === %q && innerWidth === %d`, theme, width)
			js[any](b, `new Promise(done => requestAnimationFrame(() => setTimeout(done)))`)
			name := fmt.Sprintf("%s-%d-%s", view, width, theme)
			axe(b, name)
			if wide := js[int](b, `document.scrollingElement.scrollWidth`); wide > width {
				b.t.Errorf("%s is %d pixels wide", name, wide)
			}
			b.screenshot("view-" + name + ".png")
		}
	}
	b.look(1280, 800, "light")
	b.until("it is light and wide", `document.documentElement.dataset.theme === 'light' && innerWidth === 1280`)
}

// loadAxe brings axe-core into the page, past its policy, as DevTools does.
func loadAxe(b *tab) {
	b.t.Helper()
	source, err := os.ReadFile(axePath())
	if err != nil {
		b.t.Skip("axe-core is not installed: scripts/deps does it")
	}
	b.call("Runtime.evaluate", map[string]any{"expression": string(source)}, nil)
}

func axePath() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	for _, dir := range []string{"../web", filepath.Join(cache, "midstream-test", "web")} {
		path := filepath.Join(dir, "node_modules", "axe-core", "axe.min.js")
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

// rowText is an expression for the text of the row whose path has the part.
func rowText(part string) string {
	return fmt.Sprintf(`[...document.querySelectorAll('[data-testid=list] [data-rank]')].find(r => r.innerText.includes(%q))?.innerText`, part)
}

// openFlow clicks the row whose text has the part, and waits for its flow.
func openFlow(b *tab, part string) {
	b.t.Helper()
	b.until("the row "+part, `(r => r && (r.querySelector('[role=gridcell]').click(), true))([...document.querySelectorAll('[data-testid=list] [data-rank]')].find(r => r.innerText.includes(%q)))`, part)
	b.until("the flow "+part, `document.querySelector('[data-testid=detail] h2')?.innerText.includes(%q)`, strings.SplitN(part, "?", 2)[0])
}

func tabOf(b *tab, name string) {
	b.t.Helper()
	b.until("the tab "+name, `(document.querySelector('#tab-%s')?.click(), document.querySelector('#tab-%s')?.getAttribute('aria-selected') === 'true')`, name, name)
}
