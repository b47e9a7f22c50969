package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"
)

// A body that a hook has put on a response that cannot have one is not sent, and
// the connection goes on.
func TestCasesReplacedBodyWhereNoneCanBe(t *testing.T) {
	t.Parallel()
	p := startCases(t, "-s", script(t, `
function response(flow) {
  if (flow.request.path === "/x") flow.response.text = "replaced by the script";
}
`))
	for _, w := range ways {
		for _, x := range []struct{ name, method, out string }{
			{"204", "GET", "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n"},
			{"304", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"},
			{"HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1488324\r\n\r\n"},
			{"HEAD without a length", "HEAD", "HTTP/1.1 200 OK\r\nX: y\r\n\r\n"},
		} {
			t.Run(x.name+" "+w.name, func(t *testing.T) {
				r := responseCase{out: x.out}
				o := newRawOrigin(t, p, w.secured, r.serve)
				c := w.reach(t, p, o.Addr)
				c.send(w.spell(x.method+" {T}/x HTTP/1.1\r\nHost: {H}\r\n\r\n", o.Addr))
				if _, head := c.head(); head != x.out {
					t.Errorf("the client got %q", head)
				}
				c.send(w.spell("GET {T}/after HTTP/1.1\r\nHost: {H}\r\nConnection: close\r\n\r\n", o.Addr))
				if status, head := c.head(); status != 200 {
					t.Errorf("another request is answered with %q", head)
				} else if content, _, err := c.body("GET", head); content != "ok" || err != nil {
					t.Errorf("content %q, %v", content, err)
				}
				c.ended()
				c.conn.Close()
			})
		}
	}
}

// What is replaced may lie across pieces and inside a content coding; what is
// flushed comes out flushed.
func TestCasesReplacementAcrossPieces(t *testing.T) {
	t.Parallel()
	p := startCases(t, "-s", script(t, `
function responseheaders(flow) {
  flow.response.stream = stream.replace("foo", "bar");
}
`))
	for _, w := range ways {
		for _, coded := range []bool{false, true} {
			t.Run(fmt.Sprint(w.name, " coded ", coded), func(t *testing.T) {
				took := make(chan struct{})
				o := newRawOrigin(t, p, w.secured, func(c *peer) {
					if _, err := headOctets(c.in); err != nil {
						return
					}
					head := "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
					var out io.Writer = chunkWriter{c}
					flush := func() {}
					if coded {
						head += "Content-Encoding: gzip\r\n"
						z := gzip.NewWriter(out)
						defer z.Close()
						out, flush = z, func() { z.Flush() }
					}
					io.WriteString(c, head+"Transfer-Encoding: chunked\r\n\r\n")
					for _, piece := range []string{"a foo.", "b f", "o", "o. c ", "f", "o", "-foo\n"} {
						io.WriteString(out, piece)
						flush()
						if strings.HasSuffix(piece, ".") && !await(took) {
							return
						}
					}
					if z, ok := out.(*gzip.Writer); ok {
						z.Close()
					}
					io.WriteString(c, "0\r\n\r\n")
				})
				c := w.reach(t, p, o.Addr)
				c.send(w.spell("GET {T}/x HTTP/1.1\r\nHost: {H}\r\nAccept-Encoding: gzip\r\n\r\n", o.Addr))
				if status, head := c.head(); status != 200 || strings.Contains(head, "Content-Length") {
					t.Fatalf("head %q", head)
				}
				var in io.Reader = &unchunked{c: c}
				if coded {
					z, err := gzip.NewReader(in)
					if err != nil {
						t.Fatal(err)
					}
					in = z
				}
				first := make([]byte, len("a bar."))
				if _, err := io.ReadFull(in, first); err != nil || string(first) != "a bar." {
					t.Fatalf("the first piece came as %q, %v", first, err)
				}
				took <- struct{}{}
				if rest, err := io.ReadAll(in); err != nil || string(rest) != "b bar. c fo-bar\n" {
					t.Errorf("the rest came as %q, %v", rest, err)
				}
				c.conn.Close()
			})
		}
	}
}

// chunkWriter makes a chunk of each Write.
type chunkWriter struct{ w io.Writer }

func (c chunkWriter) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	_, err := fmt.Fprintf(c.w, "%x\r\n%s\r\n", len(b), b)
	return len(b), err
}

// unchunked reads chunks as they come.
type unchunked struct {
	c    *rawClient
	rest bytes.Buffer
	end  bool
}

func (u *unchunked) Read(b []byte) (int, error) {
	for u.rest.Len() == 0 && !u.end {
		line, err := u.c.in.ReadString('\n')
		if err != nil {
			return 0, err
		}
		var size int
		if _, err := fmt.Sscanf(line, "%x", &size); err != nil {
			return 0, err
		}
		if _, err := io.CopyN(&u.rest, u.c.in, int64(size)); err != nil {
			return 0, err
		}
		if _, err := u.c.in.Discard(2); err != nil {
			return 0, err
		}
		u.end = size == 0
	}
	if u.rest.Len() == 0 {
		return 0, io.EOF
	}
	return u.rest.Read(b)
}
