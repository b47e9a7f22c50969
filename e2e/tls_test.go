package e2e

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// secure speaks TLS through a tunnel to address, verifying midstream's
// certificate for the name.
func secure(t *testing.T, p *proxy, address, name string) *tls.Conn {
	t.Helper()
	config := trusting(t, p.CA)
	config.ServerName = name
	c := tls.Client(tunnel(t, p, address), config)
	if err := c.Handshake(); err != nil {
		t.Fatalf("handshake for %.80q: %v", name, err)
	}
	return c
}

// ask sends a GET and returns status and body.
func ask(t *testing.T, c net.Conn, path, host string) (int, string) {
	t.Helper()
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, host)
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
	return r.StatusCode, string(body)
}

// Whatever the name, the client's handshake is completed with a certificate for
// it, and where the server cannot be reached the answer is a page that says so.
func TestOddNames(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p := start(t)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(o.HTTPS, "https://"))
	for _, name := range []string{
		"foo_bar.test", "xn--bcher-kva.test", strings.Repeat("b", 63) + ".test",
		strings.Repeat("x.", 30) + "abcde", strings.Repeat(strings.Repeat("a", 49)+".", 5)[:248] + ".test",
	} {
		// The name is only asked for in TLS: the origin is reached by address.
		c := secure(t, p, "127.0.0.1:"+port, name)
		status, body := ask(t, c, "/hello", name)
		// The origin's certificate is for other names, and is refused for this one.
		if status != http.StatusBadGateway || !strings.Contains(body, "certificate") {
			t.Errorf("%.80q: %d %.300s", name, status, body)
		}
		c.Close()
	}
	c := secure(t, p, "127.0.0.1:"+port, "127.0.0.1")
	if status, body := ask(t, c, "/hello", "127.0.0.1"); status != 200 || body != "hello\n" {
		t.Errorf("address without a name: %d %q", status, body)
	}
	c.Close()
	p.recorded().flow("/hello").completed()
}

// An IPv6 address in brackets, with a certificate for the address.
func TestIPv6Address(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("this machine has no IPv6: %v", err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "six\n")
	})}
	go s.Serve(tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{mustPKI(t).leaf}}))
	t.Cleanup(func() { s.Close() })
	p := start(t)
	c := secure(t, p, ln.Addr().String(), "::1")
	if status, body := ask(t, c, "/six", ln.Addr().String()); status != 200 || body != "six\n" {
		t.Errorf("%d %q", status, body)
	}
	c.Close()
	f := p.recorded().flow("/six")
	f.completed()
	if f.URL != "https://"+ln.Addr().String()+"/six" {
		t.Errorf("recorded as %s", f.URL)
	}
}

// pair writes a self-signed certificate with its key.
func pair(t *testing.T, name string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	data := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	path := filepath.Join(t.TempDir(), name+".pem")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A certificate that a person gives is shown in place of a minted one, and only
// for its host.
func TestOwnCertificate(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p := start(t, "--certs", "localhost="+pair(t, "own.test"))
	address := strings.TrimPrefix(o.HTTPS, "https://")
	shown := func(name string) string {
		c := tls.Client(tunnel(t, p, address), &tls.Config{ServerName: name, InsecureSkipVerify: true})
		defer c.Close()
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		return c.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	if got := shown("localhost"); got != "own.test" {
		t.Errorf("for localhost the client saw %q", got)
	}
	if got := shown("own.test"); got != "own.test" {
		t.Errorf("for its own name the client saw %q", got)
	}
}

// A server that asks for a client certificate gets the one of its host.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, r.TLS.PeerCertificates[0].Subject.CommonName)
	})}
	go s.Serve(tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{mustPKI(t).leaf}, ClientAuth: tls.RequireAnyClientCert}))
	t.Cleanup(func() { s.Close() })
	folder := t.TempDir()
	data, err := os.ReadFile(pair(t, "me.test"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "localhost.pem"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "--set", "client_certs="+folder)
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	r := get(t, p.client(), "https://localhost:"+port+"/who")
	if body, _ := io.ReadAll(r.Body); string(body) != "me.test\n" {
		t.Errorf("the origin saw %d %q", r.StatusCode, body)
	}
	r = get(t, p.client(), o.HTTPS+"/hello")
	if body, _ := io.ReadAll(r.Body); string(body) != "hello\n" {
		t.Errorf("an origin that does not ask: %d %q", r.StatusCode, body)
	}
	p.recorded().flow("/who").completed()
}

// The secrets of both legs are written for programs that read captures.
func TestKeyLog(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	path := filepath.Join(t.TempDir(), "keys")
	p := startIn(t, []string{"SSLKEYLOGFILE=" + path})
	io.Copy(io.Discard, get(t, p.client(), o.HTTPS+"/hello").Body)
	p.recorded().flow("/hello").completed()
	keys, err := os.ReadFile(path)
	if n := strings.Count(string(keys), "CLIENT_TRAFFIC_SECRET_0 "); err != nil || n != 2 {
		t.Errorf("secrets of %d connections, not of 2: %v", n, err)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others can read them: mode %v", info.Mode())
	}
}
