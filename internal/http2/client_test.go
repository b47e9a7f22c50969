package http2

import (
	"context"
	"errors"
	"strings"
	"testing"

	h2 "golang.org/x/net/http2"

	"midstream/flow"
	"midstream/internal/transport"
)

// dial runs a Client against a scripted server.
func dial(t *testing.T, cfg ClientConfig, settings ...h2.Setting) (*Client, *peer) {
	t.Helper()
	a, b := tcpPair(t)
	c, err := NewClient(transport.New(a), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	p := newPeer(t, b).server(settings...)
	return c, p
}

func open(t *testing.T, c *Client, req *flow.Request, f flow.Framing) *Call {
	t.Helper()
	call, err := c.Open(context.Background(), req, f)
	if err != nil {
		t.Fatal(err)
	}
	return call
}

func TestTheEndOfARequestIsSentOnItsHead(t *testing.T) {
	c, p := dial(t, ClientConfig{})
	call := open(t, c, request("GET", "/x", flow.Field{Name: "Accept", Value: "*/*"}), flow.Framing{})
	defer call.Close()
	fields, end := p.headers(1)
	if got := strings.Join(fields, "\n"); !end || got != ":method: GET\n:authority: a.test\n:scheme: https\n:path: /x\naccept: */*" {
		t.Errorf("end %v, %s", end, got)
	}
	p.send(1, true, ":status", "204")
	head, _, err := call.Head(context.Background())
	if err != nil || head.Status != 204 || call.Response() != nil || call.Framing().Kind != flow.Unframed {
		t.Errorf("%+v, %v", head, err)
	}
}

func TestTheServersResetSaysItsCode(t *testing.T) {
	c, p := dial(t, ClientConfig{})
	for code := range uint32(14) {
		id := 1 + 2*code
		call := open(t, c, request("GET", "/"), flow.Framing{})
		p.headers(id)
		p.send(id, false, ":status", "200")
		p.fr.WriteData(id, false, []byte("part"))
		p.fr.WriteRSTStream(id, h2.ErrCode(code))
		if _, _, err := call.Head(context.Background()); err != nil {
			t.Fatal(err)
		}
		got, err := readBody(call.Response())
		e := flowError(t, err)
		if got != "part" || e.Peer != flow.AtServer || e.Phase != flow.InBody || e.Cause != flow.ResetByPeer || e.Code != uint64(code) {
			t.Errorf("code %d: %q, %+v", code, got, e)
		}
		call.Close()
	}
}

func TestWhatWasNotProcessedCanBeSentAgain(t *testing.T) {
	t.Run("REFUSED_STREAM", func(t *testing.T) {
		c, p := dial(t, ClientConfig{})
		call := open(t, c, request("GET", "/"), flow.Framing{})
		defer call.Close()
		p.headers(1)
		p.fr.WriteRSTStream(1, h2.ErrCodeRefusedStream)
		_, _, err := call.Head(context.Background())
		if e := flowError(t, err); e.Cause != flow.RefusedRequest || e.Phase != flow.InHead {
			t.Errorf("%+v", e)
		}
	})
	t.Run("GOAWAY", func(t *testing.T) {
		dead := make(chan struct{})
		c, p := dial(t, ClientConfig{OnDead: func(*Client) { close(dead) }})
		first := open(t, c, request("GET", "/"), flow.Framing{})
		defer first.Close()
		second := open(t, c, request("GET", "/"), flow.Framing{})
		defer second.Close()
		p.headers(1)
		p.headers(3)
		p.fr.WriteGoAway(1, h2.ErrCodeNo, nil)
		_, _, err := second.Head(context.Background())
		if e := flowError(t, err); e.Cause != flow.RefusedRequest {
			t.Errorf("above the last stream: %+v", e)
		}
		<-dead
		if _, err := c.Open(context.Background(), request("GET", "/"), flow.Framing{}); !errors.Is(err, ErrStale) || c.Alive() {
			t.Errorf("open after GOAWAY: %v", err)
		}
		p.send(1, true, ":status", "200")
		if head, _, err := first.Head(context.Background()); err != nil || head.Status != 200 {
			t.Errorf("the stream below: %v", err)
		}
	})
	t.Run("HTTP_1_1_REQUIRED", func(t *testing.T) {
		c, p := dial(t, ClientConfig{})
		call := open(t, c, request("GET", "/"), flow.Framing{})
		defer call.Close()
		p.headers(1)
		p.fr.WriteRSTStream(1, h2.ErrCodeHTTP11Required)
		_, _, err := call.Head(context.Background())
		if e := flowError(t, err); e.Cause != flow.RefusedRequest || e.Code != uint64(h2.ErrCodeHTTP11Required) {
			t.Errorf("%+v", e)
		}
	})
}

func TestStreamsAreBoundedByTheServersLimit(t *testing.T) {
	c, p := dial(t, ClientConfig{}, h2.Setting{ID: h2.SettingMaxConcurrentStreams, Val: 2})
	if n, known := c.MaxStreams(); n != 2 || !known {
		t.Fatalf("%d, %v", n, known)
	}
	first := open(t, c, request("GET", "/"), flow.Framing{})
	second := open(t, c, request("GET", "/"), flow.Framing{})
	defer second.Close()
	_, err := c.Open(context.Background(), request("GET", "/"), flow.Framing{})
	if e := flowError(t, err); !errors.Is(err, ErrFull) || e.Cause != flow.RefusedRequest {
		t.Errorf("%v", err)
	}
	first.Cancel(nil)
	first.Close()
	if got := p.ended(); got != "RST_STREAM CANCEL" {
		t.Error(got)
	}
	if c.Free() != 1 {
		t.Errorf("%d free", c.Free())
	}
}

func TestAnEarlyAnswerIsReadToItsEnd(t *testing.T) {
	c, p := dial(t, ClientConfig{})
	call := open(t, c, request("POST", "/"), flow.Framing{Kind: flow.Chunked})
	defer call.Close()
	p.headers(1)
	p.send(1, false, ":status", "413")
	p.fr.WriteData(1, true, []byte("too much"))
	p.fr.WriteRSTStream(1, h2.ErrCodeNo)
	if _, _, err := call.Head(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got, err := readBody(call.Response()); got != "too much" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	var err error
	for err == nil { // until the reset has come
		_, err = call.Body().Write(make([]byte, 100))
	}
	if e := flowError(t, err); e.Cause != flow.NotNeeded {
		t.Errorf("%+v", e)
	}
}

func TestMalformedResponsesAreStreamErrors(t *testing.T) {
	c, p := dial(t, ClientConfig{})
	for i, pairs := range [][]string{{":status", "101"}, {"a", "b"}, {":status", "200", "a", "b\r\nc"}} {
		call := open(t, c, request("GET", "/"), flow.Framing{})
		id := uint32(1 + 2*i)
		p.headers(id)
		p.send(id, false, pairs...)
		_, _, err := call.Head(context.Background())
		if e := flowError(t, err); e.Cause != flow.Malformed || e.Status != 502 || e.Peer != flow.AtServer {
			t.Errorf("%v: %+v", pairs, e)
		}
		if got := p.ended(); got != "RST_STREAM PROTOCOL_ERROR" {
			t.Errorf("%v: %s", pairs, got)
		}
		call.Close()
	}
	if !c.Alive() {
		t.Error("the connection ended")
	}
}

func TestHeadsAndPiecesArriveFrameByFrame(t *testing.T) {
	c, p := dial(t, ClientConfig{})
	call := open(t, c, request("POST", "/"), flow.Framing{Kind: flow.Chunked})
	defer call.Close()
	p.headers(1)
	p.send(1, false, ":status", "200")
	call.Head(context.Background())
	b := make([]byte, 100)
	for _, s := range []string{"ping", "pong", "end"} {
		call.Body().Write([]byte(s))
		if got, _ := p.data(1, len(s)); got != s {
			t.Errorf("sent %q", got)
		}
		p.fr.WriteData(1, false, []byte(s))
		if n, err := call.Response().Read(b); string(b[:n]) != s || err != nil {
			t.Errorf("read %q, %v", b[:n], err)
		}
	}
	call.Body().Close(nil)
	if _, end := p.data(1, 1); !end {
		t.Error("no end")
	}
	p.send(1, true, "grpc-status", "0")
	if _, err := readBody(call.Response()); err != nil || call.Response().Trailers().Get("grpc-status") != "0" {
		t.Errorf("%v, %v", call.Response().Trailers(), err)
	}
}

func TestACutConnectionBreaksItsCalls(t *testing.T) {
	c, p := dial(t, ClientConfig{})
	call := open(t, c, request("GET", "/"), flow.Framing{})
	defer call.Close()
	p.headers(1)
	p.send(1, false, ":status", "200")
	call.Head(context.Background())
	p.nc.Close()
	_, err := readBody(call.Response())
	if e := flowError(t, err); e.Peer != flow.AtServer || e.Phase != flow.InBody || e.Cause != flow.ClosedEarly && e.Cause != flow.ResetByPeer {
		t.Errorf("%+v", e)
	}
}
