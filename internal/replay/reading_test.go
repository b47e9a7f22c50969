package replay

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/engine"
	"midstream/internal/format"
	"midstream/internal/query"
)

func TestWhatNoHookChangesStaysAsItWas(t *testing.T) {
	plain := item("/a", flow.Fields{{Name: "Content-Type", Value: "text/plain"}}, "hello")
	plain.Flow.Comment, plain.Flow.Marker, plain.Flow.Metadata = "look", "*", map[string]string{"who": "me"}
	plain.Flow.Findings = []flow.Finding{{Code: "odd", Text: "something"}}
	upload := withRequest(item("/up", flow.Fields{{Name: "Content-Length", Value: "2"}}, "ok"), "POST", "an upload")
	head := item("/head", flow.Fields{{Name: "Content-Length", Value: "500"}}, "")
	head.Flow.Request.Method = "HEAD"
	absolute := item("/abs", nil, "x")
	absolute.Flow.Request.Form, absolute.Flow.Request.Authority = flow.AbsoluteForm, "other.test"
	trailers := item("/t", flow.Fields{{Name: "Transfer-Encoding", Value: "chunked"}}, "body")
	trailers.Flow.Response.Trailers = flow.Fields{{Name: "Digest", Value: "1"}}
	two := item("/two", nil, "h2")
	two.Flow.Request.Version, two.Flow.Response.Version = flow.HTTP2, flow.HTTP2
	failed := item("/none", nil, "")
	failed.Flow.Response, failed.Flow.Outcome = nil, flow.Outcome{Kind: flow.Failed, Phase: "dial", Text: "no such host"}
	failed.Bodies[flow.ToClient] = nil
	failed.Flow.ResponseBody = flow.Body{}
	cut := item("/cut", flow.Fields{{Name: "Content-Length", Value: "10"}}, "half")
	cut.Flow.Outcome = flow.Outcome{Kind: flow.ServerCut, Phase: "body", Bytes: 4, Text: "the server closed"}
	missing := item("/missing", flow.Fields{{Name: "Content-Length", Value: "99"}}, "")
	missing.Bodies[flow.ToClient] = nil
	format.Missing(&missing.Flow.ResponseBody)

	all := []*format.Item{plain, upload, head, absolute, trailers, two, failed, cut, missing}
	for _, set := range []*hook.Set{nil, newSet(t, looks{})} {
		r := read(t, set, all...)
		for i, it := range all {
			n := uint64(i + 1)
			got, want := flowOf(t, r, n), *it.Flow
			want.Number = n
			if got.ID != want.ID || got.Comment != want.Comment || got.Marker != want.Marker || !reflect.DeepEqual(got.Metadata, want.Metadata) ||
				!reflect.DeepEqual(got.Findings, want.Findings) || got.Outcome != want.Outcome || !got.Start.Equal(want.Start) || !got.End.Equal(want.End) {
				t.Errorf("%s: got %+v\nwant %+v", want.Request.Path, got, want)
			}
			if !reflect.DeepEqual(got.Request, want.Request) || !reflect.DeepEqual(got.Response, want.Response) ||
				!reflect.DeepEqual(got.Client, want.Client) || !reflect.DeepEqual(got.Server, want.Server) {
				t.Errorf("%s: heads: got %+v %+v\nwant %+v %+v", want.Request.Path, got.Request, got.Response, want.Request, want.Response)
			}
			for side, b := range it.Bodies {
				if b == nil {
					continue
				}
				p := make([]byte, b.Size())
				b.ReadAt(p, 0)
				if s := bodyOf(t, r, n, flow.Side(side)); s != string(p) {
					t.Errorf("%s: body %q, want %q", want.Request.Path, s, p)
				}
			}
		}
		if b := flowOf(t, r, 9).ResponseBody; b.Disposition != flow.Pass || b.Record != flow.Unrecorded {
			t.Errorf("missing content: %+v", b)
		}
	}
}

// looks wants whole bodies, and changes nothing.
type looks struct{}

func (looks) Request(context.Context, *hook.Exchange) error  { return nil }
func (looks) Response(context.Context, *hook.Exchange) error { return nil }

// seen notes what content its hooks are shown.
type seen struct {
	errs    []error
	content []string
}

func (s *seen) Response(_ context.Context, x *hook.Exchange) error {
	p, err := x.Response.Content()
	s.errs, s.content = append(s.errs, err), append(s.content, string(p))
	if err == nil {
		x.Comment = "was " + string(p)
		return x.Response.SetContent([]byte("changed"))
	}
	return nil
}

func TestHooksChangeWhatIsRead(t *testing.T) {
	missing := item("/missing", nil, "")
	missing.Bodies[flow.ToClient] = nil
	format.Missing(&missing.Flow.ResponseBody)
	s := &seen{}
	r := read(t, newSet(t, s), item("/a", nil, "hello"), missing)
	if s.content[0] != "hello" || !errors.Is(s.errs[1], hook.ErrMissing) {
		t.Errorf("hooks have seen %q, %v", s.content, s.errs)
	}
	f := flowOf(t, r, 1)
	if got := bodyOf(t, r, 1, flow.ToClient); got != "changed" || f.Comment != "was hello" || !f.Response.End.Equal(noon.Add(time.Second)) {
		t.Errorf("%q, %q, %v", got, f.Comment, f.Response.End)
	}
}

func TestPiecesKeepTheirTimes(t *testing.T) {
	from := newSession(t)
	was := timed(t, from, item("/events", flow.Fields{{Name: "Content-Type", Value: "text/event-stream"}, {Name: "Transfer-Encoding", Value: "chunked"}}, ""),
		"data: one\n\n", "data: two\n\n", "data: three\n\n")
	src := itemsOf(t, from)
	to := newSession(t)
	reading := &Reading{Engine: engine.New(engine.Config{Recorder: recorder{to}}), Store: to}
	if _, err := reading.Run(t.Context(), src, nil); err != nil {
		t.Fatal(err)
	}
	r := opened(t, to)
	b, err := r.Body(t.Context(), 1, flow.ToClient)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	n := 0
	for p, err := range b.Pieces() {
		if want := was.Response.Start.Add(time.Duration(n) * time.Second); err != nil || !p.Time.Equal(want) {
			t.Errorf("piece %d at %v, want %v (%v)", n, p.Time, want, err)
		}
		n++
	}
	if n != 3 {
		t.Errorf("%d pieces", n)
	}
	marks, err := r.Marks(t.Context(), 1, flow.ToClient)
	if err != nil {
		t.Fatal(err)
	}
	defer marks.Close()
	if f := flowOf(t, r, 1); f.ResponseBody.Messages != 3 {
		t.Errorf("%d messages", f.ResponseBody.Messages)
	}
}

// order notes who said what.
type order struct{ said []string }

func (o *order) WebSocketMessage(_ context.Context, x *hook.Exchange) error {
	o.note(x.WebSocket.Message.FromClient, x.WebSocket.Message.Content)
	return nil
}

func (o *order) TCPMessage(_ context.Context, x *hook.Exchange) error {
	o.note(x.TCP.Message.FromClient, x.TCP.Message.Content)
	return nil
}

func (o *order) note(client bool, p []byte) {
	who := "s:"
	if client {
		who = "c:"
	}
	o.said = append(o.said, who+string(p))
}

// An archive may have the messages of a WebSocket without the fields of its handshake.
func TestMessagesWithoutAHandshakeAreKept(t *testing.T) {
	socket := item("/ws", nil, "")
	socket.Flow.Response.Status = 101
	socket.Bodies = [2]format.Body{}
	socket.Closing = &format.Closing{}
	socket.Messages = func(yield func(format.Message, error) bool) {
		yield(format.Message{FromClient: true, Text: true, Content: format.Octets("hi"), Time: noon}, nil)
	}
	r := read(t, newSet(t, &order{}), socket)
	if f := flowOf(t, r, 1); !query.IsWebSocket(f) || f.RequestBody.Sent == 0 {
		t.Errorf("%+v, %+v", f.Response, f.RequestBody)
	}
}

func TestMessagesComeInTheirOrder(t *testing.T) {
	var want []string
	var messages []format.Message
	for i := range 50 {
		client := i%3 != 1
		text := string(rune('a' + i%26))
		messages = append(messages, format.Message{FromClient: client, Text: true, Content: format.Octets(text), Time: noon.Add(time.Duration(i) * time.Second)})
		who := "s:"
		if client {
			who = "c:"
		}
		want = append(want, who+text)
	}
	all := func(yield func(format.Message, error) bool) {
		for _, m := range messages {
			if !yield(m, nil) {
				return
			}
		}
	}
	socket := item("/ws", flow.Fields{{Name: "Connection", Value: "Upgrade"}, {Name: "Upgrade", Value: "websocket"}}, "")
	socket.Flow.Request.Fields = append(socket.Flow.Request.Fields, flow.Field{Name: "Connection", Value: "Upgrade"}, flow.Field{Name: "Upgrade", Value: "websocket"})
	socket.Flow.Response.Status = 101
	socket.Messages, socket.Closing = all, &format.Closing{Known: true, ByClient: true, Code: 1000, Time: noon.Add(time.Minute)}
	tunnel := &format.Item{Flow: &flow.Flow{ID: flow.NewID(), Kind: flow.TCP, Client: socket.Flow.Client, Server: socket.Flow.Server,
		Comment: "raw", Outcome: flow.Outcome{Kind: flow.Completed}, Start: noon, End: noon.Add(time.Minute)}, Messages: all}
	for name, it := range map[string]*format.Item{"WebSocket": socket, "TCP": tunnel} {
		for text, want := range map[string]bool{"~bq y": true, "~bs y": false, "~bs z": true, "~bq z": false, "~b '!'": false, "~size >49": true, "~size >50": false} {
			filter, err := query.Parse(text, query.Exact)
			if err != nil {
				t.Fatal(err)
			}
			if yes, err := matches(t.Context(), filter, it); yes != want || err != nil {
				t.Errorf("%s, %s: %v, %v", name, text, yes, err)
			}
		}
		o := &order{}
		r := read(t, newSet(t, o), it)
		if !reflect.DeepEqual(o.said, want) {
			t.Errorf("%s: heard %q\nwant %q", name, o.said, want)
		}
		f := flowOf(t, r, 1)
		if f.ID != it.Flow.ID || f.Comment != it.Flow.Comment || !f.Start.Equal(noon) || f.Outcome.Kind != flow.Completed {
			t.Errorf("%s: %+v", name, f)
		}
		b, err := r.Body(t.Context(), 1, flow.ToClient)
		if err != nil {
			t.Fatal(err)
		}
		for p := range b.Pieces() {
			if !p.Time.Equal(noon.Add(time.Second)) {
				t.Errorf("%s: the first piece of the server is of %v", name, p.Time)
			}
			break
		}
		b.Close()
	}
}
