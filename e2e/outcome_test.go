package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// What breaks off on one side breaks off on the other, and the session says who
// did it and after how many bytes.
func TestServerCuts(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p := start(t)
	for _, base := range []string{o.HTTP, o.HTTPS} {
		for _, framing := range []string{"length", "chunked"} {
			r := get(t, p.client(), base+"/cut?framing="+framing)
			body, err := io.ReadAll(r.Body)
			if !errors.Is(err, io.ErrUnexpectedEOF) || len(body) != 5000 {
				t.Errorf("%s %s: the client got %d bytes and %v", base, framing, len(body), err)
			}
		}
		r := get(t, p.client(), base+"/cut?framing=head")
		body, _ := io.ReadAll(r.Body)
		if r.StatusCode != http.StatusBadGateway || len(body) == 0 {
			t.Errorf("%s: a cut head became %d %s", base, r.StatusCode, body)
		}
	}
	s := p.recorded()
	for _, framing := range []string{"length", "chunked"} {
		f := s.flow("/cut?framing=" + framing)
		if f.Outcome != "server cut after 5000 bytes" || f.Response.Size != 5000 {
			t.Errorf("%s is recorded as %+v", framing, f)
		}
		if got := s.body(f); got != strings.Repeat("x", 5000) {
			t.Errorf("%s is recorded with %d bytes", framing, len(got))
		}
	}
	if f := s.flow("/cut?framing=head"); f.Outcome != "failed" && f.Outcome != "server cut after 0 bytes" || f.Error == "" {
		t.Errorf("the cut head is recorded as %+v", f)
	}
}

// When the client leaves in the middle, the origin is told.
func TestClientLeaves(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p := start(t)
	for _, base := range []string{o.HTTP, o.HTTPS} {
		id := base[:strings.Index(base, ":")]
		c := p.client()
		r := get(t, c, base+"/pieces?n=3&id="+id)
		readPiece(t, r.Body, 0)
		r.Body.Close()
		c.CloseIdleConnections()
		select {
		case got := <-o.left:
			if got != id {
				t.Errorf("%q left", got)
			}
		case <-time.After(patience):
			t.Fatal("the origin was not told that the client left")
		}
	}
	s := p.recorded()
	for _, id := range []string{"http", "https"} {
		f := s.flow("/pieces?n=3&id=" + id)
		if f.Outcome != "client left after 1000 bytes" || f.Response.Size != 1000 {
			t.Errorf("%s is recorded as %+v", id, f)
		}
	}
}

// A client that leaves while the response is awaited frees the origin too.
func TestClientLeavesBeforeTheHead(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	asked := make(chan struct{})
	o.mux.HandleFunc("/never", func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
		o.left <- "never"
	})
	p := start(t)
	conn, err := net.Dial("tcp", p.Addr)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET %s/never HTTP/1.1\r\nHost: x\r\n\r\n", o.HTTP)
	<-asked
	conn.Close()
	select {
	case <-o.left:
	case <-time.After(patience):
		t.Fatal("the origin was not told that the client left")
	}
	if f := p.recorded().flow("/never"); f.Outcome != "client left after 0 bytes" || f.Status != 0 {
		t.Errorf("recorded as %+v", f)
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := ln.Addr().String()
	ln.Close()
	p := start(t)
	for _, scheme := range []string{"http", "https"} {
		r := get(t, p.client(), scheme+"://"+closed+"/gone")
		body, _ := io.ReadAll(r.Body)
		if r.StatusCode != http.StatusBadGateway || !strings.Contains(string(body), closed) {
			t.Errorf("%s: %d %s", scheme, r.StatusCode, body)
		}
	}
	s := p.recorded()
	f := s.flow("/gone")
	if f.Outcome != "failed" || !strings.Contains(f.Error, closed) {
		t.Errorf("recorded as %+v", f)
	}
}

// An origin whose certificate nobody vouches for is not spoken to, and the page
// says which side, why, and what to do; -k goes on regardless.
func TestOriginIsVerified(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p := start(t)
	doubting := start(t, "--set", "ssl_verify_upstream_trusted_ca="+p.CA)
	r := get(t, doubting.client(), o.HTTPS+"/hello")
	body, _ := io.ReadAll(r.Body)
	if r.StatusCode != http.StatusBadGateway || !strings.Contains(string(body), "certificate") || !strings.Contains(string(body), "--ssl-insecure") {
		t.Errorf("%d %s", r.StatusCode, body)
	}
	if f := doubting.recorded().flow("/hello"); f.Outcome != "failed" || !strings.Contains(f.Error, "certificate") {
		t.Errorf("recorded as %+v", f)
	}
	careless := start(t, "-k", "--set", "ssl_verify_upstream_trusted_ca="+p.CA)
	r = get(t, careless.client(), o.HTTPS+"/hello")
	if body, _ := io.ReadAll(r.Body); string(body) != "hello\n" {
		t.Errorf("-k: %d %s", r.StatusCode, body)
	}
}
