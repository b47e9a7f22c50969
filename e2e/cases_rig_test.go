package e2e

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// brief is patience for what needs no time at all.
const brief = time.Minute

// A way is how a client reaches an origin.
type way struct {
	name    string
	secured bool
}

// ways are plain forward proxying, and a tunnel with TLS in it.
var ways = []way{{"plain", false}, {"inside TLS", true}}

// startCases starts a proxy that tells its flows, and records them however full
// the disk is.
func startCases(t testing.TB, args ...string) *proxy {
	t.Helper()
	return start(t, append([]string{"--json", "--set", "session_min_free=0"}, args...)...)
}

// A rawOrigin answers connections by a script and keeps every octet that came.
type rawOrigin struct {
	t    testing.TB
	Addr string

	over sync.WaitGroup // of connections
	mu   sync.Mutex
	cond sync.Cond // got has grown
	got  []*tapped
}

// tapped is a tap that knows its peer before TLS replaces its connection.
type tapped struct {
	tap
	from string
}

// A peer is one connection to a rawOrigin.
type peer struct {
	net.Conn
	in *bufio.Reader
	// tcp is the connection below TLS.
	tcp *net.TCPConn
}

// newRawOrigin runs the script for each connection; the connection is read to
// its end and closed behind it. The origin lives as long as the proxy, so that
// its address names its flows.
func newRawOrigin(t testing.TB, p *proxy, secured bool, script func(*peer)) *rawOrigin {
	t.Helper()
	var config *tls.Config
	if secured {
		config = originTLS(t)
	}
	return newRawOriginTLS(t, p, config, script)
}

func originTLS(t testing.TB) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{mustPKI(t).leaf}, NextProtos: []string{"http/1.1"}}
}

func newRawOriginTLS(t testing.TB, p *proxy, config *tls.Config, script func(*peer)) *rawOrigin {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &rawOrigin{t: t, Addr: ln.Addr().String()}
	o.cond.L = &o.mu
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			c := &tapped{tap: tap{Conn: conn}, from: conn.RemoteAddr().String()}
			o.mu.Lock()
			o.got = append(o.got, c)
			o.over.Add(1)
			o.cond.Broadcast()
			o.mu.Unlock()
			go func() {
				defer o.over.Done()
				o.serve(c, conn.(*net.TCPConn), config, script)
			}()
		}
	}()
	p.t.Cleanup(func() {
		ln.Close()
		<-done
	})
	return o
}

func (o *rawOrigin) serve(c *tapped, tcp *net.TCPConn, config *tls.Config, script func(*peer)) {
	defer tcp.Close()
	tcp.SetDeadline(time.Now().Add(brief))
	var secured *tls.Conn
	if config != nil {
		secured = tls.Server(tcp, config)
		if secured.Handshake() != nil {
			return
		}
		c.Conn = secured
	}
	p := &peer{Conn: c, in: bufio.NewReader(c), tcp: tcp}
	script(p)
	if secured != nil {
		secured.CloseWrite()
	}
	tcp.CloseWrite()
	io.Copy(io.Discard, p.in)
}

// received waits until every connection has ended and returns what came over
// each. Who wants to know must have closed the clients.
func (o *rawOrigin) received() []string {
	o.t.Helper()
	// Connections are accepted in their order: behind this one, none is left.
	last, err := net.Dial("tcp", o.Addr)
	if err != nil {
		o.t.Fatal(err)
	}
	last.Close()
	o.mu.Lock()
	at := -1
	for at < 0 {
		at = slices.IndexFunc(o.got, func(c *tapped) bool { return c.from == last.LocalAddr().String() })
		if at < 0 {
			o.cond.Wait()
		}
	}
	got := slices.Delete(slices.Clone(o.got), at, at+1)
	o.mu.Unlock()
	done := make(chan struct{})
	go func() {
		o.over.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(brief):
		o.t.Error("connections to the origin stay open")
	}
	var all []string
	for _, c := range got {
		all = append(all, c.received())
	}
	return all
}

// headOctets reads a head of a message, blank line included.
func headOctets(in *bufio.Reader) (string, error) {
	var head strings.Builder
	for {
		line, err := in.ReadString('\n')
		head.WriteString(line)
		if err != nil {
			return head.String(), err
		}
		if line == "\r\n" || line == "\n" {
			return head.String(), nil
		}
	}
}

// A message is a request as net/http's server side understands it.
type message struct {
	Method, Target, Host, Proto, Body string
	Header, Trailer                   http.Header
}

// A witness is an origin that lets net/http's parser read what comes, and
// answers each request with "ok".
type witness struct {
	*rawOrigin
	mu       sync.Mutex
	messages []message
	faults   []string
}

func newWitness(t testing.TB, p *proxy, secured bool) *witness {
	t.Helper()
	w := &witness{}
	w.rawOrigin = newRawOrigin(t, p, secured, w.serve)
	return w
}

const okResponse = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

func (w *witness) serve(p *peer) {
	for {
		r, err := http.ReadRequest(p.in)
		if err != nil {
			if err != io.EOF {
				w.fault(err)
			}
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				w.fault(err)
			}
			return
		}
		w.mu.Lock()
		w.messages = append(w.messages, message{r.Method, r.RequestURI, r.Host, r.Proto, string(body), r.Header, r.Trailer})
		w.mu.Unlock()
		if r.Method == "HEAD" {
			io.WriteString(p, strings.TrimSuffix(okResponse, "ok"))
		} else {
			io.WriteString(p, okResponse)
		}
	}
}

// fault notes what the parser does not understand; the end of a connection is
// no fault of a message.
func (w *witness) fault(err error) {
	if _, ok := errors.AsType[net.Error](err); ok {
		return
	}
	w.mu.Lock()
	w.faults = append(w.faults, err.Error())
	w.mu.Unlock()
}

// A rawClient writes and reads octets over one connection.
type rawClient struct {
	t    testing.TB
	conn net.Conn
	tcp  *net.TCPConn
	in   *bufio.Reader
}

// reach connects to an address by way of the proxy.
func (w way) reach(t *testing.T, p *proxy, address string) *rawClient {
	t.Helper()
	if w.secured {
		s := secure(t, p, address, "127.0.0.1")
		return &rawClient{t: t, conn: s, tcp: s.NetConn().(*net.TCPConn), in: bufio.NewReader(s)}
	}
	return dial(t, p)
}

// dial connects to the proxy itself.
func dial(t testing.TB, p *proxy) *rawClient {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(brief))
	t.Cleanup(func() { conn.Close() })
	return &rawClient{t: t, conn: conn, tcp: conn.(*net.TCPConn), in: bufio.NewReader(conn)}
}

// begin sends a first request through a tunnel and returns what it is, so that
// what follows is HTTP however it looks: a tunnel that begins with other octets
// is passed on raw.
func (w way) begin(c *rawClient, address string) string {
	c.t.Helper()
	if !w.secured {
		return ""
	}
	const first = "GET /first HTTP/1.1\r\nHost: {H}\r\n\r\n"
	c.send(w.spell(first, address))
	status, head := c.head()
	if _, _, err := c.body("GET", head); status != 200 || err != nil {
		c.t.Fatalf("the first request: %q %v", head, err)
	}
	return first
}

// spell puts the origin's address into a text: {H} is its authority, {T} what
// stands before a path in a request target.
func (w way) spell(text, address string) string {
	prefix := ""
	if !w.secured {
		prefix = "http://" + address
	}
	return strings.NewReplacer("{H}", address, "{T}", prefix).Replace(text)
}

// arrives is spell for what reaches the origin.
func arrives(text, address string) string {
	return strings.NewReplacer("{H}", address, "{T}", "").Replace(text)
}

func (c *rawClient) send(text string) {
	// A peer that refuses early may close while this is on its way.
	io.WriteString(c.conn, text)
}

// head reads a response head and its status.
func (c *rawClient) head() (int, string) {
	c.t.Helper()
	head, err := headOctets(c.in)
	if err != nil {
		c.t.Fatalf("response head: %q, %v", head, err)
	}
	_, rest, _ := strings.Cut(head, " ")
	status, _ := strconv.Atoi(rest[:min(3, len(rest))])
	return status, head
}

// body reads what a response head promises, as a plain reading of RFC 9112
// section 6.3 has it: the content, the trailer section with its blank line, and
// an error where it broke off.
func (c *rawClient) body(method string, head string) (content, trailers string, err error) {
	_, rest, _ := strings.Cut(head, " ")
	switch {
	case method == "HEAD", strings.HasPrefix(rest, "1"), strings.HasPrefix(rest, "204"), strings.HasPrefix(rest, "304"):
		return "", "", nil
	}
	length := -1
	for line := range strings.Lines(head) {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(line)), ":")
		switch value = strings.TrimSpace(value); name {
		case "content-length":
			if length, err = strconv.Atoi(value); err != nil {
				return "", "", err
			}
		case "transfer-encoding":
			if value != "chunked" {
				return "", "", fmt.Errorf("Transfer-Encoding: %s", value)
			}
			all, err := io.ReadAll(httputil.NewChunkedReader(c.in))
			if err != nil {
				return string(all), "", err
			}
			trailers, err = headOctets(c.in)
			return string(all), trailers, err
		}
	}
	if length < 0 {
		all, err := io.ReadAll(c.in)
		return string(all), "", err
	}
	all := make([]byte, length)
	n, err := io.ReadFull(c.in, all)
	return string(all[:n]), "", err
}

// ended wants the connection to end with nothing more on it.
func (c *rawClient) ended() {
	c.t.Helper()
	rest, err := io.ReadAll(c.in)
	if len(rest) > 0 {
		c.t.Errorf("octets behind the last response: %.300q", rest)
	}
	if t, ok := err.(interface{ Timeout() bool }); ok && t.Timeout() {
		c.t.Errorf("the connection stays open: %v", err)
	}
}

// fill repeats s until it has n octets.
func fill(n int, s string) string { return strings.Repeat(s, n/len(s)+1)[:n] }
