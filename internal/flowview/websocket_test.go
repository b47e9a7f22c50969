package flowview

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"midstream/flow"
	"midstream/internal/store"
	"midstream/internal/ws"
)

// sent is a piece that one end of a connection sent.
type sent struct {
	side flow.Side
	p    string
}

func wsFrame(first byte, mask, payload string) string {
	h := ws.Header{Fin: first&0x80 != 0, RSV: first >> 4 & 7, Opcode: ws.Opcode(first & 15), Length: int64(len(payload)), Masked: mask != ""}
	copy(h.Mask[:], mask)
	p := []byte(payload)
	ws.Cipher(p, h.Mask, 0)
	return string(append(ws.AppendHeader(nil, h), p...))
}

// socket records a WebSocket connection; one that lives is not ended.
func (rec *recording) socket(extensions string, pieces []sent) (*store.Record, *flow.Flow) {
	r := rec.store.Start()
	f := &flow.Flow{ID: flow.NewID(), Start: time.Now(), Request: &flow.Request{Method: "GET", Scheme: "http", Host: "a.test", Port: 80, Path: "/",
		Message: flow.Message{Version: flow.HTTP11}}}
	r.Head(f, flow.ToServer)
	g := *f
	g.Response = &flow.Response{Status: 101, Message: flow.Message{Version: flow.HTTP11}}
	g.Response.Fields.Add("Upgrade", "WebSocket")
	if extensions != "" {
		g.Response.Fields.Add("Sec-WebSocket-Extensions", extensions)
	}
	g.RequestBody = flow.Body{Disposition: flow.Tee, Declared: -1}
	g.ResponseBody = g.RequestBody
	live := g
	r.Head(&live, flow.ToClient)
	for _, p := range pieces {
		r.Piece(p.side, []byte(p.p))
		bodyOf(&g, p.side).Sent += int64(len(p.p))
		for now := time.Now(); time.Since(now) < 2*time.Microsecond; { // times have microseconds
		}
	}
	rec.store.Flush()
	return r, &g
}

func (rec *recording) end(r *store.Record, g *flow.Flow) uint64 {
	g.RequestBody.Ended, g.ResponseBody.Ended = true, true
	g.Outcome, g.End = flow.Outcome{Kind: flow.Completed}, time.Now()
	r.End(g)
	rec.store.Flush()
	return r.Number()
}

// listed is the text and the JSON of a listing.
func (rec *recording) listed(q MessageQuery) (text []string, lines string, err error) {
	rec.t.Helper()
	r, err := store.OpenReader(rec.dir)
	if err != nil {
		rec.t.Fatal(err)
	}
	defer r.Close()
	var a, b bytes.Buffer
	err = MessagesText(&a, Messages(context.Background(), r, q), time.Now(), 0)
	if jerr := MessagesJSON(&b, Messages(context.Background(), r, q)); (jerr == nil) != (err == nil) {
		rec.t.Errorf("as text %v, as JSON %v", err, jerr)
	}
	for line := range strings.Lines(b.String()) {
		if !json.Valid([]byte(line)) {
			rec.t.Errorf("not JSON: %s", line)
		}
	}
	return shown(a.String()), b.String(), err
}

func TestWebSocketMessages(t *testing.T) {
	up, down := flow.ToServer, flow.ToClient
	hello := "\xf2\x48\xcd\xc9\xc9\x07\x00"
	rec := newRecording(t)
	for _, c := range []struct {
		name, extensions string
		pieces           []sent
		want, request    string
		keys             []string
	}{
		{"both ways", "", []sent{
			{up, wsFrame(0x81, "mask", "one") + wsFrame(1, "mask", "tw")}, {down, wsFrame(0x82, "", "\x00\xff")}, {up, wsFrame(0x89, "mask", "p") + wsFrame(0x80, "mask", "o")},
			{down, wsFrame(0x8a, "", "p")}, {up, wsFrame(0x88, "mask", "\x03\xe8bye")}, {down, wsFrame(0x88, "", "")},
		}, "0 3b client text one|1 2b server binary 00 ff|2 1b client ping p|3 3b client text two|4 1b server pong p|5 5b client close 1000 bye|6 0b server close without a code",
			"0 3b client text one|1 1b client ping p|2 3b client text two|3 5b client close 1000 bye",
			[]string{`"from":"client","opcode":"text","frames":2,"text":"two"`, `"from":"server","opcode":"binary","base64":"AP8="`, `"code":1000,"reason":"bye"`, `"code":1005`}},
		{"compressed", "permessage-deflate; server_no_context_takeover", []sent{
			{up, wsFrame(0xc1, "mask", hello)}, {down, wsFrame(0xc1, "", hello)}, {up, wsFrame(0xc1, "mask", "\xf2\x00\x11\x00\x00")}, {down, wsFrame(0xc1, "", hello)},
		}, "0 5b client text [compressed] Hello|1 5b server text [compressed] Hello|2 5b client text [compressed] Hello|3 5b server text [compressed] Hello",
			"0 5b client text [compressed] Hello|1 5b client text [compressed] Hello", []string{`"opcode":"text","compressed":true,"text":"Hello"`}},
		{"not WebSocket", "", []sent{{up, wsFrame(0x81, "mask", "a") + "GET / HTTP/1.1"}, {down, wsFrame(0x81, "", "b") + "\x81\x05c"}},
			"0 1b client text a|1 14b client [not WebSocket from here on] [a frame has a reserved bit that no extension stands for]|2 1b server text b|3 1b server text [unfinished] c",
			"0 1b client text a|1 14b client [not WebSocket from here on] [a frame has a reserved bit that no extension stands for]", []string{`"lost":true,"error":"a frame`}},
		{"not DEFLATE", "permessage-deflate", []sent{{down, wsFrame(0xc1, "", "\xff\xff")}}, "0 0b server text [compressed] [the message is not what DEFLATE makes]", "", nil},
		{"hostile", "", []sent{{down, wsFrame(0x81, "", "\x1b]0;owned\x07\u202e") + wsFrame(0x88, "", "\x03\xe9\x1b[2J")}},
			`0 13b server text \x1b]0;owned\x07\u202e|1 6b server close 1001 \x1b[2J`, "", nil},
		{"nothing", "", nil, "", "", nil},
	} {
		n := rec.end(rec.socket(c.extensions, c.pieces))
		text, lines, err := rec.listed(MessageQuery{Number: n, Side: flow.ToClient})
		if got := strings.Join(text, "|"); got != c.want || err != nil {
			t.Errorf("%s: %v\n got %s\nwant %s", c.name, err, got, c.want)
		}
		for _, k := range c.keys {
			if !strings.Contains(lines, k) {
				t.Errorf("%s: no %s in\n%s", c.name, k, lines)
			}
		}
		text, _, err = rec.listed(MessageQuery{Number: n, Side: flow.ToServer})
		if got := strings.Join(text, "|"); got != c.request || err != nil {
			t.Errorf("%s, of the client: %v\n got %s\nwant %s", c.name, err, got, c.request)
		}
	}
}

func TestWebSocketMessagesByPage(t *testing.T) {
	rec := newRecording(t)
	var pieces []sent
	for i := range 50 {
		pieces = append(pieces, sent{flow.Side(i % 2), wsFrame(0x81, "", string(rune('0'+i%10)))})
	}
	n := rec.end(rec.socket("", pieces))
	text, _, err := rec.listed(MessageQuery{Number: n, Side: flow.ToClient, From: 41, Count: 2})
	if got := strings.Join(text, "|"); err != nil || !strings.HasPrefix(got, "41 ") || !strings.Contains(got, "text 1|42 ") || len(text) != 2 {
		t.Error(got, err)
	}
	large := strings.Repeat("\u00e9", 1<<20)
	n = rec.end(rec.socket("", []sent{{flow.ToClient, wsFrame(0x81, "", "x"+large)}}))
	text, lines, err := rec.listed(MessageQuery{Number: n, Side: flow.ToClient})
	if err != nil || len(text) != 1 || !strings.HasPrefix(text[0], "0 2.0m server text [large] x\u00e9") || len(lines) > 2<<20 || !strings.Contains(lines, `"cut":true`) {
		t.Errorf("%.100q %v, %d octets of JSON", text, err, len(lines))
	}
}

// Messages of a connection that lives come from both ends as they are sent.
func TestWebSocketMessagesAsTheyCome(t *testing.T) {
	rec := newRecording(t)
	r, g := rec.socket("", []sent{{flow.ToServer, wsFrame(0x81, "mask", "0")}})
	reader, err := store.OpenReader(rec.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	seen := 0
	for m, err := range Messages(t.Context(), reader, MessageQuery{Number: r.Number(), Side: flow.ToClient, Follow: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if want := string(rune('0' + seen)); string(m.Raw) != want || m.Index != int64(seen) {
			t.Errorf("%d %q, want %q", m.Index, m.Raw, want)
		}
		if seen++; seen == 5 {
			rec.end(r, g)
			continue
		}
		side := flow.Side(seen % 2)
		p := wsFrame(0x81, "", string(rune('0'+seen)))
		r.Piece(side, []byte(p))
		bodyOf(g, side).Sent += int64(len(p))
		rec.store.Flush()
	}
	if seen != 5 {
		t.Errorf("%d messages", seen)
	}
}
