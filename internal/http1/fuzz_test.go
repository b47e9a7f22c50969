package http1

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"midstream/flow"
)

// checkError wants what every refusal must be: one line, of bounded length, with
// a status.
func checkError(t *testing.T, err error) {
	t.Helper()
	e, ok := err.(*flow.Error)
	if !ok || e.Err == nil || e.Status < 400 || e.Status > 599 {
		t.Fatalf("error %#v", err)
	}
	if s := e.Error(); strings.ContainsAny(s, "\r\n\x00") || len(s) > 1000 {
		t.Fatalf("text %.2000q", s)
	}
}

// FuzzRequestHead: what is accepted prints to something that is read as the same
// request with the same framing, by the strict profile too unless noted.
func FuzzRequestHead(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET HTTP://u@h:80?x HTTP/1.0\r\nA:b \r\n\r\n", "CONNECT [::1]:443 HTTP/1.1\r\n\r\n",
		"OPTIONS * HTTP/1.1\nHost: a\n\n", "\r\nPOST / HTTP/1.2\r\nHost: a\r\nContent-Length: 5, 5\r\nX: a\r\n b\r\n\r\n",
		"POST /\xff#x HTTP/1.1\r\nHost:\ta\r\nTransfer-Encoding:\tchunked\r\n\r\n", "OPTIONS http://h HTTP/1.1\r\nHost: h\r\n\r\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, head string) {
		r, framing, findings, err := readRequest(head, Tolerant)
		if err != nil {
			checkError(t, err)
			if _, _, _, err := readRequest(head, Strict); err == nil {
				t.Fatal("strict accepts what tolerant refuses")
			}
			return
		}
		printed, err := printRequest(nil, r)
		if err != nil {
			t.Fatalf("what was read cannot be sent: %v", err)
		}
		again, framing2, findings2, err := readRequest(string(printed), Tolerant)
		if err != nil {
			t.Fatalf("printed %q: %v", printed, err)
		}
		if framing != framing2 || !sameRequest(r, again) {
			t.Fatalf("%q\nwas read as %+v %+v\nand again as %+v %+v", head, framing, r, framing2, again)
		}
		for _, n := range findings2 {
			// Only what passes as it came is noted twice.
			if n.Code != TargetOdd && n.Code != TargetUserinfo && n.Code != HostMissing {
				t.Fatalf("%q was repaired again: %s", printed, n.Code)
			}
		}
		if len(findings) == 0 && string(printed) != head {
			t.Fatalf("%q leaves as %q without a finding", head, printed)
		}
		var scan headScan
		if n, err := scan.scan([]byte(head), flow.ToServer, Limits{}.withDefaults()); err != nil || n != len(head) {
			t.Fatalf("the scanner finds %d of %d octets, %v", n, len(head), err)
		}
	})
}

func sameRequest(a, b *flow.Request) bool {
	return a.Method == b.Method && a.Scheme == b.Scheme && a.Host == b.Host && a.Port == b.Port && a.Authority == b.Authority &&
		a.Path == b.Path && a.Form == b.Form && a.Version == b.Version && a.Fields.Equal(b.Fields)
}

func FuzzResponseHead(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nA: b\r\n\r\n", "HTTP/1.1 200\r\nX-A:\r\n\r\n", "ICY 200 OK\nA : b\n\n", "HTTP/1.0 304 \r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1  200 a\x00b\r\ngarbage\r\nX: a\rb\r\n c\r\nTransfer-Encoding: chunked, chunked\r\nContent-Length: 7\r\n\r\n",
	} {
		f.Add(s, "GET")
	}
	f.Fuzz(func(t *testing.T, head, method string) {
		read := func(head string) (*flow.Response, flow.Framing, []flow.Finding, error) {
			r, findings, err := ParseResponseHead(head, Tolerant, Limits{})
			if err != nil {
				return nil, flow.Framing{}, nil, err
			}
			framing, more, err := ResponseFraming(method, r, Tolerant)
			return r, framing, append(findings, more...), err
		}
		r, framing, findings, err := read(head)
		if err != nil {
			checkError(t, err)
			return
		}
		printed, err := printResponse(nil, r, "")
		if err != nil {
			t.Fatalf("what was read cannot be sent: %v", err)
		}
		again, framing2, _, err := read(string(printed))
		if err != nil {
			t.Fatalf("printed %q: %v", printed, err)
		}
		if framing != framing2 || r.Status != again.Status || r.Reason != again.Reason || r.Version != again.Version || !r.Fields.Equal(again.Fields) {
			t.Fatalf("%q\nwas read as %+v %+v\nand again as %+v %+v", head, framing, r, framing2, again)
		}
		if len(findings) == 0 && string(printed) != head {
			t.Fatalf("%q leaves as %q without a finding", head, printed)
		}
	})
}

func FuzzTarget(f *testing.F) {
	for _, s := range []string{"/", "http://h/", "https://u:p@[::1]:1?x#y", "h:1", "*", "http://h:", "[::1]:1"} {
		f.Add("GET", s)
		f.Add("CONNECT", s)
	}
	f.Fuzz(func(t *testing.T, method, target string) {
		if target == "" {
			return
		}
		r := &flow.Request{Method: method}
		if err := parseTarget(r, target); err != nil {
			checkError(t, err)
			return
		}
		again := &flow.Request{Method: method}
		printed := string(appendTarget(nil, r))
		if err := parseTarget(again, printed); err != nil || !sameRequest(r, again) {
			t.Fatalf("%q\nis %+v\nand printed, as %q,\n%+v, %v", target, r, printed, again, err)
		}
		if r.Form != flow.AbsoluteForm && printed != target {
			t.Fatalf("%q is printed as %q", target, printed)
		}
		if r.Form == flow.AbsoluteForm && (r.Host == "" || r.Port == 0 || r.Path == "") {
			t.Fatalf("%q has a gap: %+v", target, r)
		}
	})
}

// FuzzChunked: however the octets are cut, the decoder says the same; what a
// request's decoder accepts, a response's accepts too, and it survives being
// encoded again.
func FuzzChunked(f *testing.F) {
	for _, s := range []string{"5\r\nhello\r\n0\r\n\r\n", "5;a=b\r\nhello\r\n0\r\nT: v\r\n\r\nrest", "1\nx\n0\n\n", "fffffffffffffff\r\n", "0\r\nA: b\r\n c\r\n\r\n"} {
		f.Add(s, uint8(1))
	}
	f.Fuzz(func(t *testing.T, in string, cut uint8) {
		for _, side := range []flow.Side{flow.ToServer, flow.ToClient} {
			data, d, used, err := decode(side, Tolerant, in, len(in)+1)
			data2, d2, used2, err2 := decode(side, Tolerant, in, int(cut)+1)
			if data != data2 || used != used2 || d.done() != d2.done() || (err == nil) != (err2 == nil) {
				t.Fatalf("%q (%d octets, %v), but %q (%d, %v) when cut", data, used, err, data2, used2, err2)
			}
			if err != nil {
				checkError(t, err)
				continue
			}
			if !d.done() {
				continue
			}
			if side == flow.ToServer {
				if other, _, n, err := decode(flow.ToClient, Tolerant, in, len(in)+1); err != nil || other != data || n != used {
					t.Fatalf("a request has %q (%d octets), a response %q (%d, %v)", data, used, other, n, err)
				}
			}
			encoded := appendLastChunk(nil, d.fields)
			if data != "" {
				encoded = append(append(append(appendChunkHeader(nil, len(data)), data...), "\r\n"...), encoded...)
			}
			back, d3, n, err := decode(flow.ToServer, Strict, string(encoded), len(encoded))
			if err != nil && side == flow.ToServer {
				t.Fatalf("encoded again: %v", err)
			}
			if err == nil && (back != data || n != len(encoded) || !d3.fields.Equal(d.fields)) {
				t.Fatalf("encoded again: %q, %d of %d octets", back, n, len(encoded))
			}
		}
	})
}

// FuzzFraming: two readers of the same request agree on where it ends. The second
// one is as lax as the first is strict, on purpose: it takes the last
// Content-Length and any Transfer-Encoding with chunked in it.
func FuzzFraming(f *testing.F) {
	f.Add("Content-Length: 5\r\n")
	f.Add("Content-Length: 5\r\nContent-Length: 5\r\n")
	f.Add("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n")
	f.Add("Transfer-Encoding: \x0bchunked\r\nX: y\r\n")
	f.Add("Transfer-Encoding: xchunked\r\nContent-length : 6\r\n")
	f.Add("X: y\r\n Content-Length: 7\r\n")
	f.Fuzz(func(t *testing.T, fields string) {
		r, framing, _, err := readRequest("POST / HTTP/1.1\r\nHost: a\r\n"+fields+"\r\n", Tolerant)
		if err != nil {
			return
		}
		lax := flow.Framing{}
		for line := range bytes.SplitSeq(AppendFields(nil, r.Fields), []byte("\n")) {
			name, value, _ := strings.Cut(strings.ToLower(string(line)), ":")
			switch strings.Trim(name, " \t\r\v\f\x00") {
			case "content-length":
				if lax.Kind != flow.Chunked {
					n, _ := parseLength(strings.TrimSpace(value))
					lax = byLength(n)
				}
			case "transfer-encoding":
				if strings.Contains(value, "chunked") {
					lax = chunkedBody
				}
			}
		}
		if lax != framing {
			t.Fatalf("%q is %+v here and %+v for a lax server", AppendFields(nil, r.Fields), framing, lax)
		}
	})
}

// Whatever pieces a body is written in, it is read back the same, chunk by
// chunk, whatever pieces the network makes of it.
func TestBodiesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]flow.FramingKind{flow.ByLength, flow.Chunked, flow.UntilClose}).Draw(t, "framing")
		sizes := rapid.SliceOfN(rapid.IntRange(0, 3*joinLimit), 0, 6).Draw(t, "sizes")
		var all []byte
		var pieces [][]byte
		for i, n := range sizes {
			p := bytes.Repeat([]byte{byte('a' + i)}, n)
			pieces, all = append(pieces, p), append(all, p...)
		}
		wire := new(recorded)
		f := flow.Framing{Kind: kind}
		if kind == flow.ByLength {
			f.Length = int64(len(all))
		}
		s := new(sink)
		s.start(silent{}, wire, rapid.Bool().Draw(t, "secured"), flow.ToClient, "x", f)
		for _, p := range pieces {
			write := s.Write
			if rapid.Bool().Draw(t, "more") {
				write = s.WriteMore
			}
			if n, err := write(p); n != len(p) || err != nil {
				t.Fatal(n, err)
			}
		}
		trailers := flow.Fields{{Name: "T", Value: "v"}}
		if kind != flow.Chunked {
			trailers = nil
		}
		if err := s.Close(trailers); err != nil {
			t.Fatal(err)
		}
		if wire.corked {
			t.Fatal("something is still kept")
		}
		script := &scripted{end: io.EOF}
		for rest := wire.out.String(); rest != ""; {
			n := min(len(rest), rapid.IntRange(1, 20000).Draw(t, "read"))
			script.reads = append(script.reads, rest[:n])
			if rest = rest[n:]; rapid.Bool().Draw(t, "gap") {
				script.reads = append(script.reads, "")
			}
		}
		r := new(reader)
		r.prepare(quiet{}, newSource(script), flow.ToClient, "x")
		r.start(f, Strict, Limits{}.withDefaults())
		var got []byte
		buf := make([]byte, rapid.IntRange(1, 64<<10).Draw(t, "buffer"))
		for {
			ready := r.Ready()
			n, err := r.Read(buf)
			if err == io.EOF {
				break
			}
			if err != nil || n == 0 {
				t.Fatalf("%d, %v (ready %v)", n, err, ready)
			}
			if kind == flow.Chunked && buf[0] != buf[n-1] {
				t.Fatal("a Read crosses a chunk")
			}
			got = append(got, buf[:n]...)
		}
		if !bytes.Equal(got, all) {
			t.Fatalf("%d octets went in, %d came out", len(all), len(got))
		}
		if !r.Trailers().Equal(trailers) {
			t.Fatalf("trailers %v", r.Trailers())
		}
	})
}

// recorded keeps what is written, as a Conn.
type recorded struct {
	pipeConn
	out    bytes.Buffer
	corked bool
}

func (c *recorded) Write(p []byte) (int, error) { return c.out.Write(p) }
func (c *recorded) Cork()                       { c.corked = true }
func (c *recorded) Uncork() error               { c.corked = false; return nil }
func (c *recorded) CloseWrite() error           { return nil }

type silent struct{}

func (silent) sinkEnded(error) {}
func (silent) givenUp() error  { return nil }
