package upstream

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/internal/engine"
)

// What a server's last response was written in is remembered for all clients,
// by scheme, host and port.
func TestVersionIsRemembered(t *testing.T) {
	speaks := make(chan string, 1)
	addr := serveEach(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		for {
			if _, err := http.ReadRequest(r); err != nil {
				return
			}
			io.WriteString(c, <-speaks+" 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	d := New(Config{})
	p, other := d.Pool(nil), d.Pool(nil)
	defer p.Close()
	defer other.Close()
	req := request("http", addr)
	if v := p.Version(req); v != 0 {
		t.Error("before any response:", v)
	}
	for _, c := range []struct {
		line string
		want flow.Version
	}{{"HTTP/1.0", flow.HTTP10}, {"HTTP/1.0", flow.HTTP10}, {"HTTP/1.1", 0}, {"HTTP/1.0", flow.HTTP10}} {
		speaks <- c.line
		exchange(t, p, req, engine.AnyConnection)
		if v := other.Version(req); v != c.want {
			t.Errorf("after %s: %v, want %v", c.line, v, c.want)
		}
	}
	upper, https, elsewhere := *req, *req, *req
	upper.Host, https.Scheme, elsewhere.Port = strings.ToUpper(req.Host), "https", req.Port+1
	if p.Version(&upper) != flow.HTTP10 || p.Version(&https) != 0 || p.Version(&elsewhere) != 0 {
		t.Error("the places are mixed up")
	}
	for i := range 3 * maxMemory {
		d.learn(site{host: strconv.Itoa(i)}, flow.HTTP10)
	}
	if n := len(d.old.known); n != maxMemory {
		t.Errorf("%d servers are remembered", n)
	}
	d.learn(site{host: strconv.Itoa(3*maxMemory - 1)}, flow.HTTP11)
	if n := len(d.old.known); n != maxMemory-1 || d.old.n.Load() != int64(n) {
		t.Errorf("%d servers are remembered after one is forgotten", n)
	}
}
