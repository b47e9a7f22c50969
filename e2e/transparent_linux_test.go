package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A net of three machines: a client, a gateway that runs midstream, and an origin.
//
//	client 10.77.1.2 ── 10.77.1.1 gateway 10.77.2.1 ── 10.77.2.2 origin
//	      fd77:1::2  ── fd77:1::1         fd77:2::1 ── fd77:2::2
type network struct {
	t                       *testing.T
	client, gateway, origin string
}

func newNetwork(t *testing.T) *network { return newNetworkNamed(t, "") }

// newNetworkNamed is newNetwork for tests that run at once.
func newNetworkNamed(t *testing.T, name string) *network {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("skipped: network namespaces need root")
	}
	need(t, "ip")
	need(t, "nft")
	id := fmt.Sprintf("ms%d%s", os.Getpid(), name)
	n := &network{t, id + "c", id + "g", id + "o"}
	t.Cleanup(func() {
		for _, ns := range []string{n.client, n.gateway, n.origin} {
			exec.Command("ip", "netns", "del", ns).Run()
		}
	})
	for _, ns := range []string{n.client, n.gateway, n.origin} {
		if out, err := exec.Command("ip", "netns", "add", ns).CombinedOutput(); err != nil {
			t.Skipf("skipped: network namespaces cannot be made here: %s", out)
		}
		n.in(ns, "ip", "link", "set", "lo", "up")
		n.in(ns, "sysctl", "-qw", "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0")
	}
	for i, far := range []string{n.client, n.origin} {
		link := fmt.Sprintf("g%d", i+1)
		n.in(n.gateway, "ip", "link", "add", link, "type", "veth", "peer", "name", "w0", "netns", far)
		n.in(n.gateway, "ip", "addr", "add", fmt.Sprintf("10.77.%d.1/24", i+1), "dev", link)
		n.in(n.gateway, "ip", "addr", "add", fmt.Sprintf("fd77:%d::1/64", i+1), "dev", link, "nodad")
		n.in(n.gateway, "ip", "link", "set", link, "up")
		n.in(far, "ip", "addr", "add", fmt.Sprintf("10.77.%d.2/24", i+1), "dev", "w0")
		n.in(far, "ip", "addr", "add", fmt.Sprintf("fd77:%d::2/64", i+1), "dev", "w0", "nodad")
		n.in(far, "ip", "link", "set", "w0", "up")
		n.in(far, "ip", "route", "add", "default", "via", fmt.Sprintf("10.77.%d.1", i+1))
		n.in(far, "ip", "-6", "route", "add", "default", "via", fmt.Sprintf("fd77:%d::1", i+1))
	}
	n.in(n.gateway, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
	return n
}

// in runs a command on a machine.
func (n *network) in(ns string, args ...string) string {
	n.t.Helper()
	return run(n.t, nil, "ip", append([]string{"netns", "exec", ns}, args...)...)
}

// background runs a command on a machine until the test ends, and waits until it says
// what the pattern says.
func (n *network) background(ns, pattern string, args ...string) (*transcript, *exec.Cmd, <-chan struct{}) {
	n.t.Helper()
	cmd := exec.Command("ip", append([]string{"netns", "exec", ns}, args...)...)
	cmd.Env = cleanEnv("HOME=" + n.t.TempDir())
	said := &transcript{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	n.t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if n.t.Failed() {
			n.t.Logf("%s on %s:\n%s", args[0], ns, said)
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if said.wait(ctx, ended, pattern) == nil {
		n.t.Fatalf("%s does not say %q:\n%s", args[0], pattern, said)
	}
	return said, cmd, ended
}

const originCode = `import http.server, socket, ssl, sys, threading
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        b = ("origin %s to %s\n" % (self.path, self.client_address[0])).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(b))); self.end_headers(); self.wfile.write(b)
    def log_message(self, *a): pass
class S(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
plain, secured = S(("::", 80), H), S(("::", 443), H)
c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); c.load_cert_chain(sys.argv[1], sys.argv[2])
secured.socket = c.wrap_socket(secured.socket, server_side=True)
threading.Thread(target=plain.serve_forever, daemon=True).start()
print("ready", flush=True)
secured.serve_forever()`

func (n *network) serve() {
	dir := n.t.TempDir()
	key, cert := filepath.Join(dir, "key.pem"), filepath.Join(dir, "cert.pem")
	run(n.t, nil, need(n.t, "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=shop.test", "-addext", "subjectAltName=DNS:shop.test", "-keyout", key, "-out", cert)
	n.background(n.origin, "ready", need(n.t, "python3"), "-c", originCode, cert, key)
}

// fetch gets both schemes from a machine, by both versions of IP.
func (n *network) fetch(from, ca string) {
	n.t.Helper()
	curl := need(n.t, "curl")
	for _, at := range []string{"10.77.2.2", "[fd77:2::2]"} {
		for _, url := range []string{"http://shop.test/plain", "https://shop.test/secured"} {
			out := n.in(from, curl, "-sS", "-m", "30", "--cacert", ca, "--resolve", "shop.test:80:"+at, "--resolve", "shop.test:443:"+at, url)
			if !strings.HasPrefix(out, "origin /") {
				n.t.Errorf("%s at %s from %s: %q", url, at, from, out)
			}
		}
	}
}

func TestTransparent(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	n.serve()
	dir := t.TempDir()
	conf, session := filepath.Join(dir, "conf"), filepath.Join(dir, "session")
	command := func(args ...string) (string, string, error) {
		return attempt(t, []string{"HOME=" + dir, "MIDSTREAM_CONFDIR=" + conf}, "ip", append([]string{"netns", "exec", n.gateway, binary}, args...)...)
	}
	if _, errs, err := command("transparent", "up"); err == nil || !strings.Contains(errs, "no midstream listens") {
		t.Fatalf("up without a midstream: %v %s", err, errs)
	}
	_, midstream, gone := n.background(n.gateway, `listening on \[::\]:8080 \(transparent\)`, binary, "dump", "--mode", "transparent", "--listen-host", "::", "-k", "--confdir", conf, "--session", session)
	ca := filepath.Join(conf, "midstream-ca-cert.pem")
	if _, errs, err := command("transparent", "up", "--to", "99"); err == nil || !strings.Contains(errs, "no transparent mode listens on port 99, but on [::]:8080: ") {
		t.Errorf("%v %s", err, errs)
	}
	if out, _, err := command("transparent", "up", "--print", "--interface", "g1"); err != nil || !strings.Contains(out, "redirect to :8080") {
		t.Fatalf("%v %s", err, out)
	}
	if out, _, err := command("transparent", "status"); err != nil || out != "nothing is redirected\n" {
		t.Fatalf("--print has made rules: %v %s", err, out)
	}
	if _, errs, err := command("transparent", "up", "--interface", "g1"); err != nil || !strings.Contains(errs, "table inet midstream") {
		t.Fatalf("%v %s", err, errs)
	}
	if out, _, err := command("transparent", "status"); err != nil || !strings.Contains(out, "chain prerouting") || !strings.Contains(out, "chain output") {
		t.Errorf("%v %s", err, out)
	}
	n.fetch(n.client, ca)
	n.fetch(n.gateway, ca) // its own traffic, but for that of midstream
	// Who comes to the port itself is told nothing, and there is no loop.
	if _, _, err := attempt(t, nil, "ip", "netns", "exec", n.client, "curl", "-sS", "-m", "20", "http://10.77.1.1:8080/"); err == nil {
		t.Error("the port itself serves")
	}
	// Killed, it leaves rules that down takes away.
	midstream.Process.Kill()
	<-gone
	if _, _, err := attempt(t, nil, "ip", "netns", "exec", n.client, "curl", "-sS", "-m", "20", "http://10.77.2.2/"); err == nil {
		t.Error("nothing is redirected any more before down")
	}
	if out, errs, err := command("transparent", "status", "--confdir", conf); err != nil || !strings.Contains(out, "chain output") || !strings.Contains(errs, "no midstream listens") {
		t.Errorf("status of rules that lead nowhere: %v %s%s", err, out, errs)
	}
	for _, args := range [][]string{{"--confdir", conf}, nil} { // the second time there is nothing to do
		if _, errs, err := command(append([]string{"transparent", "down"}, args...)...); err != nil {
			t.Errorf("%v %s", err, errs)
		}
	}
	if out, _, err := command("transparent", "status"); err != nil || out != "nothing is redirected\n" {
		t.Errorf("%v %s", err, out)
	}
	if out := n.in(n.client, "curl", "-sS", "-m", "20", "http://10.77.2.2/direct"); out != "origin /direct to ::ffff:10.77.1.2\n" {
		t.Errorf("after down: %q", out)
	}
	out, errs, err := command("flows", "list", "--session", session)
	if err != nil || strings.Count(out, "/secured") != 4 || strings.Count(out, "/plain") != 4 || strings.Contains(out, "/direct") {
		t.Errorf("%v %s\n%s", err, errs, out)
	}
}

// TPROXY hands connections over with their addresses.
func TestTransparentTPROXY(t *testing.T) {
	t.Parallel()
	n := newNetworkNamed(t, "t")
	n.serve()
	dir := t.TempDir()
	conf := filepath.Join(dir, "conf")
	n.background(n.gateway, `listening on \[::\]:8080 \(transparent\)`, binary, "dump", "--mode", "transparent", "--listen-host", "::", "-k", "--confdir", conf, "--session", filepath.Join(dir, "session"))
	for _, v := range []string{"-4", "-6"} {
		n.in(n.gateway, "ip", v, "rule", "add", "fwmark", "1", "lookup", "100")
		n.in(n.gateway, "ip", v, "route", "add", "local", "default", "dev", "lo", "table", "100")
	}
	const rules = `table inet hand {
 chain prerouting { type filter hook prerouting priority mangle;
  iifname != "g1" return
  meta l4proto tcp tcp dport { 80, 443 } meta nfproto ipv4 meta mark set 1 tproxy ip to :8080
  meta l4proto tcp tcp dport { 80, 443 } meta nfproto ipv6 meta mark set 1 tproxy ip6 to :8080
 }
}
`
	path := filepath.Join(dir, "rules")
	write(t, path, rules)
	if out, err := exec.Command("ip", "netns", "exec", n.gateway, "nft", "-f", path).CombinedOutput(); err != nil {
		t.Skipf("skipped: this kernel has no TPROXY: %s", out)
	}
	n.fetch(n.client, filepath.Join(conf, "midstream-ca-cert.pem"))
}

// Without the right to mark its traffic, rules that bring everything back to midstream
// make no endless loop.
func TestTransparentLoop(t *testing.T) {
	t.Parallel()
	n := newNetworkNamed(t, "l")
	n.serve()
	dir := t.TempDir()
	said, _, _ := n.background(n.gateway, `listening on \[::\]:8080 \(transparent\)`, binary, "dump", "--mode", "transparent", "--listen-host", "::", "-k", "--confdir", filepath.Join(dir, "conf"), "--session", filepath.Join(dir, "session"))
	path := filepath.Join(dir, "rules")
	write(t, path, "table inet hand {\n chain output { type nat hook output priority -100;\n fib daddr type local return\n tcp dport 80 redirect to :8080\n }\n}\n")
	n.in(n.gateway, "nft", "-f", path)
	out, _, _ := attempt(t, nil, "ip", "netns", "exec", n.gateway, "curl", "-sS", "-m", "30", "http://10.77.2.2/x")
	if strings.HasPrefix(out, "origin") {
		t.Errorf("%q", out)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if said.wait(ctx, make(chan struct{}), "brings midstream's own connections back|midstream itself") == nil {
		t.Errorf("nothing is said of the loop:\n%s", said)
	}
}
