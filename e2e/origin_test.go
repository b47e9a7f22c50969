package e2e

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// An origin is the server of a test, on a plain and on a TLS port.
type origin struct {
	t     testing.TB
	HTTP  string // http://127.0.0.1:port
	HTTPS string // https://localhost:port

	mux *http.ServeMux

	mu    sync.Mutex
	seen  []asked
	gates map[string]chan struct{}
	left  chan string // ids of gated responses whose client left
}

// asked is a request as the origin got it.
type asked struct {
	Method, Path string
	Header       http.Header
	Trailer      http.Header
	Chunked      bool
	Size         int64
	SHA256       string
}

func newOrigin(t testing.TB) *origin {
	t.Helper()
	o := &origin{t: t, mux: http.NewServeMux(), gates: make(map[string]chan struct{}), left: make(chan string, 100)}
	o.routes()
	o.HTTP = "http://" + o.serve(nil)
	_, port, _ := net.SplitHostPort(o.serve(&tls.Config{Certificates: []tls.Certificate{mustPKI(t).leaf}, NextProtos: []string{"http/1.1"}}))
	o.HTTPS = "https://localhost:" + port
	return o
}

func (o *origin) serve(config *tls.Config) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		o.t.Fatal(err)
	}
	addr := ln.Addr().String()
	if config != nil {
		ln = tls.NewListener(ln, config)
	}
	s := &http.Server{Handler: o.mux, ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan struct{})
	go func() {
		s.Serve(ln)
		close(done)
	}()
	o.t.Cleanup(func() {
		s.Close()
		<-done
	})
	return addr
}

// gate lets a gated response go on by one step. It blocks until the response
// takes the step.
func (o *origin) gate(id string) chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	g := o.gates[id]
	if g == nil {
		g = make(chan struct{})
		o.gates[id] = g
	}
	return g
}

// step waits in a handler until the test or the client says go on. False means
// that the client has left.
func (o *origin) step(r *http.Request, id string) bool {
	select {
	case <-o.gate(id):
		return true
	case <-r.Context().Done():
		select {
		case o.left <- id:
		default:
		}
		return false
	case <-time.After(patience):
		return false
	}
}

// open lets the response of that id take one step.
func (o *origin) open(id string) {
	o.t.Helper()
	select {
	case o.gate(id) <- struct{}{}:
	case <-time.After(patience):
		o.t.Fatalf("the response %q does not go on", id)
	}
}

// note keeps what was asked, its body read to the end.
func (o *origin) note(r *http.Request) []byte {
	sum := sha256.New()
	var head []byte
	buf := make([]byte, 32<<10)
	var size int64
	for {
		n, err := r.Body.Read(buf)
		size += int64(n)
		sum.Write(buf[:n])
		if len(head) < 8<<20 {
			head = append(head, buf[:n]...)
		}
		if err != nil {
			break
		}
	}
	a := asked{
		Method: r.Method, Path: r.URL.RequestURI(), Header: r.Header.Clone(), Trailer: r.Trailer.Clone(),
		Chunked: len(r.TransferEncoding) > 0, Size: size, SHA256: hex.EncodeToString(sum.Sum(nil)),
	}
	o.mu.Lock()
	o.seen = append(o.seen, a)
	o.mu.Unlock()
	return head
}

// asked returns the last request for a path (with query).
func (o *origin) asked(path string) asked {
	o.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := len(o.seen) - 1; i >= 0; i-- {
		if o.seen[i].Path == path {
			return o.seen[i]
		}
	}
	o.t.Fatalf("the origin was never asked for %s", path)
	return asked{}
}

func (o *origin) routes() {
	o.mux.HandleFunc("/hello", func(w http.ResponseWriter, r *http.Request) {
		o.note(r)
		io.WriteString(w, "hello\n")
	})
	// Gives the body back, with its length when that was known.
	o.mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body := o.note(r)
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Write(body)
	})
	// Takes any body and says its size and hash.
	o.mux.HandleFunc("/sink", func(w http.ResponseWriter, r *http.Request) {
		o.note(r)
		a := o.asked(r.URL.RequestURI())
		fmt.Fprintf(w, "%d %s\n", a.Size, a.SHA256)
	})
	o.mux.HandleFunc("/big", func(w http.ResponseWriter, r *http.Request) {
		o.note(r)
		size, _ := strconv.ParseInt(r.FormValue("size"), 10, 64)
		if r.FormValue("chunked") == "" {
			w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		io.CopyN(w, &pattern{}, size)
	})
	o.mux.HandleFunc("/trailers", func(w http.ResponseWriter, r *http.Request) {
		o.note(r)
		w.Header().Set("Trailer", "X-Sum")
		w.(http.Flusher).Flush()
		io.WriteString(w, "body with trailers\n")
		w.Header().Set("X-Sum", "abc123")
	})
	o.mux.HandleFunc("/hints", func(w http.ResponseWriter, r *http.Request) {
		o.note(r)
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusProcessing)
		w.Header().Del("Link")
		io.WriteString(w, "after hints\n")
	})
	// One event at a time; the next only after the client has confirmed.
	o.mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.FormValue("n"))
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Cache-Control", "no-store")
		for i := range n {
			fmt.Fprintf(w, "id: %d\ndata: event %d\n\n", i, i)
			w.(http.Flusher).Flush()
			if !o.step(r, r.FormValue("id")) {
				return
			}
		}
		io.WriteString(w, "event: done\ndata: bye\n\n")
		o.note(r)
	})
	// One piece of a body at a time: by length, chunked, or until close.
	o.mux.HandleFunc("/pieces", o.pieces)
	o.mux.HandleFunc("/ack", func(w http.ResponseWriter, r *http.Request) {
		select {
		case o.gate(r.FormValue("id")) <- struct{}{}:
			w.WriteHeader(http.StatusNoContent)
		case <-r.Context().Done():
		case <-time.After(patience):
			http.Error(w, "nobody waits for it", http.StatusConflict)
		}
	})
	o.mux.HandleFunc("/cut", o.cut)
}

// pieces sends n pieces of 1000 bytes and waits for a step behind each.
func (o *origin) pieces(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.FormValue("n"))
	w.Header().Set("Content-Type", "application/octet-stream")
	switch r.FormValue("framing") {
	case "length":
		w.Header().Set("Content-Length", strconv.Itoa(1000*n))
	case "close":
		conn, buf, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(buf, "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nConnection: close\r\n\r\n")
		for i := range n {
			io.WriteString(buf, piece(i))
			buf.Flush()
			select {
			case <-o.gate(r.FormValue("id")):
			case <-time.After(patience):
				return
			}
		}
		return
	}
	for i := range n {
		io.WriteString(w, piece(i))
		w.(http.Flusher).Flush()
		if !o.step(r, r.FormValue("id")) {
			return
		}
	}
}

func piece(i int) string { return strings.Repeat(strconv.Itoa(i%10), 1000) }

// cut breaks its response off: after 5000 bytes of body.
func (o *origin) cut(w http.ResponseWriter, r *http.Request) {
	o.note(r)
	conn, buf, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	body := strings.Repeat("x", 5000)
	switch r.FormValue("framing") {
	case "length":
		io.WriteString(buf, "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n"+body)
	case "chunked":
		io.WriteString(buf, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n"+body+"\r\n")
	case "head":
		io.WriteString(buf, "HTTP/1.1 200 OK\r\nContent-Le")
	}
	buf.Flush()
}

// pattern is an endless, reproducible reader whose content tells its offset.
type pattern struct{ at int64 }

func (p *pattern) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(p.at>>12) ^ byte(p.at)
		p.at++
	}
	return len(b), nil
}

// patternSHA256 is the hash of the first size bytes of a pattern.
func patternSHA256(size int64) string {
	sum := sha256.New()
	io.CopyN(sum, &pattern{}, size)
	return hex.EncodeToString(sum.Sum(nil))
}
