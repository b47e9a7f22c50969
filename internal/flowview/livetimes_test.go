package flowview

import (
	"testing"
	"time"

	"midstream/flow"
	"midstream/internal/store"
)

// Messages that are followed while they pass have the times of the pieces that
// completed them, also in a coding, on a WebSocket connection and where one piece
// brought several.
func TestMessagesThatAreFollowedHaveTheirTimes(t *testing.T) {
	events := []string{"data: 0\n\ndata", ": 1\n\ndata: 2\n\n", "data: 3\n\n"}
	ofPiece := []int{0, 1, 1, 2}
	head := func(fields ...string) *flow.Flow {
		f := &flow.Flow{ID: flow.NewID(), Start: time.Now(), Request: &flow.Request{Method: "GET", Scheme: "http", Host: "a.test", Port: 80, Path: "/",
			Message: flow.Message{Version: flow.HTTP11}}}
		f.Response = &flow.Response{Status: 200, Message: flow.Message{Version: flow.HTTP11}}
		for i := 0; i < len(fields); i += 2 {
			f.Response.Fields.Add(fields[i], fields[i+1])
		}
		return f
	}
	for _, c := range []struct {
		name   string
		pieces []string
		begin  func(rec *recording) (*store.Record, *flow.Flow)
	}{
		{"plain", events, func(rec *recording) (*store.Record, *flow.Flow) {
			r, f := rec.store.Start(), head("Content-Type", "text/event-stream")
			r.Head(f, flow.ToClient)
			return r, f
		}},
		{"coded", zip(events...), func(rec *recording) (*store.Record, *flow.Flow) {
			r, f := rec.store.Start(), head("Content-Type", "text/event-stream", "Content-Encoding", "gzip")
			r.Head(f, flow.ToClient)
			return r, f
		}},
		{"WebSocket", []string{wsFrame(0x81, "", "0") + wsFrame(0x81, "", "1")[:1], wsFrame(0x81, "", "1")[1:] + wsFrame(0x81, "", "2"), wsFrame(0x81, "", "3")},
			func(rec *recording) (*store.Record, *flow.Flow) { return rec.socket("", nil) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec := newRecording(t)
			r, f := c.begin(rec)
			at, sent := f.Start, []time.Time{}
			send := func() {
				at = at.Add(13 * time.Millisecond)
				p := c.pieces[len(sent)]
				r.PieceAt(flow.ToClient, []byte(p), at)
				sent = append(sent, at)
				rec.store.Flush()
			}
			send()
			reader, err := store.OpenReader(rec.dir)
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			i := 0
			for m, err := range Messages(t.Context(), reader, MessageQuery{Number: r.Number(), Side: flow.ToClient, Follow: true}) {
				if err != nil {
					t.Fatal(err)
				}
				if d := m.Time.Sub(sent[ofPiece[i]]); d.Abs() >= time.Millisecond {
					t.Errorf("message %d at %v, its piece at %v", i, m.Time, sent[ofPiece[i]])
				}
				i++
				switch {
				case i == len(ofPiece):
					g := *f
					g.ResponseBody = flow.Body{Disposition: flow.Tee, Ended: true, Declared: -1}
					for _, p := range c.pieces {
						g.ResponseBody.Sent += int64(len(p))
					}
					g.Outcome, g.End = flow.Outcome{Kind: flow.Completed}, time.Now()
					r.End(&g)
				case ofPiece[i] == len(sent):
					send()
				}
			}
			if i != len(ofPiece) {
				t.Errorf("%d messages", i)
			}
		})
	}
}
