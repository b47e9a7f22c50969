package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A session with all that is hard to carry goes to a flow file and back, and is
// the same: what is shown of each flow, its bodies and its messages.
func TestASessionComesBackFromAFlowFileAsItWas(t *testing.T) {
	t.Parallel()
	o, s := newOrigin(t), newRPC(t)
	o.webSocket(t, "/ws", "", echo)
	base := h2Server(t, []string{"h2", "http/1.1"}, o.mux)
	p := start(t)
	calls := s.dialThrough(t, p)
	s.words(t, calls)
	calls.Close()
	for _, client := range []*http.Client{p.speaking([]string{"h2"}), p.client()} {
		for _, path := range []string{"/hello", "/trailers", "/hints", "/events?n=0", "/big?size=70000&chunked=1", "/none?a=b"} {
			fetchAll(t, client, base+path)
		}
		r, err := client.Post(base+"/echo?x=%2e", "application/octet-stream", bytes.NewReader([]byte{0, 0xff, '\r', '\n'}))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(r.Body); len(b) != 4 || err != nil {
			t.Errorf("%q %v", b, err)
		}
		r.Body.Close()
	}
	e := dialWebSocket(t, p, o.HTTPS, "/ws")
	for _, f := range []string{"one", "two"} {
		e.send(0x81, f)
		e.want(0x81, f)
	}
	e.send(0x88, "\x03\xe8bye")
	e.want(0x88, "\x03\xe8bye")
	e.conn.Close()
	talk(t, p)

	before := p.recorded()
	dir := t.TempDir()
	file, back := filepath.Join(dir, "flows.mitm"), filepath.Join(dir, "back")+"/"
	p.midstream("convert", p.Session, file)
	p.midstream("convert", file, back)
	if len(before.flows) < 20 {
		t.Fatalf("only %d flows were recorded", len(before.flows))
	}
	for _, f := range before.flows {
		n := strconv.FormatUint(f.Number, 10)
		ways := [][]string{{"show", "--json"}, {"body", "--raw"}, {"body", "--raw", "--request"}}
		if f.Status == 101 { // its octets come back as messages: frames are cut anew
			ways = [][]string{{"show", "--messages"}}
		}
		for _, args := range ways {
			was := carried(f, p.midstream(append([]string{"flows", args[0], "--session", p.Session, n}, args[1:]...)...))
			for _, from := range [][]string{{"--session", back}, {"-r", file}} {
				if from[0] == "-r" && f.Number%6 != 0 && f.Status != 101 {
					continue // the same code reads each
				}
				if is := carried(f, p.midstream(slices.Concat([]string{"flows", args[0]}, from, []string{n}, args[1:])...)); is != was {
					at := 0
					for at < min(len(is), len(was)) && is[at] == was[at] {
						at++
					}
					begin := max(0, at-200)
					t.Errorf("%s %s: %v %v is, from octet %d on,\n%.600s\nand was\n%.600s", f.Method, f.URL, args, from, begin, is[begin:], was[begin:])
				}
			}
		}
	}
}

// carried is what a flow file has of a WebSocket's messages: not its control
// frames, and of its end one.
func carried(f recorded, shown string) string {
	if f.Status != 101 {
		return shown
	}
	var messages []string
	closed := ""
	for line := range strings.Lines(shown) {
		switch _, rest, _ := strings.Cut(strings.TrimLeft(line, " "), " "); {
		case strings.Contains(rest, " text  "):
			messages = append(messages, rest)
		case closed == "" && strings.Contains(rest, "client close"):
			closed = rest[strings.Index(rest, "client close"):]
		}
	}
	return strings.Join(append(messages, closed), "")
}

// fetchAll reads what is at a URL.
func fetchAll(t *testing.T, c *http.Client, url string) {
	t.Helper()
	r, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
}

// talk passes a few lines through a raw tunnel.
func talk(t *testing.T, p *proxy) {
	t.Helper()
	conn := tunnel(t, p, greeter(t))
	defer conn.Close()
	io.WriteString(conn, "HELO me\r\n")
	if got, err := io.ReadAll(conn); string(got) != "220 ready\r\n250 HELO me\r\n" || err != nil {
		t.Errorf("answer %q, %v", got, err)
	}
}

// What was recorded over TLS is sent again by what it is exported as, to the
// origin itself, which sees the same request twice.
func TestAnExportSendsWhatWasRecordedOverTLS(t *testing.T) {
	t.Parallel()
	need(t, "curl")
	seen := make(chan string, 10)
	origin := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen <- fmt.Sprintf("%s %s %s %s %q %q %q", r.Proto, r.Method, r.Host, r.RequestURI, r.Header["X-Asked"], r.Header["Cookie"], body)
	}
	base := h2Server(t, []string{"h2", "http/1.1"}, http.HandlerFunc(origin))
	p := start(t)
	for _, protocol := range []string{"h2", "http/1.1"} {
		r, err := http.NewRequest("POST", base+"/a%2Fb?c=d'e", strings.NewReader("it's $HOME\x00"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"X-Asked": {"`one`", "$(two)"}, "Cookie": {"a=b"}}
		res, err := p.speaking([]string{protocol}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	first, second := <-seen, <-seen
	session := p.recorded()
	env := []string{"HOME=" + t.TempDir(), "CURL_CA_BUNDLE=" + authorityFile(t), "SSL_CERT_FILE=" + authorityFile(t), "NODE_EXTRA_CA_CERTS=" + authorityFile(t),
		"GOCACHE=" + goCache(t), "GO111MODULE=off"}
	for i, was := range []string{first, second} {
		n := strconv.FormatUint(session.flows[i].Number, 10)
		for kind, run := range map[string][]string{"curl": {"sh", "x.sh"}, "python": {"python3", "x.py"}, "go": {"go", "run", "x.go"}} {
			text, said, err := p.try("flows", "export", "--as", kind, "--session", p.Session, n)
			if err != nil || !strings.Contains(said, "it carries what lets others in: cookie;") {
				t.Errorf("%s: %v %s", kind, err, said)
			}
			dir := t.TempDir()
			write(t, filepath.Join(dir, run[len(run)-1]), text)
			need(t, run[0])
			_, errs, err := attempt(t, env, "sh", "-c", "cd "+dir+" && "+strings.Join(run, " "))
			if err != nil {
				t.Errorf("%s: %v %s\n%s", kind, err, errs, text)
				continue
			}
			if is := soon(t, seen, "the request of "+kind); is != was && !(kind == "python" && strings.TrimPrefix(is, "HTTP/1.1") == strings.TrimPrefix(was, "HTTP/2.0")) {
				t.Errorf("%s:\n%s\nand was\n%s", kind, is, was)
			}
		}
	}
}

// goCache is where the compiler keeps what it has made.
func goCache(t *testing.T) string {
	t.Helper()
	out, _, err := attempt(t, []string{"HOME=" + os.Getenv("HOME")}, need(t, "go"), "env", "GOCACHE")
	if err != nil {
		t.Skip("the compiler does not say where its cache is")
	}
	return strings.TrimSpace(out)
}

// A test suite that passes with a fault on the wire fails, and leaves its traffic
// in files.
func TestRunFailsOnAFlow(t *testing.T) {
	t.Parallel()
	need(t, "curl")
	o := newOrigin(t)
	u := newcomer(t)
	har, flows := filepath.Join(u.dir, "out.har"), filepath.Join(u.dir, "out.mitm")
	for _, c := range []struct {
		name   string
		args   []string
		code   int
		stderr string
	}{
		{"a match", []string{"--hardump", har, "-w", flows, "--fail-on", "~c 404", "--", "curl", "-s", o.HTTPS + "/none", o.HTTPS + "/hello"}, 3, "midstream: --fail-on: 1 flow matches: flow 1 GET " + o.HTTPS + "/none 404\n"},
		{"a body", []string{"--fail-on", "~bs hello", "--", "curl", "-s", o.HTTP + "/hello"}, 3, "--fail-on: 1 flow matches: "},
		{"no match", []string{"--fail-on", "~c 5xx", "--", "curl", "-s", o.HTTPS + "/none"}, 0, ""},
		{"its own code", []string{"--fail-on", "~c 404", "--", "curl", "-sf", o.HTTPS + "/none"}, 22, ""},
		{"a filter that is none", []string{"--fail-on", "~c", "--", "true"}, 2, "--fail-on: "},
	} {
		_, errs, code := u.run(c.args...)
		if code != c.code || !strings.Contains(errs, c.stderr) || c.code != 3 && strings.Contains(errs, "match") {
			t.Errorf("%s: code %d\n%s", c.name, code, errs)
		}
	}
	for _, file := range []string{har, flows} {
		if list := u.midstream("flows", "list", "-r", file); strings.Count(list, " GET ") != 2 {
			t.Errorf("%s has\n%s", file, list)
		}
	}
}
