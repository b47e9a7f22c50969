package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"midstream/internal/engine"
)

// BenchmarkModes compares what a small request costs midstream on a connection that is
// kept alive, mode by mode, all in one run and in turns: what the machine does meanwhile
// hits all alike. Client, origin and parent run in this process, too, and what they
// cost without midstream is taken off. The unit is CPU time, by the median of the turns;
// X/regular is the ratio.
func BenchmarkModes(b *testing.B) {
	l, err := tls.Listen("tcp", "127.0.0.1:0", originTLS())
	if err != nil {
		b.Fatal(err)
	}
	body := strings.Repeat("x", 1<<10)
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, body) })}
	go srv.Serve(l)
	defer srv.Close()
	origin := l.Addr().String()
	parent := blindParent(b)
	ways := []struct{ name, spec, by string }{
		{"direct", "", ""}, {"parent", "", "parent"},
		{"regular", "regular@0", "direct"}, {"socks5", "socks5@0", "direct"}, {"reverse", "reverse:https://" + origin + "@0", "direct"},
		{"reversetls", "reverse:tls://" + origin + "@0", "direct"}, {"upstream", "upstream:http://" + parent + "@0", "parent"},
	}
	var specs []string
	for _, w := range ways {
		if w.spec != "" {
			specs = append(specs, w.spec)
		}
	}
	cfg := Config{Engine: engine.New(engine.Config{}), CA: cas.ours}
	cfg.Upstream.TLS.Insecure = true
	for _, s := range specs {
		m, err := ParseMode(s)
		if err != nil {
			b.Fatal(err)
		}
		cfg.Modes = append(cfg.Modes, m)
	}
	p := New(cfg)
	if _, err := p.Listen(b.Context()); err != nil {
		b.Fatal(err)
	}
	go p.Serve(context.Background())
	defer p.Shutdown(context.Background())
	addr := map[string]string{"direct": origin, "parent": parent}
	for _, l := range p.Listening() {
		for _, w := range ways {
			if w.spec == l.Mode.Spec {
				addr[w.name] = l.Addresses[0].String()
			}
		}
	}
	clients := map[string]*steady{}
	for _, w := range ways {
		clients[w.name] = newSteady(b, w.name, addr[w.name], origin)
		defer clients[w.name].Close()
	}
	const batch = 400
	cost := map[string][]float64{}
	for b.Loop() {
		for _, w := range ways {
			began := cpuTime()
			clients[w.name].ask(b, batch)
			cost[w.name] = append(cost[w.name], float64(cpuTime()-began)/batch/1000)
		}
	}
	own := map[string]float64{}
	for _, w := range ways {
		if w.by == "" || w.by == "parent" && w.spec == "" {
			continue
		}
		own[w.name] = median(cost[w.name]) - median(cost[w.by])
		b.ReportMetric(own[w.name], w.name+"-µs/req")
	}
	for _, w := range ways[3:] {
		b.ReportMetric(own[w.name]/own["regular"], w.name+"/regular")
	}
	b.ReportMetric(0, "ns/op")
}

func median(list []float64) float64 {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// steady is a client with one connection.
type steady struct {
	*tls.Conn
	r *bufio.Reader
}

func newSteady(b *testing.B, way, addr, origin string) *steady {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	switch way {
	case "regular", "upstream", "parent":
		fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: x\r\n\r\n", origin)
		for head := ""; !strings.HasSuffix(head, "\r\n\r\n"); {
			one := make([]byte, 1)
			if _, err := c.Read(one); err != nil {
				b.Fatal(err)
			}
			head += string(one)
		}
	case "socks5":
		host, port, _ := net.SplitHostPort(origin)
		var n uint16
		fmt.Sscan(port, &n)
		c.Write([]byte{5, 1, 0})
		io.ReadFull(c, make([]byte, 2))
		c.Write(socksTo(1, host, n))
		io.ReadFull(c, make([]byte, 10))
	}
	t := tls.Client(c, &tls.Config{InsecureSkipVerify: true, ServerName: "h.test"})
	s := &steady{t, bufio.NewReader(t)}
	s.ask(b, 50)
	return s
}

func (s *steady) ask(b *testing.B, n int) {
	for range n {
		io.WriteString(s, "GET /small HTTP/1.1\r\nHost: h.test\r\n\r\n")
		resp, err := http.ReadResponse(s.r, nil)
		if err != nil {
			b.Fatal(err)
		}
		if got, _ := io.Copy(io.Discard, resp.Body); got != 1<<10 {
			b.Fatal(got)
		}
	}
}

// blindParent passes on what is asked for by CONNECT.
func blindParent(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				req, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				far, err := net.Dial("tcp", req.Host)
				if req.Host == "x" {
					far, err = net.Dial("tcp", req.RequestURI)
				}
				if err != nil {
					return
				}
				defer far.Close()
				io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
				go func() { io.Copy(far, c); far.Close() }()
				io.Copy(c, far)
			}()
		}
	}()
	return l.Addr().String()
}
