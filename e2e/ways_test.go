package e2e

import (
	"strings"
	"testing"
)

// Clients go through two proxies, the second one the parent of the first, which
// sees what is in TLS; the parent passes it on as it is.
func TestUpstreamModeChain(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	parent := start(t, "--ignore-hosts", ".", "--set", "show_ignored_hosts=true")
	p := start(t, "--mode", "upstream:"+parent.URL())
	curl := need(t, "curl")
	for _, base := range []string{o.HTTP, o.HTTPS} {
		if out := run(t, nil, curl, "-sS", "-x", p.URL(), "--cacert", p.CA, base+"/hello"); out != "hello\n" {
			t.Errorf("%s: %q", base, out)
		}
	}
	if python := need(t, "python3"); python != "" {
		const code = `import sys, urllib.request, ssl
op = urllib.request.build_opener(urllib.request.ProxyHandler({"http": sys.argv[1], "https": sys.argv[1]}), urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=sys.argv[2])))
for u in sys.argv[3:]: sys.stdout.write(op.open(u).read().decode())`
		if out := run(t, nil, python, "-c", code, p.URL(), p.CA, o.HTTP+"/hello", o.HTTPS+"/hello"); out != "hello\nhello\n" {
			t.Errorf("Python: %q", out)
		}
	}
	seen, passed := p.recorded(), parent.recorded()
	if n := strings.Count(seen.lines, "/hello"); n < 4 {
		t.Errorf("the first proxy has recorded:\n%s", seen.lines)
	}
	if !strings.Contains(passed.lines, o.HTTP+"/hello") || strings.Contains(passed.lines, o.HTTPS+"/hello") {
		t.Errorf("the parent has recorded:\n%s", passed.lines)
	}
	if page := p.midstream("flows", "show", "last", "--session", p.Session); !strings.Contains(page, "through the parent proxy "+parent.URL()) {
		t.Errorf("%s", page)
	}
}

// Several modes at once, each where its spec says.
func TestSeveralModes(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p := start(t, "--mode", "regular", "--mode", "reverse:"+o.HTTP+"@0")
	at := p.waitStderr(`listening on (127\.0\.0\.1:\d+).* \(reverse:`)[1]
	curl := need(t, "curl")
	if out := run(t, nil, curl, "-sS", "http://"+at+"/hello"); out != "hello\n" {
		t.Errorf("%q", out)
	}
	if out := run(t, nil, curl, "-sS", "-x", p.URL(), o.HTTP+"/hello"); out != "hello\n" {
		t.Errorf("%q", out)
	}
}
