package e2e

import (
	"net"
	"path/filepath"
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

// curl by SOCKS 5, on the port of the regular mode and on one of its own.
func TestSOCKSClients(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p := start(t, "--mode", "regular", "--mode", "socks5@0", "--proxyauth", "anna:se:cret")
	at := p.waitStderr(`listening on (127\.0\.0\.1:\d+).* \(socks5`)[1]
	curl := need(t, "curl")
	for _, addr := range []string{at, p.Addr} {
		for _, scheme := range []string{"socks5", "socks5h"} {
			for _, base := range []string{o.HTTP, o.HTTPS} {
				if out := run(t, nil, curl, "-sS", "-x", scheme+"://anna:se%3Acret@"+addr, "--cacert", p.CA, base+"/hello"); out != "hello\n" {
					t.Errorf("%s %s %s: %q", scheme, addr, base, out)
				}
			}
		}
		if _, errs, err := attempt(t, nil, curl, "-sS", "-x", "socks5://anna:wrong@"+addr, o.HTTP+"/hello"); err == nil || !strings.Contains(errs, "rejected") && !strings.Contains(errs, "User was rejected") {
			t.Errorf("a wrong password: %v %s", err, errs)
		}
	}
}

// curl asks first without credentials, and again on the same connection.
func TestProxyAuthClients(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	users := filepath.Join(t.TempDir(), "users")
	hash := strings.TrimSpace(run(t, nil, need(t, "openssl"), "passwd", "-apr1", "secret"))
	write(t, users, "# users\nanna:"+hash+"\n")
	p := start(t, "--proxyauth", "@"+users)
	curl := need(t, "curl")
	for _, base := range []string{o.HTTP, o.HTTPS} {
		out, errs, err := attempt(t, nil, curl, "-sS", "-v", "--proxy-anyauth", "--proxy-user", "anna:secret", "-x", p.URL(), "--cacert", p.CA, base+"/hello")
		if err != nil || out != "hello\n" || strings.Count(errs, "Connected to 127.0.0.1") != 1 || !strings.Contains(errs, "407") {
			t.Errorf("%s: %v %q\n%s", base, err, out, errs)
		}
		if out, errs, err = attempt(t, nil, curl, "-sS", "-f", "-x", p.URL(), "--cacert", p.CA, base+"/hello"); err == nil || !strings.Contains(errs, "407") {
			t.Errorf("%s: %v %q %s", base, err, out, errs)
		}
	}
	python := need(t, "python3")
	const code = `import sys, urllib.request
op = urllib.request.build_opener(urllib.request.ProxyHandler({"http": sys.argv[1]}))
sys.stdout.write(op.open(sys.argv[2]).read().decode())`
	if out := run(t, nil, python, "-c", code, "http://anna:secret@"+p.Addr, o.HTTP+"/hello"); out != "hello\n" {
		t.Errorf("Python: %q", out)
	}
	said := p.stdout.String() + p.stderr.String()
	for _, page := range []string{p.recorded().lines, p.midstream("flows", "list", "--json", "--session", p.Session), said} {
		if strings.Contains(page, "YW5uYTpzZWNyZXQ=") || strings.Contains(page, "secret") {
			t.Errorf("credentials in\n%s", page)
		}
	}
	for value, text := range map[string]string{"nocolon": "USER:PASSWORD", "@" + users + "x": "no such file"} {
		if _, errs, err := p.try("dump", "-p", "0", "--proxyauth", value); err == nil || !strings.Contains(errs, "option proxyauth: ") || !strings.Contains(errs, text) {
			t.Errorf("%s: %v %s", value, err, errs)
		}
	}
}

// One parent gets the credentials that are for it and the other nothing, nor after
// the first one has gone.
func TestCredentialsForOneParent(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	a := start(t, "--proxyauth", "anna:secret", "--ignore-hosts", ".")
	b := start(t, "--ignore-hosts", ".")
	p := start(t, "--mode", "upstream:"+a.URL(), "--upstream-auth", "anna:secret", "--upstream-routes", "^127\\.0\\.0\\.1:="+b.URL())
	curl := need(t, "curl")
	byName := strings.Replace(o.HTTP, "127.0.0.1", "localhost", 1)
	for _, base := range []string{o.HTTP, byName} {
		if out := run(t, nil, curl, "-sS", "-x", p.URL(), base+"/hello"); out != "hello\n" {
			t.Errorf("%s: %q", base, out)
		}
	}
	a.stop()
	if out := run(t, nil, curl, "-sS", "-x", p.URL(), byName+"/hello"); !strings.Contains(out, "502") {
		t.Errorf("%q", out)
	}
	if out := run(t, nil, curl, "-sS", "-x", p.URL(), o.HTTP+"/hello"); out != "hello\n" {
		t.Errorf("%q", out)
	}
	if lines := b.recorded().lines; strings.Contains(lines, "YW5uYTpzZWNyZXQ=") || strings.Contains(lines, "localhost") {
		t.Errorf("B has seen\n%s", lines)
	}
}

// What is not HTTP to midstream passes to the target, in TLS or without on either side.
func TestReverseRawClients(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p := start(t, "--mode", "reverse:tcp://"+strings.TrimPrefix(o.HTTP, "http://"), "--mode", "reverse:tls://"+strings.TrimPrefix(o.HTTPS, "https://")+"@0")
	secured := p.waitStderr(`listening on (127\.0\.0\.1:\d+).* \(reverse:tls`)[1]
	curl := need(t, "curl")
	for _, at := range []string{p.Addr, secured} {
		_, port, _ := net.SplitHostPort(at)
		for _, url := range []string{"http://localhost:" + port + "/hello", "https://localhost:" + port + "/hello"} {
			if out := run(t, nil, curl, "-sS", "-4", "--http1.1", "--cacert", p.CA, url); out != "hello\n" {
				t.Errorf("%s: %q", url, out)
			}
		}
	}
	if lines := p.recorded().lines; strings.Count(lines, `"tcp"`) < 4 || strings.Contains(lines, "/hello") {
		t.Errorf("recorded as\n%s", lines)
	}
}
