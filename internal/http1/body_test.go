package http1

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"midstream/flow"
	"midstream/internal/body"
)

// answered starts a response with framing f to a GET.
func answered(t *testing.T, f flow.Framing) (*Server, body.Sink, *peer) {
	t.Helper()
	s, p := serve(t, ServerConfig{})
	p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	sink, err := next(t, s).Respond(response(200), f)
	if err != nil {
		t.Fatal(err)
	}
	head := "HTTP/1.1 200 Word\r\n"
	if f.Kind == flow.UntilClose {
		head += "Connection: close\r\n"
	}
	p.expect(head + "\r\n")
	return s, sink, p
}

func TestOneWriteIsOneChunk(t *testing.T) {
	_, sink, p := answered(t, chunkedBody)
	large := strings.Repeat("x", 40000)
	for _, s := range []string{"hello", "", "a", large} {
		if n, err := sink.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatal(n, err)
		}
	}
	if n, err := sink.WriteMore([]byte("kept")); n != 4 || err != nil {
		t.Fatal(n, err)
	}
	if err := sink.Close(flow.Fields{{Name: "Sum", Value: "1"}}); err != nil {
		t.Fatal(err)
	}
	p.expect("5\r\nhello\r\n1\r\na\r\n9c40\r\n" + large + "\r\n4\r\nkept\r\n0\r\nSum: 1\r\n\r\n")
	if _, err := sink.Write([]byte("x")); err == nil {
		t.Error("a write after Close")
	}
	sink.Abort(errors.New("late")) // does nothing
	if err := sink.Close(nil); err != nil {
		t.Error(err)
	}
}

func TestWriteMoreIsBounded(t *testing.T) {
	_, sink, p := answered(t, byLength(1<<20))
	piece := make([]byte, 10000)
	got := make(chan struct{})
	go func() {
		io.CopyN(io.Discard, p.r, corkedLimit)
		close(got)
	}()
	for range 8 {
		if _, err := sink.WriteMore(piece); err != nil {
			t.Fatal(err)
		}
	}
	<-got // though nothing but WriteMore was called
}

func TestSinkKeepsToItsFraming(t *testing.T) {
	_, sink, p := answered(t, byLength(5))
	if _, err := sink.Write([]byte("123456")); err == nil || !strings.Contains(err.Error(), "1 octets more than its Content-Length of 5") {
		t.Fatalf("beyond the length: %v", err)
	}
	sink.Write([]byte("123"))
	if err := sink.Close(nil); err == nil || !strings.Contains(err.Error(), "2 octets short") {
		t.Fatalf("short of the length: %v", err)
	}
	p.expect("123")
	p.expectEnd()

	_, sink, p = answered(t, flow.Framing{})
	if n, err := sink.Write([]byte("x")); n != 0 || err == nil {
		t.Error("a body where there is none")
	}
	if err := sink.Close(nil); err != nil {
		t.Fatal(err)
	}
	p.TCPConn.CloseWrite()
}

func TestTrailersThatWouldSplitAreRefused(t *testing.T) {
	_, sink, p := answered(t, chunkedBody)
	if err := sink.Close(flow.Fields{{Name: "A", Value: "b\r\n\r\nHTTP/1.1 200 OK"}}); err == nil {
		t.Fatal("they were sent")
	}
	p.expectEnd() // without a last chunk: broken
}

func TestBrokenAndEndedBodiesDiffer(t *testing.T) {
	const part = "abc"
	for _, c := range []struct {
		name          string
		framing       flow.Framing
		ended, broken string
		reset         bool
	}{
		{"chunked", chunkedBody, "3\r\nabc\r\n0\r\n\r\n", "3\r\nabc\r\n", false},
		{"by length", byLength(3), part, "", false},
		{"by length, short", byLength(4), "", part, false},
		{"until close", untilClose, part, part, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.ended != "" {
				_, sink, p := answered(t, c.framing)
				sink.Write([]byte(part))
				if err := sink.Close(nil); err != nil {
					t.Fatal(err)
				}
				p.expect(c.ended)
				if c.framing.Kind == flow.UntilClose {
					p.expectEnd()
				}
			}
			if c.broken == "" {
				return
			}
			for i, write := range []func(body.Sink) error{
				func(s body.Sink) error { _, err := s.Write([]byte(part)); return err },
				func(s body.Sink) error { _, err := s.WriteMore([]byte(part)); return err },
			} {
				_, sink, p := answered(t, c.framing)
				if err := write(sink); err != nil {
					t.Fatal(err)
				}
				if c.reset && i == 0 {
					p.expect(c.broken) // before the reset, which may overtake it
				}
				cause := &flow.Error{Peer: flow.AtServer, Cause: flow.ClosedEarly, Err: errors.New("cut")}
				sink.Abort(cause)
				got, err := p.rest()
				switch {
				case c.reset && err == nil:
					t.Error("a cut body looks ended")
				case !c.reset && (got != c.broken || err != nil):
					t.Errorf("got %q, %v; want %q and an end", got, err, c.broken)
				}
				if _, err := sink.Write([]byte("x")); err != cause {
					t.Errorf("write after Abort: %v", err)
				}
				if err := sink.Close(nil); err != cause {
					t.Errorf("Close after Abort: %v", err)
				}
			}
		})
	}
}

func TestAbortInterruptsAWrite(t *testing.T) {
	s, sink, p := answered(t, chunkedBody)
	wrote := make(chan error, 1)
	go func() {
		for {
			if _, err := sink.Write(make([]byte, 32<<10)); err != nil {
				wrote <- err
				return
			}
		}
	}()
	p.expect("8000\r\n") // it has begun; then nobody reads
	cause := &flow.Error{Peer: flow.AtServer, Cause: flow.WasKilled, Err: errors.New("killed")}
	sink.Abort(cause)
	if err := <-wrote; err != cause {
		t.Fatalf("write: %v", err)
	}
	if got, _ := p.rest(); strings.HasSuffix(got, "0\r\n\r\n") {
		t.Error("the body looks ended")
	}
	if _, err := s.Next(context.Background()); err != io.EOF {
		t.Fatalf("Next: %v", err)
	}
}

func TestReaderKeepsChunksApart(t *testing.T) {
	s, p := serve(t, ServerConfig{})
	large := strings.Repeat("y", 20000)
	go p.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n4e20\r\n" + large + "\r\n1\r\nz\r\n0\r\nT: v\r\n\r\n")
	b := next(t, s).Body()
	buf := make([]byte, 32<<10)
	var got []string
	for {
		n, err := b.Read(buf)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(got) > 2 && got[len(got)-1] != "one" && len(strings.Join(got[2:], "")) < len(large) {
			got[len(got)-1] += string(buf[:n])
			continue
		}
		got = append(got, string(buf[:n]))
	}
	if strings.Join(got, "|") != "one|two|"+large+"|z" {
		t.Fatalf("%d pieces", len(got))
	}
	if v := b.Trailers().Get("t"); v != "v" {
		t.Errorf("trailer %q", v)
	}
}

// scripted is a connection whose Reads return what the script says, and whose
// Ready tells whether more of it is there without waiting.
type scripted struct {
	pipeConn
	mu    sync.Mutex
	reads []string // "" = Ready says no here
	end   error
}

func (c *scripted) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.reads) > 0 && c.reads[0] == "" {
		c.reads = c.reads[1:]
	}
	if len(c.reads) == 0 {
		return 0, c.end
	}
	n := copy(p, c.reads[0])
	if c.reads[0] = c.reads[0][n:]; c.reads[0] == "" {
		c.reads = c.reads[1:]
	}
	return n, nil
}

func (c *scripted) Ready() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.reads) > 0 && c.reads[0] != ""
}

type quiet struct{}

func (quiet) readerEnded()        {}
func (quiet) interruptRead(error) {}
func (quiet) givenUp() error      { return nil }

func reading(f flow.Framing, end error, reads ...string) *reader {
	r := new(reader)
	r.prepare(quiet{}, newSource(&scripted{reads: reads, end: end}), flow.ToClient, "origin.test:80")
	r.start(f, Tolerant, Limits{}.withDefaults())
	return r
}

func TestReaderGivesWhatIsHere(t *testing.T) {
	for _, c := range []struct {
		name    string
		framing flow.Framing
		reads   []string
		want    string
	}{
		{"records of one chunk come in one call", chunkedBody, []string{"6\r\nab", "cd", "ef\r\n", "0\r\n\r\n"}, "abcdef"},
		{"a chunk that is not complete is not waited for", chunkedBody, []string{"6\r\nab", "", "cdef\r\n0\r\n\r\n"}, "ab|cdef"},
		{"chunks stay apart", chunkedBody, []string{"2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n"}, "ab|cd"},
		{"a length joins what is here", byLength(6), []string{"ab", "cd", "", "ef"}, "abcd|ef"},
		{"until close joins what is here", untilClose, []string{"ab", "cd", "", "ef"}, "abcd|ef"},
	} {
		r := reading(c.framing, io.EOF, c.reads...)
		var got []string
		p := make([]byte, 100)
		for {
			n, err := r.Read(p)
			if err != nil {
				if err != io.EOF {
					t.Errorf("%s: %v", c.name, err)
				}
				break
			}
			got = append(got, string(p[:n]))
		}
		if strings.Join(got, "|") != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestReadyIsTrueOnlyForDataOrAnEnd(t *testing.T) {
	r := reading(chunkedBody, io.EOF, "2\r\nab\r\n", "", "2", "", "\r\nc", "", "d\r\n0\r\n", "", "\r\n")
	p := make([]byte, 10)
	for i, want := range []struct {
		before bool
		data   string
	}{{true, "ab"}, {false, "c"}, {false, "d"}, {false, ""}} {
		if r.Ready() != want.before {
			t.Errorf("step %d: Ready is %v", i, !want.before)
		}
		n, err := r.Read(p)
		if string(p[:n]) != want.data || (want.data == "") != (err == io.EOF) {
			t.Fatalf("step %d: %q, %v", i, p[:n], err)
		}
	}
	if !r.Ready() {
		t.Error("not ready at its end")
	}
}

func TestReaderTellsBrokenFromEnded(t *testing.T) {
	reset := errors.New("connection reset by test")
	for _, c := range []struct {
		name    string
		framing flow.Framing
		end     error
		reads   []string
		data    string
		cause   flow.Cause // Unspecified = a proper end
		text    string
	}{
		{"until close", untilClose, io.EOF, []string{"abc"}, "abc", 0, ""},
		{"until close, cut in a TLS record", untilClose, io.ErrUnexpectedEOF, []string{"abc"}, "abc", flow.ClosedEarly, "after 3 octets"},
		{"until close, reset", untilClose, reset, []string{"abc"}, "abc", flow.ResetByPeer, "after 3 octets"},
		{"short", byLength(5), io.EOF, []string{"abc"}, "abc", flow.ClosedEarly, "read response body from origin.test:80: server closed the connection after 3 of 5 octets"},
		{"without its last chunk", chunkedBody, io.EOF, []string{"3\r\nabc\r\n"}, "abc", flow.ClosedEarly, "after 3 octets, before the last chunk"},
		{"inside a chunk", chunkedBody, io.EOF, []string{"5\r\nabc"}, "abc", flow.ClosedEarly, "before the last chunk"},
		{"without the final CRLF", chunkedBody, io.EOF, []string{"0\r\n"}, "", flow.ClosedEarly, "before the last chunk"},
		{"malformed", chunkedBody, io.EOF, []string{"3\r\nabc\r\nzz\r\n"}, "abc", flow.Malformed, "read chunked response body from origin.test:80: "},
	} {
		r := reading(c.framing, c.end, c.reads...)
		data, err := readAll(r)
		if data != c.data {
			t.Errorf("%s: data %q", c.name, data)
		}
		if c.cause == flow.Unspecified {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		wantCause(t, err, flow.AtServer, c.cause, c.text)
		if _, again := r.Read(make([]byte, 1)); again != err {
			t.Errorf("%s: then %v", c.name, again)
		}
	}
}

type unnotifiedConn struct{ *scripted }

func (unnotifiedConn) Unnotified() bool { return true }

func TestEndWithoutCloseNotifyIsNoted(t *testing.T) {
	r := new(reader)
	r.prepare(quiet{}, newSource(unnotifiedConn{&scripted{reads: []string{"x"}, end: io.EOF}}), flow.ToClient, "a")
	r.start(untilClose, Tolerant, Limits{}.withDefaults())
	if _, err := readAll(r); err != nil || codes(r.Findings()) != NoCloseNotify {
		t.Fatalf("%v, findings %q", err, codes(r.Findings()))
	}
}

func TestDirectReadsKeepWhatFollowsTheBody(t *testing.T) {
	content := bytes.Repeat([]byte("q"), 3*bufferSize)
	r := reading(byLength(int64(len(content))), io.EOF, string(content)+"next")
	p := make([]byte, 64<<10)
	n, err := r.Read(p)
	if n != len(content) || err != nil || !bytes.Equal(p[:n], content) {
		t.Fatal(n, err)
	}
	if got := string(r.src.buffered()); got != "next" {
		t.Errorf("behind the body: %q", got)
	}
}
