package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"midstream/flow"
)

// A chunked upload to a server that has answered in HTTP/1.0 is held and sent
// with its length, on a request that still says HTTP/1.1.
func TestChunkedUploadToAnHTTP10Server(t *testing.T) {
	type asked struct {
		proto, body string
		length      int64
		chunked     bool
	}
	got := make(chan asked, 2)
	port := rawOrigin(t, func(c net.Conn) {
		req, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		b, _ := io.ReadAll(req.Body)
		got <- asked{req.Proto, string(b), req.ContentLength, len(req.TransferEncoding) > 0}
		io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\nold") // until close
	})
	r := newRig(t, nil)
	p := r.dial()
	ask := func(body string) {
		t.Helper()
		if status, _, text := p.response(); status != 200 || text != "old" {
			t.Fatalf("%d %q", status, text)
		}
		if a := <-got; a.proto != "HTTP/1.1" || a.chunked || a.body != body || a.length != int64(len(body)) {
			t.Fatalf("the server got %+v", a)
		}
	}
	target := fmt.Sprintf("http://%s/", local(port))
	p.send("GET %s HTTP/1.1\r\nHost: h\r\n\r\n", target)
	ask("")
	r.flows.wait(t, 1)
	p = r.dial() // another client profits
	p.send("POST %s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nSum: 1\r\n\r\n", target)
	ask("abcde")
	f := r.flows.wait(t, 2)[0]
	if f.Request.Method != "POST" { // they may end in either order
		f = r.flows.wait(t, 2)[1]
	}
	if b := f.RequestBody; b.Disposition != flow.Hold || b.Reason != "an HTTP/1.0 server needs the length first" || b.Sent != 5 {
		t.Errorf("%+v", b)
	}
}
