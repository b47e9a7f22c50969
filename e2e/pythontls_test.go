package e2e

import (
	"crypto/tls"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const namesScript = `
from mitmproxy import ctx

def note(*words):
    print("*", *words, flush=True)

class Names:
    def load(self, loader):
        loader.add_option("where", int, 0, "Where the server is.")

    def server_connect(self, data):
        if data.server.address[0] == "connect.example":
            data.server.sni = "two.example"
            data.server.address = ("127.0.0.1", ctx.options.where)

    def tls_clienthello(self, data):
        server, sni = data.context.server, data.client_hello.sni
        note("hello", sni, server.sni, server.tls, server.connected, data.establish_server_tls_first)
        if sni == "hello.example":
            server.sni = "two.example"
            try:
                server.address = ("127.0.0.1", ctx.options.where)
            except RuntimeError as e:
                note(sni, e)
        elif sni == "broken.example":
            server.sni = 17

    def tls_start_server(self, data):
        note("start server", data.context.client.sni, data.conn.sni, data.conn.tls_established)
        if data.context.client.sni == "start.example":
            data.conn.sni = "two.example"

    def tls_established_server(self, data):
        note("established server", data.context.client.sni, data.conn.sni)

    def tls_start_client(self, data):
        note("start client", data.conn.sni, data.context.server.sni, data.context.server.tls_established)

    def request(self, flow):
        note("request", flow.client_conn.sni, flow.server_conn.sni, flow.server_conn.tls_established, flow.request.pretty_host)

addons = [Names()]
`

// The name that a server is told of itself, and where the connection leads, are as a
// Python addon says in server_connect, tls_clienthello and tls_start_server.
func TestPythonNamesTheServer(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("skipped: there is no python3")
	}
	o := newOrigin(t)
	o.mux.HandleFunc("/name", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.TLS.ServerName) })
	where := o.serve(&tls.Config{Certificates: []tls.Certificate{mustPKI(t).leaf}})
	_, port, _ := strings.Cut(where, ":")
	path := filepath.Join(t.TempDir(), "names.py")
	write(t, path, namesScript)
	ask := func(p *proxy, host string) string {
		t.Helper()
		r, err := p.client().Get("https://" + host + "/name")
		if err != nil {
			return err.Error()
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	t.Run("asked at once", func(t *testing.T) {
		// The names lead nowhere: the script says where they do.
		p := start(t, "-s", path, "--set", "where="+port, "--set", "ssl_insecure=true")
		if got := ask(p, "connect.example"); got != "two.example" {
			t.Errorf("named in server_connect: %q", got)
		}
		p.stop()
		for _, want := range []string{
			"* hello connect.example two.example True True False", "* start server connect.example two.example False",
			"* established server connect.example two.example", "* start client connect.example two.example True",
			"* request connect.example two.example True connect.example",
		} {
			if !strings.Contains(p.stdout.String(), want+"\n") {
				t.Errorf("the script has not noted %q", want)
			}
		}
	})
	t.Run("asked when there is a request", func(t *testing.T) {
		p := start(t, "-s", path, "--set", "where="+port, "--set", "ssl_insecure=true", "--set", "connection_strategy=lazy")
		if got := ask(p, "hello.example"); got != "two.example" {
			t.Errorf("named in tls_clienthello: %q", got)
		}
		at := "localhost:" + port
		for _, c := range []struct{ sni, want string }{{"start.example", "two.example"}, {"other.example", "other.example"}} {
			tr := p.client().Transport.(*http.Transport).Clone()
			tr.TLSClientConfig.ServerName = c.sni
			t.Cleanup(tr.CloseIdleConnections)
			r, err := (&http.Client{Transport: tr, Timeout: patience}).Get("https://" + at + "/name")
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(r.Body)
			r.Body.Close()
			if string(b) != c.want {
				t.Errorf("%s: the server was told %q", c.sni, b)
			}
		}
		if got := ask(p, "broken.example"); strings.Contains(got, "two.example") {
			t.Errorf("a name that is a number: %q", got)
		}
		p.stop()
		if !strings.Contains(p.stdout.String(), "* hello hello.example None True False False\n") {
			t.Error("the script was not told of a server that is not dialled yet")
		}
		if !strings.Contains(p.stderr.String(), "what was set in tls_clienthello cannot be sent: TypeError: server.sni is a str, not 17") {
			t.Error("nobody said that a name is a number")
		}
	})
	t.Run("where a connection is open", func(t *testing.T) {
		p := start(t, "-s", path, "--set", "where="+port, "--set", "ssl_insecure=true")
		tr := p.client().Transport.(*http.Transport).Clone()
		tr.TLSClientConfig.ServerName = "hello.example"
		t.Cleanup(tr.CloseIdleConnections)
		r, err := (&http.Client{Transport: tr, Timeout: patience}).Get(o.HTTPS + "/name")
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(r.Body)
		r.Body.Close()
		p.stop()
		if string(b) != "two.example" || !strings.Contains(p.stdout.String(), "* hello.example Cannot change server.address on open connection.\n") {
			t.Errorf("%q", b)
		}
	})
}
