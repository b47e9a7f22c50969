package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// After 101 the connection belongs to both ends: bytes pass either way as they
// come, and are recorded.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	o.mux.HandleFunc("/upgrade", func(w http.ResponseWriter, r *http.Request) {
		conn, buf, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintf(buf, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", r.Header.Get("Upgrade"))
		buf.Flush()
		for {
			line, err := buf.ReadString('\n')
			if err != nil {
				return
			}
			buf.WriteString(strings.ToUpper(line))
			buf.Flush()
		}
	})
	p := start(t)
	for _, base := range []string{o.HTTP, o.HTTPS} {
		address := base[strings.Index(base, "//")+2:]
		var conn net.Conn
		if base == o.HTTPS {
			conn = secure(t, p, address, "localhost")
		} else {
			conn = tunnel(t, p, address)
		}
		fmt.Fprintf(conn, "GET /upgrade HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\n\r\n", address)
		in := bufio.NewReader(conn)
		r, err := http.ReadResponse(in, nil)
		if err != nil || r.StatusCode != 101 || r.Header.Get("Upgrade") != "echo/1" {
			t.Fatalf("%s: %+v %v", base, r, err)
		}
		for _, line := range []string{"one\n", "two\n"} {
			io.WriteString(conn, line)
			if got, err := in.ReadString('\n'); got != strings.ToUpper(line) {
				t.Errorf("%s: %q came back as %q, %v", base, line, got, err)
			}
		}
		conn.Close()
	}
	s := p.recorded()
	f := s.flow("/upgrade")
	if f.Status != 101 || s.body(f, "--request") != "one\ntwo\n" || s.body(f) != "ONE\nTWO\n" {
		t.Errorf("recorded as %+v", f)
	}
}

// A server that speaks first makes the tunnel a raw one; it is recorded as what
// it is.
func TestServerSpeaksFirst(t *testing.T) {
	t.Parallel()
	p := start(t)
	conn := tunnel(t, p, greeter(t))
	in := bufio.NewReader(conn)
	if got, err := in.ReadString('\n'); got != "220 ready\r\n" {
		t.Fatalf("greeting %q, %v", got, err)
	}
	io.WriteString(conn, "HELO me\r\n")
	if got, err := io.ReadAll(in); string(got) != "250 HELO me\r\n" || err != nil {
		t.Errorf("answer %q, %v", got, err)
	}
	conn.Close()
	s := p.recorded()
	for _, f := range s.flows {
		if f.Kind == "tcp" {
			f.completed()
			if s.body(f, "--request") != "HELO me\r\n" || s.body(f) != "220 ready\r\n250 HELO me\r\n" {
				t.Errorf("recorded as %+v", f)
			}
			return
		}
	}
	t.Errorf("no TCP flow is recorded:\n%s", s.lines)
}

// greeter is a server that speaks first, and answers one line.
func greeter(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(conn, "220 ready\r\n")
		line, _ := bufio.NewReader(conn).ReadString('\n')
		io.WriteString(conn, "250 "+line)
	}()
	return ln.Addr().String()
}
