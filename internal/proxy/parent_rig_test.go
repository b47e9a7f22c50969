package proxy

import (
	"bufio"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"crypto/tls"
)

// parentProxy is a parent proxy that keeps what it was asked.
type parentProxy struct {
	t    *testing.T
	port uint16
	// auth is "", "basic" or "digest"; user and password are anna:secret.
	auth string
	// hangUp closes after a 407; chunked sends its page so; stale makes each nonce
	// good for one request.
	hangUp, chunked, stale bool
	refuse                 int // the status of every answer to CONNECT

	mu    sync.Mutex
	asked []string // "connection number: request line [scheme of credentials]"
	heads []string
	conns int
	nonce int
}

func newParent(t *testing.T, secure bool, change func(*parentProxy)) *parentProxy {
	p := &parentProxy{t: t}
	if change != nil {
		change(p)
	}
	p.port = rawOrigin(t, func(c net.Conn) {
		if secure {
			s := tls.Server(c, originTLS())
			defer s.Close()
			c = s
		}
		p.mu.Lock()
		p.conns++
		n := p.conns
		p.mu.Unlock()
		p.serve(c, n)
	})
	return p
}

func (p *parentProxy) log() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

func (p *parentProxy) all() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.heads, "")
}

func (p *parentProxy) serve(c net.Conn, n int) {
	r := bufio.NewReader(c)
	for {
		var head strings.Builder
		for !strings.HasSuffix(head.String(), "\r\n\r\n") {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			head.WriteString(line)
		}
		text := head.String()
		line, _, _ := strings.Cut(text, "\r\n")
		sent := field(text, "Proxy-Authorization")
		scheme, _, _ := strings.Cut(sent, " ")
		p.mu.Lock()
		p.heads = append(p.heads, text)
		p.asked = append(p.asked, strings.TrimSpace(fmt.Sprintf("%d: %s %s", n, strings.TrimSuffix(line, " HTTP/1.1"), scheme)))
		p.mu.Unlock()
		req, err := http.ReadRequest(bufio.NewReader(io.MultiReader(strings.NewReader(text), r)))
		if err != nil {
			return
		}
		method, target, _ := strings.Cut(line, " ")
		target, _, _ = strings.Cut(target, " ")
		if !p.lets(sent, method, target) {
			if method != "CONNECT" {
				io.Copy(io.Discard, req.Body)
			}
			if p.challenge(c); p.hangUp {
				return
			}
			continue
		}
		if method != "CONNECT" {
			b, _ := io.ReadAll(req.Body)
			page := fmt.Sprintf("%s %s for=%s body=%s", method, target, req.Header.Get("Host")+req.Host, b)
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(page), page)
			continue
		}
		if p.refuse != 0 {
			fmt.Fprintf(c, "HTTP/1.1 %d No\r\nContent-Length: 2\r\n\r\nno", p.refuse)
			continue
		}
		p.tunnel(c, r, target)
		return
	}
}

// tunnel connects to 127.0.0.1, whatever the name.
func (p *parentProxy) tunnel(c net.Conn, r *bufio.Reader, target string) {
	_, port, err := net.SplitHostPort(target)
	if err != nil {
		return
	}
	far, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		io.WriteString(c, "HTTP/1.1 503 Unreachable\r\nContent-Length: 0\r\n\r\n")
		return
	}
	defer far.Close()
	io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX: y\r\n\r\n")
	done := make(chan struct{})
	go func() {
		io.Copy(far, r)
		far.(*net.TCPConn).CloseWrite()
		close(done)
	}()
	io.Copy(c, far)
	c.Close()
	<-done
}

func (p *parentProxy) challenge(c net.Conn) {
	p.mu.Lock()
	p.nonce++
	nonce := p.nonce
	p.mu.Unlock()
	field := `Basic realm="parent"`
	if p.auth == "digest" {
		field = fmt.Sprintf(`Digest realm="parent", nonce="n%d", qop="auth", stale=%t, algorithm=MD5, Basic realm="x"`, nonce, p.stale && nonce > 1)
	}
	framing, page := "Content-Length: 5", "who? "
	if p.chunked {
		framing, page = "Transfer-Encoding: chunked", "5\r\nwho? \r\n0\r\n\r\n"
	}
	fmt.Fprintf(c, "HTTP/1.1 407 Who\r\nProxy-Authenticate: %s\r\n%s\r\n\r\n%s", field, framing, page)
}

var digestParam = regexp.MustCompile(`(\w+)="?([^",]*)"?`)

// lets tells whether credentials are good.
func (p *parentProxy) lets(sent, method, target string) bool {
	switch p.auth {
	case "basic":
		return sent == "Basic YW5uYTpzZWNyZXQ="
	case "digest":
		m := map[string]string{}
		for _, kv := range digestParam.FindAllStringSubmatch(sent, -1) {
			m[kv[1]] = kv[2]
		}
		h := func(parts ...string) string {
			s := md5.Sum([]byte(strings.Join(parts, ":")))
			return hex.EncodeToString(s[:])
		}
		p.mu.Lock()
		now := fmt.Sprintf("n%d", p.nonce)
		p.mu.Unlock()
		want := h(h("anna", "parent", "secret"), now, m["nc"], m["cnonce"], "auth", h(method, target))
		return m["username"] == "anna" && m["uri"] == target && m["response"] == want && (!p.stale || m["nc"] == "00000001")
	}
	return true
}

func field(head, name string) string {
	for line := range strings.SplitSeq(head, "\r\n") {
		if n, v, ok := strings.Cut(line, ": "); ok && strings.EqualFold(n, name) {
			return v
		}
	}
	return ""
}

// throughParent makes a proxy whose clients go through p.
func throughParent(t *testing.T, scheme string, p *parentProxy, change func(*Config)) *rig {
	return newRig(t, func(c *Config) {
		c.Modes = mustParse(t, "upstream:"+scheme+"://"+local(p.port)+"@0")
		if change != nil {
			change(c)
		}
	})
}

func withCredentials(c *Config) { c.Parents.User, c.Parents.Password = "anna", "secret" }
