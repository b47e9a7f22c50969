package http2

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"

	h2 "golang.org/x/net/http2"

	"midstream/flow"
	"midstream/internal/transport"
)

// references is a request head in which one small field is referred to n times,
// an octet each: what is small on the wire becomes many fields.
func references(p *peer, name string, n int) []byte {
	b := p.encode(":method", "GET", ":scheme", "https", ":authority", "a.test", ":path", "/", name, "")
	// The newest entry of the table, which the field above has made, or makes again.
	return append(b, bytes.Repeat([]byte{0xbe}, n)...)
}

// Crumbs of cookies and other fields without content are counted like any: a head
// of thousands of them is refused before anybody keeps it, and those below the
// limit that are held by windows of 0 are as many as the streams.
func TestManyFieldsOfAnOctetEachAreBounded(t *testing.T) {
	var served, most atomic.Int64
	hold := make(chan struct{})
	nc, srv, _ := serve(t, ServerConfig{Limits: Limits{Streams: 10, Fields: 1000}}, func(st *Stream) {
		served.Add(1)
		most.Store(max(most.Load(), int64(len(st.Request().Fields))))
		<-hold
		answer(st, 200, "held by the window", nil)
	})
	defer close(hold)
	p := newPeer(t, nc).client(h2.Setting{ID: h2.SettingInitialWindowSize, Val: 0})
	id := uint32(1)
	for _, name := range []string{"cookie", "x"} {
		for range 50 {
			p.fr.WriteHeaders(h2.HeadersFrameParam{StreamID: id, BlockFragment: references(p, name, 8000), EndStream: true, EndHeaders: true})
			if fields, end := p.headers(id); fields[0] != ":status: 431" || !end {
				t.Fatalf("%s: %v", name, fields)
			}
			id += 2
		}
	}
	if n := served.Load(); n != 0 {
		t.Errorf("%d of them were served", n)
	}
	srv.mu.Lock()
	if n := len(srv.streams); n != 0 {
		t.Errorf("%d streams are kept", n)
	}
	srv.mu.Unlock()
	refused := 0
	for range 50 {
		p.fr.WriteHeaders(h2.HeadersFrameParam{StreamID: id, BlockFragment: references(p, "cookie", 900), EndStream: true, EndHeaders: true})
		id += 2
	}
	for refused < 40 {
		if how := p.ended(); how != "RST_STREAM REFUSED_STREAM" {
			t.Fatal(how)
		}
		refused++
	}
	if served.Load() > 10 || most.Load() > 1000 {
		t.Errorf("%d heads with up to %d fields are held", served.Load(), most.Load())
	}
}

// A block of small indexed fields costs no more than the limit of fields: what lies
// above is not even looked at.
func TestABlockOfIndexedFieldsIsCountedToTheLimit(t *testing.T) {
	var b fieldBlock
	b.init(Limits{}.withDefaults())
	block := bytes.Repeat([]byte{0x90}, 16<<10) // accept-encoding, of the static table
	for range 100 {
		b.begin(b.limits.Head)
		if err := b.add(block); err != nil {
			t.Fatal(err)
		}
		if err := b.end(); err != nil {
			t.Fatal(err)
		}
		if !b.tooLarge || b.count != DefaultFields+1 || len(b.fields) != DefaultFields {
			t.Fatalf("too large %v, %d fields counted, %d kept", b.tooLarge, b.count, len(b.fields))
		}
	}
	if cap(b.fields) > 2*DefaultFields {
		t.Errorf("room for %d fields is kept", cap(b.fields))
	}
}

// Nothing stays of a request that its server resets and then goes away from, however
// often it does.
func TestResetAndGoAwayAtOnceLeaveNothing(t *testing.T) {
	var budget Budget
	for range 200 {
		a, b := tcpPair(t)
		dead := make(chan struct{})
		c, err := NewClient(transport.New(a), ClientConfig{Budget: &budget, OnDead: func(*Client) { close(dead) }})
		if err != nil {
			t.Fatal(err)
		}
		p := newPeer(t, b).server()
		var calls []*Call
		for i := range uint32(3) {
			calls = append(calls, open(t, c, request("GET", "/"), flow.Framing{}))
			p.headers(1 + 2*i)
		}
		p.fr.WriteRSTStream(1, h2.ErrCodeCancel)
		p.fr.WriteGoAway(1, h2.ErrCodeNo, nil)
		for _, call := range calls {
			if _, _, err := call.Head(context.Background()); err == nil {
				t.Fatal("there was a response")
			}
		}
		<-dead
		c.mu.Lock()
		n := len(c.streams) + len(c.waiting)
		c.mu.Unlock()
		if n != 0 || c.Alive() {
			t.Fatalf("%d streams are left, alive %v", n, c.Alive())
		}
		for _, call := range calls {
			call.Close()
		}
		c.Close()
		b.Close()
	}
	if n := budget.Unread(); n != 0 {
		t.Errorf("%d octets are counted", n)
	}
}

// Ten thousand requests on one connection leave what one leaves.
func TestStreamsThatHaveEndedAreForgotten(t *testing.T) {
	nc, srv, _ := serve(t, ServerConfig{}, func(st *Stream) { answer(st, 200, "some", nil) })
	p := newPeer(t, nc).client()
	for i := range uint32(10000) {
		p.get(1 + 2*i)
		p.data(1+2*i, 4)
		if i%1000 == 0 {
			p.fr.WriteWindowUpdate(0, 4000)
		}
	}
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if len(srv.streams) > 1 || len(srv.waiting) > 0 {
		t.Errorf("%d streams are kept", len(srv.streams))
	}
}

// A server floods as well as a client can.
func TestFloodsOfAServerEndTheConnection(t *testing.T) {
	for name, flood := range map[string]func(p *peer, i int) error{
		"SETTINGS": func(p *peer, _ int) error {
			return p.fr.WriteSettings(h2.Setting{ID: h2.SettingInitialWindowSize, Val: 1})
		},
		"empty DATA": func(p *peer, i int) error {
			if i == 0 {
				p.send(1, false, ":status", "200")
			}
			return p.fr.WriteData(1, false, nil)
		},
		"CONTINUATION without end": func(p *peer, i int) error {
			if i == 0 {
				return p.fr.WriteHeaders(h2.HeadersFrameParam{StreamID: 1, BlockFragment: p.encode(":status", "200")})
			}
			return p.fr.WriteContinuation(1, false, p.encode("a", "b"))
		},
		"empty CONTINUATION": func(p *peer, i int) error {
			if i == 0 {
				return p.fr.WriteHeaders(h2.HeadersFrameParam{StreamID: 1, BlockFragment: p.encode(":status", "200")})
			}
			return p.fr.WriteContinuation(1, false, nil)
		},
		"a head that unpacks to gigabytes": func(p *peer, i int) error {
			if i == 0 {
				return p.fr.WriteHeaders(h2.HeadersFrameParam{StreamID: 1, BlockFragment: p.encode("x", string(bytes.Repeat([]byte("y"), 4000)))})
			}
			return p.fr.WriteContinuation(1, false, bytes.Repeat([]byte{0xbe}, 16<<10))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, p := dial(t, ClientConfig{})
			call := open(t, c, request("GET", "/"), flow.Framing{})
			p.headers(1)
			go func() {
				for i := range 100000 {
					if flood(p, i) != nil {
						return
					}
				}
			}()
			how := ""
			for {
				f, err := p.fr.ReadFrame()
				if err != nil {
					break
				}
				if g, ok := f.(*h2.GoAwayFrame); ok {
					how = g.ErrCode.String()
				}
			}
			if how != "ENHANCE_YOUR_CALM" || c.Alive() {
				t.Errorf("the connection ended with %q", how)
			}
			p.nc.Close()
			call.Close()
		})
	}
}
