package e2e

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// promises are the lines of the README's list, each with what shows it. The
// README has exactly these.
var promises = []struct {
	text string
	show func(t *testing.T)
}{
	{"The first byte of a body reaches the client while the origin still holds back the rest.", firstByteFirst},
	{"An event stream passes event by event, though a script has a `response` hook.", eventByEvent},
	{"A body can be read from disk while it still passes.", readWhileItPasses},
	{"The answer of a language model is put together while its stream passes: text, tool calls, usage, time to the first token.", answerWhileItPasses},
	{"The bytes in the record are the bytes that were sent to the client, and the same bytes the origin sent.", recordIsWhatWasSent},
	{"Memory stays flat: a 256 MiB download with everything recorded stays under 100 MiB.", memoryStaysFlat},
	{"Names, case, order and duplicates of fields, and the target's bytes, leave as they came.", headsLeaveAsTheyCame},
	{"A body that broke off at the server breaks off at the client, and the flow says after how many bytes.", brokenLooksBroken},
	{"A client that leaves is told apart from a server that fails.", leavingIsNoFailure},
	{"A connection of an ignored host passes byte for byte, with the server's own certificate.", ignoredPassesAsItIs},
	{"A certificate that does not verify is refused, with an error that says which side and what to do.", untrustedServerIsRefused},
	{"With `--stream SIZE`, larger bodies pass unrecorded and smaller ones are recorded.", streamSizeIsStrict},
	{"Saving a script loads it anew without dropping a connection.", reloadKeepsConnections},
	{"midstream never connects to itself.", neverItself},
}

func TestPromises(t *testing.T) {
	for _, p := range promises {
		t.Run(p.text, func(t *testing.T) {
			t.Parallel()
			p.show(t)
		})
	}
}

func TestREADMEPromisesWhatIsTested(t *testing.T) {
	var want []string
	for _, p := range promises {
		want = append(want, p.text)
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "\n## What it promises\n")
	section, _, _ := strings.Cut(rest, "\n## ")
	var got []string
	for _, item := range strings.Split(section, "\n- ")[1:] {
		item, _, _ = strings.Cut(item, "\n\n")
		got = append(got, strings.Join(strings.Fields(item), " "))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the README promises\n%s\nand tested is\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func firstByteFirst(t *testing.T) {
	o, p := newOrigin(t), start(t)
	r := get(t, p.client(), o.HTTPS+"/pieces?id=first&n=2")
	readPiece(t, r.Body, 0) // the origin waits: it has not sent the second
	o.open("first")
	readPiece(t, r.Body, 1)
	o.open("first")
}

func eventByEvent(t *testing.T) {
	script := filepath.Join(t.TempDir(), "hook.js")
	write(t, script, "export function response(flow) { flow.response.headers['X-Late'] = 'yes' }\n")
	o, p := newOrigin(t), start(t, "-s", script)
	r := get(t, p.client(), o.HTTPS+"/events?id=e&n=3")
	in := bufio.NewReader(r.Body)
	for i := range 3 {
		for _, want := range []string{fmt.Sprintf("id: %d\n", i), fmt.Sprintf("data: event %d\n", i), "\n"} {
			if line, err := in.ReadString('\n'); err != nil || line != want {
				t.Fatalf("event %d: %q, %v", i, line, err)
			}
		}
		o.open("e")
	}
}

func readWhileItPasses(t *testing.T) {
	o, p := newOrigin(t), start(t)
	r := get(t, p.client(), o.HTTPS+"/pieces?id=live&n=2")
	readPiece(t, r.Body, 0)
	p.live("n=2")
	// Follow it until the first piece is on disk; the response has not ended.
	if got := p.follow("last", len(piece(0))); got != piece(0) {
		t.Errorf("on disk while it passes: %.40q", got)
	}
	o.open("live")
	readPiece(t, r.Body, 1)
	o.open("live")
}

func recordIsWhatWasSent(t *testing.T) {
	o, p := newOrigin(t), start(t)
	const size = 5<<20 + 17
	for _, path := range []string{"/big?size=" + strconv.Itoa(size), "/big?chunked=1&size=" + strconv.Itoa(size)} {
		got, err := io.ReadAll(get(t, p.client(), o.HTTPS+path).Body)
		if err != nil || textSHA256(string(got)) != patternSHA256(size) {
			t.Errorf("%s: the client got %d other bytes, %v", path, len(got), err)
		}
	}
	s := p.recorded()
	for _, f := range s.flows {
		if textSHA256(s.body(f)) != patternSHA256(size) {
			t.Errorf("%s: other bytes are recorded", f.URL)
		}
	}
}

func memoryStaysFlat(t *testing.T) {
	status := fmt.Sprintf("/proc/%d/status", os.Getpid())
	if _, err := os.Stat(status); err != nil {
		t.Skip("the memory of a process can be read on Linux only")
	}
	o, p := newOrigin(t), start(t)
	n, err := io.Copy(io.Discard, get(t, p.client(), o.HTTPS+"/big?size="+strconv.Itoa(256<<20)).Body)
	if err != nil || n != 256<<20 {
		t.Fatalf("%d bytes, %v", n, err)
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	if kib > 100<<10 {
		t.Errorf("it took %d MiB at its peak", kib>>10)
	}
}

func headsLeaveAsTheyCame(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	const answer = "HTTP/1.1 200 Fine By Me\r\nzeta: 1\r\nX-LOWER:  two\r\nSet-Cookie: a=1\r\nAlpha:\r\nset-cookie: b=2\r\nContent-Length: 2\r\n\r\nok"
	heads := make(chan string, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		heads <- readHead(c)
		io.WriteString(c, answer)
	}()
	p := start(t)
	c, err := net.Dial("tcp", p.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fields := "zeta: 1\r\nx-LOWER: 2\r\nHost: " + ln.Addr().String() + "\r\nAccept-Encoding: br\r\nAlpha:3\r\nzeta: 4\r\n\r\n"
	io.WriteString(c, "GET http://"+ln.Addr().String()+"/\xe6\xb5\x8b?x=%41\xcd HTTP/1.1\r\n"+fields)
	if got, want := <-heads, "GET /\xe6\xb5\x8b?x=%41\xcd HTTP/1.1\r\n"+fields; got != want {
		t.Errorf("the origin got\n%q\nwant\n%q", got, want)
	}
	got := make([]byte, len(answer))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != answer {
		t.Errorf("the client got %v\n%q\nwant\n%q", err, got, answer)
	}
}

// readHead reads up to the empty line.
func readHead(r io.Reader) string {
	var b bytes.Buffer
	one := make([]byte, 1)
	for !bytes.HasSuffix(b.Bytes(), []byte("\r\n\r\n")) {
		if _, err := r.Read(one); err != nil {
			break
		}
		b.Write(one)
	}
	return b.String()
}

func brokenLooksBroken(t *testing.T) {
	o, p := newOrigin(t), start(t)
	for _, framing := range []string{"length", "chunked"} {
		body, err := io.ReadAll(get(t, p.client(), o.HTTPS+"/cut?framing="+framing).Body)
		if err == nil || len(body) != 5000 {
			t.Errorf("%s: the client got %d bytes and %v", framing, len(body), err)
		}
	}
	for _, f := range p.recorded().flows {
		if f.Outcome != "server cut after 5000 bytes" {
			t.Errorf("%s ended as %q", f.URL, f.Outcome)
		}
	}
}

func leavingIsNoFailure(t *testing.T) {
	o, p := newOrigin(t), start(t)
	r := get(t, p.client(), o.HTTPS+"/pieces?id=leave&n=2")
	readPiece(t, r.Body, 0)
	r.Body.Close()
	if id := <-o.left; id != "leave" { // the origin was told
		t.Errorf("%q was left", id)
	}
	if f := p.recorded().flow("n=2"); f.Outcome != "client left after 1000 bytes" {
		t.Errorf("it ended as %q", f.Outcome)
	}
}

func ignoredPassesAsItIs(t *testing.T) {
	o, p := newOrigin(t), start(t, "--ignore-hosts", `localhost`)
	direct := &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: p.Addr}), TLSClientConfig: trusting(t, authorityFile(t)),
	}}
	defer direct.CloseIdleConnections()
	r := get(t, direct, o.HTTPS+"/hello")
	if body, err := io.ReadAll(r.Body); err != nil || string(body) != "hello\n" {
		t.Errorf("%q, %v", body, err)
	}
	if issuer := r.TLS.PeerCertificates[0].Issuer.CommonName; issuer == "midstream" {
		t.Error("the certificate is midstream's")
	}
}

func untrustedServerIsRefused(t *testing.T) {
	o, p := newOrigin(t), start(t, "--set", "ssl_verify_upstream_trusted_ca="+strangerFile(t))
	r := get(t, p.client(), o.HTTPS+"/hello")
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"TLS handshake with server localhost", "ssl_insecure"} {
		if !strings.Contains(strings.ReplaceAll(string(body), "--ssl-insecure", "ssl_insecure"), want) {
			t.Errorf("the page does not say %q:\n%s", want, body)
		}
	}
	if r.StatusCode != http.StatusBadGateway {
		t.Errorf("status %d", r.StatusCode)
	}
}

func streamSizeIsStrict(t *testing.T) {
	o, p := newOrigin(t), start(t, "--stream", "1k")
	for _, size := range []string{"1024", "1025"} {
		for _, more := range []string{"", "&chunked=1"} {
			if _, err := io.Copy(io.Discard, get(t, p.client(), o.HTTPS+"/big?size="+size+more).Body); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, f := range p.recorded().flows {
		want := sized{"tee", 1024, "complete"}
		if strings.Contains(f.URL, "1025") {
			want = sized{"pass", 1025, f.Response.Record}
			if f.Response.Record == "complete" {
				t.Errorf("%s is recorded", f.URL)
			}
		}
		if f.Response != want {
			t.Errorf("%s: %+v, want %+v", f.URL, f.Response, want)
		}
	}
}

func reloadKeepsConnections(t *testing.T) {
	script := filepath.Join(t.TempDir(), "reload.js")
	version := func(v string) string {
		return "export function responseheaders(flow) { flow.response.headers['X-Version'] = '" + v + "' }\n"
	}
	write(t, script, version("one"))
	o, p := newOrigin(t), start(t, "-s", script)
	c := p.client()
	r := get(t, c, o.HTTPS+"/pieces?id=old&n=2")
	readPiece(t, r.Body, 0)
	write(t, script, version("two and a bit longer"))
	p.waitStderr(`script loaded`)
	o.open("old")
	readPiece(t, r.Body, 1) // the response that ran goes on
	o.open("old")
	if v := r.Header.Get("X-Version"); v != "one" {
		t.Errorf("the old flow has %q", v)
	}
	if v := get(t, c, o.HTTPS+"/hello").Header.Get("X-Version"); v != "two and a bit longer" {
		t.Errorf("a new flow has %q", v)
	}
}

func neverItself(t *testing.T) {
	p := start(t)
	_, port, _ := net.SplitHostPort(p.Addr)
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "0.0.0.0", "127.1", "2130706433", "[::ffff:127.0.0.1]", "0x7f.1", "127.8.8.8"} {
		r := get(t, p.client(), "http://"+host+":"+port+"/elsewhere") // at "/" it has a page of its own
		io.Copy(io.Discard, r.Body)
		if r.StatusCode != http.StatusForbidden && r.StatusCode != http.StatusBadGateway {
			t.Errorf("http://%s:%s/elsewhere through itself: %s", host, port, r.Status)
		}
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	// Through a rename, as editors do: a script is never seen half written.
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// follow reads the first n bytes of a recorded response while it may still pass.
func (p *proxy) follow(flow string, n int) string {
	p.t.Helper()
	cmd := exec.Command(binary, "flows", "body", "--session", p.Session, "--raw", "--follow", flow)
	cmd.Env = cleanEnv("MIDSTREAM_CONFDIR=" + p.Confdir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	got := make([]byte, n)
	read, err := io.ReadFull(out, got)
	cmd.Process.Kill()
	cmd.Wait()
	if err != nil {
		p.t.Errorf("follow: %v after %d bytes", err, read)
	}
	return string(got[:read])
}

// strangerFile is an authority that has signed nothing here.
func strangerFile(t testing.TB) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	root := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "stranger"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, root, root, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "stranger.pem")
	write(t, path, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return path
}
