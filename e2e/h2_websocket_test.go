package e2e

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"midstream/internal/ws"
)

// socketPage serves a page that opens a WebSocket, in HTTP/1.1, and takes what it
// reports.
func socketPage(t *testing.T, reports chan<- string) *http.ServeMux {
	t.Helper()
	page, err := os.ReadFile("testdata/socket.html")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/page", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(page)
	})
	mux.HandleFunc("/report", func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusNoContent)
		reports <- string(text)
	})
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		hijacker, ok := w.(http.Hijacker)
		if !ok {
			http.Error(w, "WebSocket over "+r.Proto, http.StatusNotImplemented)
			return
		}
		conn, buf, err := hijacker.Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: %s\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
			ws.Accept(r.Header.Get("Sec-WebSocket-Key")), r.Header.Get("Sec-WebSocket-Protocol"))
		echo(&wsEnd{t: t, conn: conn, in: buf.Reader})
	})
	return mux
}

// extendedServer starts Node's server of HTTP/2 that allows WebSocket on streams.
func extendedServer(t *testing.T, reports chan<- string) string {
	t.Helper()
	node := need(t, "node")
	dir := t.TempDir()
	leaf := mustPKI(t).leaf
	key, err := x509.MarshalPKCS8PrivateKey(leaf.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	var chain []byte
	for _, der := range leaf.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	write(t, filepath.Join(dir, "cert.pem"), string(chain))
	write(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	cmd := exec.CommandContext(ctx, node, "testdata/server_ws2.mjs")
	cmd.Env = cleanEnv("HOME="+dir, "CERT="+filepath.Join(dir, "cert.pem"), "KEY="+filepath.Join(dir, "key.pem"), "PAGE=testdata/socket.html")
	var out transcript
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended, told := make(chan struct{}), make(chan struct{})
	go func() { defer close(ended); cmd.Wait() }()
	found := out.wait(ctx, ended, `port (\d+)`)
	go func() {
		defer close(told)
		if report := out.wait(ctx, ended, `report (.*)\n`); report != nil {
			reports <- report[1]
		}
	}()
	t.Cleanup(func() { cancel(); <-ended; <-told })
	if found == nil {
		t.Fatalf("the server does not start:\n%s", out.String())
	}
	return "https://localhost:" + found[1]
}

// A browser opens a WebSocket from a page over HTTP/2: on a stream of the page's
// connection, whatever the server speaks.
func TestHTTP2ChromiumWebSocket(t *testing.T) {
	need(t, "chromium")
	t.Parallel()
	for name, c := range map[string]struct {
		flags  []string
		origin func(t *testing.T, reports chan<- string) string
	}{
		"to HTTP/2": {nil, extendedServer},
		"to HTTP/2 that does not allow it": {nil, func(t *testing.T, reports chan<- string) string {
			return h2Server(t, bothHTTP, socketPage(t, reports))
		}},
		"to HTTP/1.1": {[]string{"--set", "connection_strategy=lazy"}, func(t *testing.T, reports chan<- string) string {
			return h2Server(t, onlyHTTP1, socketPage(t, reports))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reports := make(chan string, 1)
			base := c.origin(t, reports)
			p := start(t, c.flags...)
			report := p.browse("http", base+"/page", reports)
			if want := "h2 p1 permessage-deflate 3,100000,5 4001 bye true"; report != want {
				t.Errorf("the page reports %q, not %q", report, want)
			}
			s := p.recorded()
			f := s.flow("/ws")
			f.completed()
			if f.Method != "CONNECT" || f.Status != 200 {
				t.Errorf("recorded as %+v", f)
			}
			if text := s.show(f); !strings.Contains(text, ":protocol websocket") {
				t.Errorf("shown as:\n%s", text)
			}
			messages := p.midstream("flows", "show", "--session", p.Session, fmt.Sprint(f.Number), "--messages")
			for _, want := range []string{"client text", "server text", "client binary", "server binary", "client close 4001  bye", "server close 4001  bye"} {
				if !strings.Contains(messages, want) {
					t.Errorf("%q is not among the messages:\n%.2000s", want, messages)
				}
			}
		})
	}
}
