package proxy

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"midstream/flow"
)

// socksTo is the request of a command for a host and port.
func socksTo(command byte, host string, port uint16) []byte {
	b := []byte{5, command, 0}
	if ip := net.ParseIP(host); ip == nil {
		b = append(append(b, 3, byte(len(host))), host...)
	} else if v4 := ip.To4(); v4 != nil {
		b = append(append(b, 1), v4...)
	} else {
		b = append(append(b, 4), ip...)
	}
	return binary.BigEndian.AppendUint16(b, port)
}

// take reads n octets.
func (p *peer) take(n int) []byte {
	p.t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(p, b); err != nil {
		p.t.Fatalf("%d octets: %v", n, err)
	}
	return b
}

// socks greets and asks; it returns the reply code.
func (p *peer) socks(command byte, host string, port uint16) byte {
	p.t.Helper()
	p.Write([]byte{5, 1, 0})
	if got := p.take(2); !bytes.Equal(got, []byte{5, 0}) {
		p.t.Fatalf("greeted by % x", got)
	}
	p.Write(socksTo(command, host, port))
	return p.socksReply()
}

func (p *peer) socksReply() byte {
	p.t.Helper()
	head := p.take(4)
	if head[0] != 5 || head[2] != 0 {
		p.t.Fatalf("reply % x", head)
	}
	p.take(map[byte]int{1: 4, 4: 16}[head[3]] + 2)
	return head[1]
}

func TestSOCKS(t *testing.T) {
	_, plain := webOrigin(t, false)
	_, secured := webOrigin(t, true)
	talker := rawOrigin(t, func(c net.Conn) { io.WriteString(c, "220 hello\r\n"); io.Copy(c, c) })
	for _, mode := range []string{"socks5@0", "regular@0"} {
		for _, strategy := range []Strategy{Eager, Lazy} {
			r := newRig(t, func(c *Config) { c.Modes, c.Strategy = mustParse(t, mode), strategy })
			for _, host := range []string{"127.0.0.1", "localhost", "::ffff:127.0.0.1"} {
				p := r.dial()
				if code := p.socks(1, host, plain); code != 0 {
					t.Fatalf("%s, %s: %d", mode, host, code)
				}
				p.send("GET /x HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\n\r\n")
				if status, _, body := p.response(); status != 200 || !strings.HasPrefix(body, "GET /x host=h.test") {
					t.Errorf("%s, %s: %d %s", mode, host, status, body)
				}
			}
			p := r.dial()
			p.socks(1, "127.0.0.1", secured)
			s := p.mustSecure(&tls.Config{ServerName: "h.test"})
			s.send("GET /y HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\n\r\n")
			if status, _, _ := s.response(); status != 200 {
				t.Error(status)
			}
			q := r.dial()
			q.socks(1, "127.0.0.1", talker)
			if strategy == Eager {
				if line, _ := q.r.ReadString('\n'); line != "220 hello\r\n" {
					t.Errorf("%q", line)
				}
			}
			q.Write([]byte{0, 1, 2, '\n'})
			if strategy == Lazy {
				q.r.ReadString('\n')
			}
			if got := q.take(4); !bytes.Equal(got, []byte{0, 1, 2, '\n'}) {
				t.Errorf("% x", got)
			}
			q.Close()
			for _, f := range r.flows.wait(t, 5) {
				if f.Outcome.Kind != flow.Completed || f.Client.Mode != mode {
					t.Errorf("%+v", f)
				}
			}
		}
	}
}

func TestSOCKSRefusals(t *testing.T) {
	_, port := webOrigin(t, false)
	r := newRig(t, nil)
	_, own, _ := net.SplitHostPort(r.addr)
	var ownPort uint16
	fmt.Sscan(own, &ownPort)
	for name, c := range map[string]struct {
		command byte
		host    string
		port    uint16
		code    byte
	}{
		"BIND":          {2, "127.0.0.1", port, 7},
		"UDP ASSOCIATE": {3, "127.0.0.1", port, 7},
		"no command":    {9, "127.0.0.1", port, 7},
		"refused":       {1, "127.0.0.1", closedPort(t), 5},
		"no such host":  {1, "nowhere.invalid", port, 4},
		"not a host":    {1, "a b/c", port, 4},
		"no host":       {1, "", port, 4},
		"port 0":        {1, "127.0.0.1", 0, 1},
		"itself":        {1, "127.0.0.1", ownPort, 2},
		"itself, name":  {1, "localhost", ownPort, 2},
	} {
		if code := r.dial().socks(c.command, c.host, c.port); code != c.code {
			t.Errorf("%s: %d, want %d", name, code, c.code)
		}
	}
	p := r.dial()
	p.Write([]byte{5, 1, 0})
	p.take(2)
	p.Write([]byte{5, 1, 0, 2, 0, 0, 0, 0})
	if code := p.socksReply(); code != 8 {
		t.Errorf("address type: %d", code)
	}
	for sent, want := range map[string]string{
		"\x05\x01\x01":                     "\x05\xff",                         // GSSAPI only
		"\x05\x00":                         "\x05\xff",                         // nothing
		"\x04\x01\x00\x50\x7f\x00\x00\x01": "\x00\x5b\x00\x00\x00\x00\x00\x00", // SOCKS 4
	} {
		p := r.dial()
		p.Write([]byte(sent))
		if b, _ := io.ReadAll(p); string(b) != want {
			t.Errorf("%q is answered %q", sent, b)
		}
	}
}

func TestSOCKSPassword(t *testing.T) {
	_, port := webOrigin(t, false)
	login := func(user, password string) string {
		return "\x01" + string(rune(len(user))) + user + string(rune(len(password))) + password
	}
	for _, c := range []struct {
		users, greeting, said, want string
	}{
		{"anna:secret", "\x05\x02\x00\x02", login("anna", "secret"), "\x05\x02\x01\x00"},
		{"anna:secret", "\x05\x01\x02", login("anna", "wrong"), "\x05\x02\x01\x01"},
		{"anna:secret", "\x05\x01\x00", "", "\x05\xff"},
		{"", "\x05\x01\x02", login("who", "ever"), "\x05\x02\x01\x00"},
		{"", "\x05\x02\x02\x00", "", "\x05\x00"},
	} {
		r := newRig(t, func(cfg *Config) {
			if c.users != "" {
				users(t, c.users)(cfg)
			}
		})
		p := r.dial()
		p.Write([]byte(c.greeting))
		got := string(p.take(2))
		if c.said != "" {
			p.Write([]byte(c.said))
			got += string(p.take(2))
		}
		if got != c.want {
			t.Errorf("%+v: %q", c, got)
			continue
		}
		if strings.HasSuffix(got, "\x00") {
			p.Write(socksTo(1, "127.0.0.1", port))
			if code := p.socksReply(); code != 0 {
				t.Errorf("%+v: %d", c, code)
			}
			p.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			p.response()
			if f := r.flows.wait(t, 1)[0]; c.users != "" && f.Metadata["proxyauth"] != "anna" {
				t.Errorf("%+v: %v", c, f.Metadata)
			}
		} else if b, _ := io.ReadAll(p); len(b) > 0 {
			t.Errorf("%+v: %q more", c, b)
		}
		if strings.Contains(r.log.String(), "secret") || strings.Contains(r.log.String(), "wrong\"") {
			t.Error(r.log.String())
		}
	}
}

func FuzzSOCKSRequest(f *testing.F) {
	f.Add(socksTo(1, "h.test", 80))
	f.Add(socksTo(2, "127.0.0.1", 80))
	f.Add(socksTo(1, "::1", 80))
	f.Add([]byte{5, 1, 0, 3, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		host, port, code, err := readSOCKSRequest(bytes.NewReader(b))
		if err == nil && code == socksSucceeded && (host == "" || port == 0 || strings.ContainsAny(host, "\x00\r\n /")) {
			t.Fatalf("%q: %q %d", b, host, port)
		}
		readSOCKSUser(bytes.NewReader(b))
	})
}
