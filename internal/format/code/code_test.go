package code

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"midstream/flow"
	"midstream/internal/format"
)

// got is a request as a server has it.
type got struct {
	method, target string
	fields         flow.Fields
	body           string
	trailer        http.Header
}

// origin takes requests octet for octet and answers each with nothing.
func origin(t *testing.T) (port int, next func() (got, bool)) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	requests := make(chan got, 64)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c, requests)
		}
	}()
	return l.Addr().(*net.TCPAddr).Port, func() (got, bool) {
		select {
		case g := <-requests:
			return g, true
		default:
			return got{}, false
		}
	}
}

func serve(c net.Conn, requests chan<- got) {
	defer c.Close()
	in := bufio.NewReader(c)
	line, err := in.ReadString('\n')
	if err != nil {
		return
	}
	var g got
	g.method, line, _ = strings.Cut(strings.TrimRight(line, "\r\n"), " ")
	if i := strings.LastIndexByte(line, ' '); i >= 0 {
		g.target = line[:i]
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			break
		}
		name, value, _ := strings.Cut(line, ":")
		g.fields = append(g.fields, flow.Field{Name: name, Value: strings.Trim(value, " ")})
	}
	var body []byte
	if g.fields.HasToken("Transfer-Encoding", "chunked") {
		if body, err = io.ReadAll(httputil.NewChunkedReader(in)); err == nil {
			for {
				line, _ := in.ReadString('\n')
				name, value, more := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
				if !more {
					break
				}
				if g.trailer == nil {
					g.trailer = http.Header{}
				}
				g.trailer.Add(name, strings.TrimSpace(value))
			}
		}
	} else if n, _ := strconv.Atoi(g.fields.Get("Content-Length")); n > 0 {
		body = make([]byte, n)
		_, err = io.ReadFull(in, body)
	}
	g.body = string(body)
	if err != nil {
		g.body += " " + err.Error()
	}
	requests <- g
	io.WriteString(c, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
}

// exchange is an Item with a request to 127.0.0.1.
func exchange(port int, method, target, body string, fields ...string) *format.Item {
	f := &flow.Flow{ID: flow.NewID(), Number: 7}
	f.Request = &flow.Request{Message: flow.Message{Version: flow.HTTP11}, Method: method, Scheme: "http", Host: "127.0.0.1", Port: uint16(port), Path: target}
	f.Request.Fields.Add("Host", fmt.Sprintf("127.0.0.1:%d", port))
	for i := 0; i < len(fields); i += 2 {
		f.Request.Fields.Add(fields[i], fields[i+1])
	}
	if body != "" {
		f.Request.Fields.Add("Content-Length", strconv.Itoa(len(body)))
	}
	format.Kept(&f.RequestBody, int64(len(body)))
	return &format.Item{Flow: f, Bodies: [2]format.Body{format.Octets(body), format.Octets(nil)}}
}

// odd are requests that somebody made to break what sends them again.
func odd(port int) map[string]*format.Item {
	all := string(func() []byte {
		b := make([]byte, 256)
		for i := range b {
			b[i] = byte(i)
		}
		return b
	}())
	items := map[string]*format.Item{
		"plain":            exchange(port, "GET", "/a?b=c", "", "Accept", "*/*", "User-Agent", "x"),
		"nothing":          exchange(port, "GET", "/", ""),
		"quotes":           exchange(port, "POST", "/", `'; touch pwned; '"$(touch pwned)"`+"`touch pwned`", "X-A", `'; touch pwned; '`, "X-B", `"$(touch pwned)"`, "X-C", "`touch pwned`", "X-D", `\'; touch pwned #`),
		"variables":        exchange(port, "POST", "/$HOME/${IFS}", "$HOME %s %n \\n \\x41 !! !$", "X-Bang", "!! !$ !x", "X-Percent", "%s%n", "X-Tilde", "~root", "X-Glob", "* ? [a-z] {a,b}"),
		"files":            exchange(port, "POST", "/", "@/etc/passwd", "X-File", "@/etc/passwd", "X-Item", "=x", "X-Json", ":=1", "Content-Type", "text/plain"),
		"dashes":           exchange(port, "POST", "/-o/-K", "--config=/etc/passwd", "X-Dash", "-o pwned"),
		"a flag":           exchange(port, "POST", "/", "-x"),
		"empty value":      exchange(port, "GET", "/", "", "X-Empty", "", "X-Last", "1"),
		"several":          exchange(port, "GET", "/", "", "X-Many", "1", "X-Many", "2"),
		"cookies":          exchange(port, "GET", "/", "", "Cookie", "a=1", "Cookie", "b=2"),
		"lines":            exchange(port, "POST", "/", "one\ntwo\n\n", "Content-Type", "text/plain"),
		"carriage returns": exchange(port, "PUT", "/", "one\r\ntwo\r\n\tthree\n"),
		"binary":           exchange(port, "POST", "/", all+all, "Content-Type", "application/octet-stream", "Content-Encoding", "gzip"),
		"Unicode":          exchange(port, "POST", "/", "größe 😀 \u202e\u200b", "Content-Type", "text/plain; charset=utf-8"),
		"octets in fields": exchange(port, "GET", "/", "", "X-Octets", "a\xff\xe6b", "X-Text", "größe"),
		"line separators":  exchange(port, "POST", "/", "a\u2028b</script>"),
		"empty body":       exchange(port, "POST", "/", "", "Content-Length", "0"),
		"delete":           exchange(port, "DELETE", "/x", ""),
		"get with body":    exchange(port, "GET", "/", "q", "Content-Type", "text/plain"),
		"long":             exchange(port, "POST", "/", strings.Repeat("0123456789", 9000)),
		"head":             exchange(port, "HEAD", "/", ""),
		"options":          exchange(port, "OPTIONS", "*", ""),
		"dots":             exchange(port, "GET", "/a/../b/./c?x=../..", ""),
		"escapes":          exchange(port, "GET", "/%2e%2f%7e%41?x=%5b%zz", ""),
		"odd target":       exchange(port, "GET", "/{a,b}[1-3]?x='|\"<>^`{}", ""),
		"octets in target": exchange(port, "GET", "/\xe6\xb5\x8b?x=\xff", ""),
		"two slashes":      exchange(port, "GET", "//evil.test/x", ""),
		"own Host":         exchange(port, "GET", "/", ""),
		"odd method":       exchange(port, "M-SEARCH", "/", ""),
		"dash method":      exchange(port, "-X", "/", ""),
		"trailers":         exchange(port, "POST", "/", "abc", "Trailer", "X-Sum"),
		"connection":       exchange(port, "GET", "/", "", "Connection", "X-Hop, close", "X-Hop", "1", "Keep-Alive", "5", "TE", "trailers", "Expect", "100-continue", "X-Kept", "1"),
	}
	items["own Host"].Flow.Request.Fields.Set("Host", "name.test:81")
	items["trailers"].Flow.Request.Trailers = flow.Fields{{Name: "X-Sum", Value: "1"}}
	return items
}

// mine are the fields that a tool adds and cannot be kept from adding.
var mine = map[Kind][]string{
	Fetch:  {"accept", "accept-language", "sec-fetch-mode", "user-agent", "accept-encoding", "cache-control", "pragma"},
	HTTPie: {"accept-encoding", "user-agent"},
	Go:     {},
}

// settled are the fields of a request as they can be compared.
func settled(fields flow.Fields, leave []string) string {
	seen := map[string][]string{}
	for _, f := range fields {
		name := strings.ToLower(f.Name)
		seen[name] = append(seen[name], f.Value)
	}
	var list []string
	for name, values := range seen {
		if !slices.Contains(leave, name) {
			list = append(list, name+": "+strings.Join(values, ", "))
		}
	}
	slices.Sort(list)
	return strings.Join(list, "\n")
}

// runner writes it as kind into dir and gives the command that sends it.
func runner(t *testing.T, kind Kind, text []byte, dir string) *exec.Cmd {
	t.Helper()
	file := map[Kind]string{Curl: "line.sh", HTTPie: "line.sh", Python: "program.py", Fetch: "program.mjs", Go: "main.go"}[kind]
	path := filepath.Join(dir, file)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	need := func(name string) string {
		p, err := exec.LookPath(name)
		if err != nil {
			t.Skipf("%s is not here", name)
		}
		return p
	}
	var cmd *exec.Cmd
	switch kind {
	case Curl:
		need("curl")
		cmd = exec.CommandContext(ctx, "sh", path)
	case HTTPie:
		need("http")
		cmd = exec.CommandContext(ctx, "sh", path)
	case Python:
		cmd = exec.CommandContext(ctx, need("python3"), path)
	case Fetch:
		cmd = exec.CommandContext(ctx, need("node"), path)
	case Go:
		cmd = exec.CommandContext(ctx, need("go"), "run", path)
	}
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+os.Getenv("HOME"), "CURL_HOME="+dir, "HTTPIE_CONFIG_DIR="+dir, "http_proxy=", "https_proxy=", "all_proxy=", "GOFLAGS=", "GO111MODULE=off")
	return cmd
}

// check sends an Item as kind says, and compares what comes.
func check(t *testing.T, kind Kind, it *format.Item, next func() (got, bool)) {
	t.Helper()
	dir := t.TempDir()
	var out bytes.Buffer
	w := NewWriter(&out, kind, Options{Bodies: func(n uint64) (string, io.WriteCloser, error) {
		f, err := os.Create(filepath.Join(dir, "it's a body"))
		return filepath.Join(dir, "it's a body"), f, err
	}})
	lost, err := w.Write(it)
	if u, no := errors.AsType[*Unfit](err); no {
		t.Logf("refused: %v", u)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	said, err := runner(t, kind, out.Bytes(), dir).CombinedOutput()
	compare(t, kind, it, lost, next)
	if t.Failed() {
		t.Logf("%v\n%s\n%s", err, said, out.Bytes()[:min(out.Len(), 3000)])
	}
	if _, err := os.Stat(filepath.Join(dir, "pwned")); err == nil {
		t.Error("the flow ran a command")
	}
}

func compare(t *testing.T, kind Kind, it *format.Item, lost []string, next func() (got, bool)) {
	t.Helper()
	g, ok := next()
	if !ok {
		t.Error("nothing was sent")
		return
	}
	r := it.Flow.Request
	said := strings.Join(lost, "\n")
	if g.method != r.Method {
		t.Errorf("method %q, not %q", g.method, r.Method)
	}
	if g.target != r.Path && !strings.Contains(said, "the target") {
		t.Errorf("target %q, not %q", g.target, r.Path)
	}
	body := string(it.Bodies[0].(format.Octets))
	if g.body != body && !strings.Contains(said, "the body of") {
		t.Errorf("body %.80q (%d), not %.80q (%d)", g.body, len(g.body), body, len(body))
	}
	leave := []string{"connection", "content-length", "transfer-encoding", "trailer", "te", "keep-alive", "expect", "x-hop"}
	want := r.Fields.Clone()
	want.JoinCookies()
	for _, name := range mine[kind] {
		if !want.Has(name) {
			leave = append(leave, name)
		}
	}
	if strings.Contains(said, "the Host field") {
		leave = append(leave, "host")
	}
	for _, l := range lost {
		if name, ok := strings.CutPrefix(l, "the value of "); ok {
			name, _, _ = strings.Cut(name, ",")
			leave = append(leave, strings.ToLower(name))
		}
	}
	if have, want := settled(g.fields, leave), settled(want, leave); have != want {
		t.Errorf("fields\n%s\nnot\n%s", have, want)
	}
	if len(r.Trailers) > 0 && g.trailer.Get("X-Sum") != "1" && !strings.Contains(said, "trailers") {
		t.Errorf("trailers %v, and lost %v", g.trailer, lost)
	}
}

func TestWhatIsExportedSendsTheSameRequest(t *testing.T) {
	port, next := origin(t)
	for _, kind := range []Kind{Curl, HTTPie} {
		for name, it := range odd(port) {
			if kind == HTTPie && !slices.Contains([]string{"quotes", "files", "binary", "octets in fields", "own Host", "empty value", "lines", "variables", "a flag"}, name) {
				continue // it takes most of a second to start
			}
			t.Run(string(kind)+"/"+name, func(t *testing.T) { check(t, kind, it, next) })
		}
	}
}

// All requests in one program: compilers and interpreters are slow to start.
func TestAProgramSendsTheSameRequests(t *testing.T) {
	for _, kind := range []Kind{Python, Fetch, Go} {
		t.Run(string(kind), func(t *testing.T) { program(t, kind) })
	}
}

func program(t *testing.T, kind Kind) {
	port, next := origin(t)
	var out bytes.Buffer
	w := NewWriter(&out, kind, Options{})
	type sent struct {
		name string
		it   *format.Item
		lost []string
	}
	var all []sent
	for name, it := range odd(port) {
		lost, err := w.Write(it)
		if _, no := errors.AsType[*Unfit](err); no {
			t.Logf("%s: refused: %v", name, err)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, sent{name, it, lost})
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if said, err := runner(t, kind, out.Bytes(), dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if refused := len(odd(port)) - len(all); refused > 2 {
		t.Errorf("%d requests were refused", refused)
	}
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) { compare(t, kind, s.it, s.lost, next) })
	}
	if _, err := os.Stat(filepath.Join(dir, "pwned")); err == nil {
		t.Error("a flow ran a command")
	}
}

// A shell takes every line apart into the very words it was made of.
func TestAShellReadsEveryLineAsItIsMeant(t *testing.T) {
	const count, run = 10000, 500
	rnd := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"'", `"`, "$(touch pwned)", "`touch pwned`", "\\", "\n", "!", "%s", "%", "$HOME", "\\n", "\\001", "-", "@", "~", "*", ";", "&", "|", "<", ">", "(", ")", "#", "\x80", "\xff", "ü", "\u202e", "\x1b[201~", " ", "\t", "a", "0", "="}
	text := func(most int, without string) string {
		var b strings.Builder
		for range rnd.IntN(most) {
			if p := pieces[rnd.IntN(len(pieces))]; !strings.ContainsAny(p, without) {
				b.WriteString(p)
			}
		}
		return b.String()
	}
	script := bytes.NewBufferString("curl() { printf '%s\\0' $# \"$@\"; case \"$*\" in *--data-binary\\ @-*) cat; printf '\\0';; esac; }\n")
	var want bytes.Buffer
	var first int // where the lines end that are run
	for i := range count {
		if i == run {
			first = script.Len()
		}
		it := exchange(80, []string{"GET", "POST", "-X", "PUT"}[rnd.IntN(4)], "/"+text(6, "\n"), text(8, "\x00"), "X-A", strings.TrimSpace(text(8, "\n\x1b\x00")), "X-B", strings.TrimSpace(text(4, "\n\x1b\x00")))
		w := NewWriter(script, Curl, Options{})
		if _, err := w.Write(it); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := plan(it, Options{})
		if err != nil {
			t.Fatal(err)
		}
		args, input := r.curlArgs(), ""
		if r.body != nil {
			body := string(it.Bodies[0].(format.Octets))
			if visible(body, "\n") {
				args = append(args, "--data-raw", body)
			} else {
				args, input = append(args, "--data-binary", "@-"), body+"\x00"
			}
		}
		args = append(args, r.curlURL())
		if i >= run {
			continue
		}
		fmt.Fprintf(&want, "%d\x00%s\x00%s", len(args), strings.Join(args, "\x00"), input)
	}
	dir := t.TempDir()
	path, all := filepath.Join(dir, "lines.sh"), filepath.Join(dir, "all.sh")
	if err := errors.Join(os.WriteFile(path, script.Bytes()[:first], 0o600), os.WriteFile(all, script.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, shell := range []string{"dash", "bash", "zsh", "busybox"} {
		if _, err := exec.LookPath(shell); err != nil {
			t.Logf("%s is not here", shell)
			continue
		}
		args := []string{path}
		if shell == "busybox" {
			args = []string{"sh", path}
		}
		cmd := exec.Command(shell, args...)
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil || !bytes.Equal(out, want.Bytes()) {
			at := 0
			for at < len(out) && at < want.Len() && out[at] == want.Bytes()[at] {
				at++
			}
			t.Errorf("%s: %v; it differs at %d:\n%.300q\n%.300q", shell, err, at, out[max(0, at-100):], want.Bytes()[max(0, at-100):])
		}
		if out, err := exec.Command(shell, append(slices.Clone(args[:len(args)-1]), "-n", all)...).CombinedOutput(); err != nil {
			t.Errorf("%s -n: %v %s", shell, err, out)
		}
		if _, err := os.Stat(filepath.Join(dir, "pwned")); err == nil {
			t.Errorf("%s ran a command", shell)
		}
	}
}
