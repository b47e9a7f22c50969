package flowview

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"midstream/flow"
	"midstream/internal/store"
	"midstream/internal/ws"
)

// marked records a WebSocket connection as it is recorded when it passes, with
// the places of its messages.
func (rec *recording) marked(extensions string, pieces []sent) uint64 {
	client, server, _ := ws.Agreed(extensions)
	scan := [2]*ws.Splitter{ws.NewScanner(client), ws.NewScanner(server)}
	at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	r := rec.store.StartAt(at)
	f := &flow.Flow{ID: flow.NewID(), Start: at, Request: &flow.Request{Method: "GET", Scheme: "http", Host: "a.test", Port: 80, Path: "/"},
		Response: &flow.Response{Status: 101}}
	f.Response.Fields.Add("Upgrade", "websocket")
	f.Response.Fields.Add("Sec-WebSocket-Extensions", extensions)
	f.RequestBody = flow.Body{Disposition: flow.Tee, Declared: -1, Ended: true}
	f.ResponseBody = f.RequestBody
	for _, p := range pieces {
		at = at.Add(10 * time.Microsecond)
		r.PieceAt(p.side, []byte(p.p), at)
		b := bodyOf(f, p.side)
		b.Sent += int64(len(p.p))
		scan[p.side].Write([]byte(p.p))
		for m, ok := scan[p.side].Next(); ok; m, ok = scan[p.side].Next() {
			r.Mark(p.side, flow.Mark{Offset: m.Offset, Length: scan[p.side].Offset() - m.Offset, Time: at, Attr: uint32(m.Opcode)})
			b.Messages++
		}
	}
	r.Head(f, flow.ToServer)
	f.Outcome, f.End = flow.Outcome{Kind: flow.Completed}, at
	r.End(f)
	rec.store.Flush()
	return r.Number()
}

// Whatever page is asked for, it is that part of the whole list; and where messages
// can be read by themselves, what stands before is not.
func TestPagesOfAWebSocketAreThoseOfTheWhole(t *testing.T) {
	var pieces []sent
	for i := range 400 {
		side := flow.Side(i / 3 % 2)
		mask := ""
		if side == flow.ToServer {
			mask = "mask"
		}
		if i%7 == 0 { // a message in three frames, with control frames inside
			pieces = append(pieces, sent{side, wsFrame(0x01, mask, fmt.Sprint("begin ", i)) + wsFrame(0x89, mask, "ping")},
				sent{side, wsFrame(0x00, mask, strings.Repeat("x", 300)) + wsFrame(0x8a, mask, "pong")}, sent{side, wsFrame(0x80, mask, " end")})
		}
		frames := wsFrame(0x81, mask, fmt.Sprint("message ", i))
		pieces = append(pieces, sent{side, frames[:3]}, sent{side, frames[3:]})
	}
	rec := newRecording(t)
	for name, c := range map[string]struct {
		extensions string
		jumps      bool
	}{
		"plain": {"", true}, "each for itself": {"permessage-deflate; client_no_context_takeover; server_no_context_takeover", true},
		"with what came before": {"permessage-deflate", false},
	} {
		t.Run(name, func(t *testing.T) {
			number := rec.marked(c.extensions, pieces)
			r, err := store.OpenReader(rec.dir)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			list := func(q MessageQuery) (all []string) {
				q.Number = number
				for m, err := range Messages(context.Background(), r, q) {
					if err != nil {
						t.Fatal(err)
					}
					all = append(all, fmt.Sprintf("%d %s %s %d %s %s", m.Index, m.WebSocket.From, m.WebSocket.Opcode, m.Offset, m.Time.Format("05.000000"), m.Raw))
				}
				return all
			}
			for _, side := range []flow.Side{flow.ToClient, flow.ToServer} {
				whole := list(MessageQuery{Side: side})
				if len(whole) < 200 {
					t.Fatal(len(whole), "messages")
				}
				for from := 0; from <= len(whole)+2; from += 7 {
					want := whole[min(from, len(whole)):min(from+5, len(whole))]
					if got := list(MessageQuery{Side: side, From: int64(from), Count: 5}); !slices.Equal(got, want) {
						t.Fatalf("from %d:\n%s\nwant\n%s", from, strings.Join(got, "\n"), strings.Join(want, "\n"))
					}
				}
			}
			q := MessageQuery{Number: number, Side: flow.ToClient}
			client, _, _ := ws.Agreed(c.extensions)
			if at, skip, err := q.begin(context.Background(), r, flow.ToServer, client, 150); err != nil || (at > 0) != c.jumps || skip > 10 && c.jumps {
				t.Errorf("message 150 is read from byte %d on, and %d are passed over: %v", at, skip, err)
			}
		})
	}
}
