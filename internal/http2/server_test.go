package http2

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	h2 "golang.org/x/net/http2"

	"midstream/flow"
)

// ignore serves nothing: the handler waits for the client to go.
func ignore(st *Stream) { <-st.Context().Done() }

func TestTheEndOfARequestStaysOnItsHead(t *testing.T) {
	kinds := make(chan flow.FramingKind, 2)
	nc, _, _ := serve(t, ServerConfig{}, func(st *Stream) {
		kinds <- st.Framing().Kind
		readBody(st.Body())
		answer(st, 200, "", nil)
	})
	p := newPeer(t, nc).client()
	p.get(1)
	if k := <-kinds; k != flow.Unframed {
		t.Errorf("framing %v", k)
	}
	if fields, end := p.headers(1); !end || fields[0] != ":status: 200" {
		t.Errorf("%v, end %v: the end of the response is not on its head", fields, end)
	}
	p.post(3)
	if k := <-kinds; k != flow.Chunked {
		t.Errorf("framing %v", k)
	}
	p.fr.WriteData(3, true, nil)
	p.headers(3)
}

func TestAHeadIsReadBeforeItsBodyAndEachFrameByItself(t *testing.T) {
	got := make(chan string)
	nc, _, _ := serve(t, ServerConfig{}, func(st *Stream) {
		got <- st.Request().Path
		b := make([]byte, 100)
		for {
			n, err := st.Body().Read(b)
			if err != nil {
				got <- err.Error()
				break
			}
			got <- string(b[:n])
		}
		answer(st, 200, "", nil)
	})
	p := newPeer(t, nc).client()
	p.post(1)
	if s := <-got; s != "/" {
		t.Fatal(s)
	}
	// Both frames are here before the first is read.
	p.fr.WriteData(1, false, []byte("one"))
	p.fr.WriteDataPadded(1, false, []byte("two"), make([]byte, 9))
	p.fr.WriteData(1, true, []byte("three"))
	for _, want := range []string{"one", "two", "three", "EOF"} {
		if s := <-got; s != want {
			t.Errorf("read %q, want %q", s, want)
		}
	}
}

func TestAnUnreadStreamStopsItsSenderAndNobodyElse(t *testing.T) {
	budget := new(Budget)
	nc, _, _ := serve(t, ServerConfig{Budget: budget}, func(st *Stream) {
		if st.Request().Fields.Has("stall") {
			<-st.Context().Done()
			return
		}
		echo(st)
	})
	cc := newPeer(t, nc).client()
	cc.post(1, "stall", "1")
	chunk := make([]byte, 16<<10)
	for range initialWindow / len(chunk) {
		cc.fr.WriteData(1, false, chunk)
	}
	cc.post(3)
	cc.fr.WriteData(3, true, []byte("through"))
	if got, _ := cc.data(3, 7); got != "through" {
		t.Errorf("got %q", got)
	}
	if n := budget.Unread(); n != initialWindow {
		t.Errorf("%d octets unread, want %d", n, initialWindow)
	}
	cc.fr.WriteData(1, false, []byte("x"))
	if got := cc.ended(); got != "RST_STREAM FLOW_CONTROL_ERROR" {
		t.Errorf("more than the window: %s", got)
	}
	cc.fr.WritePing(false, [8]byte{1})
	cc.await(func(f h2.Frame) bool { _, ok := f.(*h2.PingFrame); return ok })
	cc.post(5)
	cc.fr.WriteData(5, true, []byte("again"))
	if got, _ := cc.data(5, 5); got != "again" {
		t.Errorf("after it: %q", got)
	}
	for budget.Unread() != 0 { // the handler of stream 1 is on its way out
		cc.fr.WritePing(false, [8]byte{2})
		cc.await(func(f h2.Frame) bool { _, ok := f.(*h2.PingFrame); return ok })
	}
}

func TestAResetReachesTheHandlerWithItsCode(t *testing.T) {
	causes := make(chan error, 1)
	nc, _, _ := serve(t, ServerConfig{}, func(st *Stream) {
		<-st.Context().Done()
		causes <- context.Cause(st.Context())
		_, err := st.Body().Read(make([]byte, 1))
		causes <- err
	})
	p := newPeer(t, nc).client()
	for code := range uint32(14) {
		id := 1 + 2*code
		p.post(id)
		p.fr.WriteRSTStream(id, h2.ErrCode(code))
		for range 2 {
			e := flowError(t, <-causes)
			if e.Peer != flow.AtClient || e.Cause != flow.ResetByPeer || e.Code != uint64(code) {
				t.Errorf("code %d: %+v", code, e)
			}
		}
	}
}

func TestTheCodeOfAnotherPeerIsPassedOn(t *testing.T) {
	from := make(chan uint64, 1)
	nc, _, _ := serve(t, ServerConfig{}, func(st *Stream) {
		st.Respond(&flow.Response{Status: 200}, flow.Framing{Kind: flow.Chunked})
		st.sink.Write([]byte("part"))
		st.sink.Abort(&flow.Error{Peer: flow.AtServer, Phase: flow.InBody, Cause: flow.ResetByPeer, Code: <-from, Err: errors.New("reset")})
	})
	p := newPeer(t, nc).client()
	for code := uint64(1); code < 14; code++ {
		id := uint32(2*code - 1)
		from <- code
		p.get(id)
		if got, want := p.ended(), "RST_STREAM "+h2.ErrCode(code).String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestMalformedRequestsAreStreamErrors(t *testing.T) {
	nc, _, _ := serve(t, ServerConfig{}, echo)
	p := newPeer(t, nc).client()
	id := uint32(1)
	for name, pairs := range map[string][]string{
		"a split": {"a", "x\r\nX: y"}, "a space": {"x y", "z"}, "upper case": {"X", "y"}, "NUL": {"a", "\x00"},
	} {
		p.get(id, pairs...)
		if got := p.ended(); got != "RST_STREAM PROTOCOL_ERROR" {
			t.Errorf("%s: %s", name, got)
		}
		id += 2
	}
	p.get(id)
	if fields, _ := p.headers(id); fields[0] != ":status: 200" {
		t.Errorf("after them: %v", fields)
	}
	p.post(id+2, "content-length", "3")
	p.fr.WriteData(id+2, true, []byte("four"))
	if got := p.ended(); got != "RST_STREAM PROTOCOL_ERROR" {
		t.Errorf("a body longer than its length: %s", got)
	}
}

func TestLargeHeadsPassUpToTheLimit(t *testing.T) {
	nc, _, _ := serve(t, ServerConfig{Limits: Limits{Head: 128 << 10}}, func(st *Stream) {
		head := &flow.Response{Status: 200}
		head.Fields = st.Request().Fields
		st.Respond(head, flow.Framing{})
	})
	p := newPeer(t, nc).client()
	sendLarge := func(id uint32, n int) {
		b := p.encode(":method", "GET", ":scheme", "https", ":authority", "a.test", ":path", "/", "cookie", strings.Repeat("é", n/2))
		first := true
		for len(b) > 0 {
			m := min(len(b), 16<<10)
			if first {
				p.fr.WriteHeaders(h2.HeadersFrameParam{StreamID: id, BlockFragment: b[:m], EndStream: true, EndHeaders: m == len(b)})
			} else {
				p.fr.WriteContinuation(id, m == len(b), b[:m])
			}
			first, b = false, b[m:]
		}
	}
	sendLarge(1, 100<<10)
	if fields, _ := p.headers(1); len(fields) != 2 || len(fields[1]) != 100<<10+len("cookie: ") {
		t.Errorf("%d fields", len(fields))
	}
	sendLarge(3, 200<<10)
	if fields, end := p.headers(3); fields[0] != ":status: 431" || !end {
		t.Errorf("above the limit: %v", fields)
	}
	p.get(5)
	if fields, _ := p.headers(5); fields[0] != ":status: 200" {
		t.Errorf("after it: %v", fields)
	}
}

func TestStopLetsStreamsEnd(t *testing.T) {
	release := make(chan struct{})
	nc, srv, done := serve(t, ServerConfig{}, func(st *Stream) { <-release; answer(st, 200, "late", nil) })
	p := newPeer(t, nc).client()
	p.get(1)
	p.fr.WritePing(false, [8]byte{1})
	p.await(func(f h2.Frame) bool { _, ok := f.(*h2.PingFrame); return ok })
	srv.Stop()
	g, _ := p.await(func(f h2.Frame) bool { _, ok := f.(*h2.GoAwayFrame); return ok }).(*h2.GoAwayFrame)
	if g == nil || g.LastStreamID != 1 || g.ErrCode != h2.ErrCodeNo {
		t.Fatalf("%v", g)
	}
	p.get(3)
	close(release)
	if got, _ := p.data(1, 4); got != "late" {
		t.Errorf("got %q", got)
	}
	for {
		if _, err := p.fr.ReadFrame(); err != nil {
			break
		}
	}
	p.nc.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestConnectIsARawConnection(t *testing.T) {
	nc, _, _ := serve(t, ServerConfig{}, func(st *Stream) {
		sink, err := st.Respond(&flow.Response{Status: 200}, flow.Framing{})
		if err != nil {
			t.Error(err)
			return
		}
		sink.Close(nil)
		d, err := st.Upgrade()
		if err != nil {
			t.Error(err)
			return
		}
		io.Copy(d, d)
		d.Close()
	})
	p := newPeer(t, nc).client()
	p.send(1, false, ":method", "CONNECT", ":authority", "b.test:443")
	if fields, end := p.headers(1); fields[0] != ":status: 200" || end {
		t.Fatalf("%v, end %v", fields, end)
	}
	p.fr.WriteData(1, false, []byte("ping"))
	if got, end := p.data(1, 4); got != "ping" || end {
		t.Errorf("%q, end %v", got, end)
	}
	p.fr.WriteData(1, true, nil)
	if _, end := p.data(1, 1); !end {
		t.Error("no half-close")
	}
}

func TestAHandlerThatGivesUpResetsItsStream(t *testing.T) {
	nc, _, _ := serve(t, ServerConfig{}, func(st *Stream) {
		switch st.Request().Fields.Get("do") {
		case "answer":
			answer(st, 413, "no", nil)
		case "panic":
			panic("fault")
		}
	})
	p := newPeer(t, nc).client()
	for i, c := range []struct{ do, want string }{{"answer", "RST_STREAM NO_ERROR"}, {"nothing", "RST_STREAM INTERNAL_ERROR"}, {"panic", "RST_STREAM INTERNAL_ERROR"}} {
		p.post(uint32(1+2*i), "do", c.do)
		if got := p.ended(); got != c.want {
			t.Errorf("%s: %s, want %s", c.do, got, c.want)
		}
	}
}
