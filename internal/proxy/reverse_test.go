package proxy

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"

	"midstream/flow"
)

// TestReverseIgnores: what is not to be intercepted passes to the target octet for
// octet, by the target, the address that it resolves to, or the server name.
func TestReverseIgnores(t *testing.T) {
	greeting := make(chan string, 1)
	port := rawOrigin(t, func(c net.Conn) {
		b := make([]byte, 8)
		n, _ := io.ReadFull(c, b)
		greeting <- string(b[:n])
		io.WriteString(c, "as it is")
	})
	hello := string(firstFlight(t, &tls.Config{ServerName: "Shop.test"}))
	text := "GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n"
	for _, c := range []struct {
		name          string
		ignore, allow []string
		sent          string
		passes        bool
		lazy          bool // passes with a dial that is made late, too
	}{
		{"by the target", []string{`^LOCALHOST:`}, nil, text, true, true},
		{"by its address", []string{`^127\.0\.0\.1:`}, nil, text, true, false},
		{"by the server name", []string{`^shop\.test:\d+$`}, nil, hello, true, true},
		{"the server name is not that of plain HTTP", []string{`^shop\.test:`}, nil, text, false, false},
		{"another", []string{`^other\.test:`}, nil, text, false, false},
		{"not allowed", nil, []string{`^other\.test:`}, text, true, true},
		{"not allowed, TLS", nil, []string{`^other\.test:`}, hello, true, true},
		{"allowed by the target", nil, []string{`^localhost:`}, text, false, false},
	} {
		for _, strategy := range []Strategy{Eager, Lazy} {
			for _, show := range []bool{false, true} {
				h, err := NewHosts(c.ignore, c.allow, nil)
				if err != nil {
					t.Fatal(err)
				}
				passes := c.passes && (strategy == Eager || c.lazy)
				r := newRig(t, func(cfg *Config) {
					m, err := ParseMode("reverse:http://localhost:" + local(port)[len("127.0.0.1:"):])
					if err != nil {
						t.Fatal(err)
					}
					cfg.Modes, cfg.Hosts, cfg.ShowIgnored, cfg.Strategy = []Mode{m}, h, show, strategy
				})
				p := r.dial()
				io.WriteString(p, c.sent)
				b, _ := io.ReadAll(p)
				asked := <-greeting
				if passes != (string(b) == "as it is") || passes && asked != c.sent[:8] {
					t.Errorf("%s, strategy %d: the client got %.60q, the target %q", c.name, strategy, b, asked)
				}
				p.Close()
				switch {
				case !passes:
					if f := r.flows.wait(t, 1)[0]; f.Kind != flow.HTTP || !strings.HasPrefix(f.Request.URL(), "http://localhost:") {
						t.Errorf("%s: %+v", c.name, f)
					}
				case show:
					if f := r.flows.wait(t, 1)[0]; f.Kind != flow.TCP {
						t.Errorf("%s: %+v", c.name, f)
					}
				}
			}
		}
	}
}
