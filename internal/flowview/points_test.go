package flowview

import (
	"bytes"
	"compress/flate"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/internal/store"
	"midstream/internal/ws"
)

// With what was learned of a direction a page is that of the whole list, and what
// stands before it is read once.
func TestPagesOfCompressedMessagesAreReadFromNearThem(t *testing.T) {
	var pieces []sent
	type compressor struct {
		b bytes.Buffer
		z *flate.Writer
	}
	var sides [2]compressor
	for i := range 6000 {
		side := flow.Side(i % 3 / 2)
		mask := ""
		if side == flow.ToServer {
			mask = "mask"
		}
		c := &sides[side]
		if c.z == nil {
			c.z, _ = flate.NewWriter(&c.b, flate.BestSpeed)
		}
		fmt.Fprintf(c.z, "message %d of many, which is much like message %d", i, i/2)
		c.z.Flush()
		p := strings.TrimSuffix(c.b.String(), "\x00\x00\xff\xff")
		c.b.Reset()
		switch {
		case i%11 == 0: // in two frames, with a control frame inside
			pieces = append(pieces, sent{side, wsFrame(0x41, mask, p[:2]) + wsFrame(0x89, mask, "ping") + wsFrame(0x80, mask, p[2:])})
		case i%13 == 0: // as it is, between two
			pieces = append(pieces, sent{side, wsFrame(0xc1, mask, p) + wsFrame(0x81, mask, "not compressed")})
		default:
			pieces = append(pieces, sent{side, wsFrame(0xc1, mask, p)})
		}
	}
	rec := newRecording(t)
	number := rec.marked("permessage-deflate", pieces)
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
			all = append(all, fmt.Sprintf("%d %s %s %d %v %s", m.Index, m.WebSocket.From, m.WebSocket.Opcode, m.Offset, m.WebSocket.Err, m.Raw))
		}
		return all
	}
	f, err := r.Get(context.Background(), number)
	if err != nil {
		t.Fatal(err)
	}
	for _, side := range []flow.Side{flow.ToClient, flow.ToServer} {
		whole := list(MessageQuery{Side: side})
		points := new(Points)
		for _, from := range []int{len(whole) - 3, 0, 700, 699, 1500, 260, len(whole) / 2, len(whole) - 40} {
			want := whole[from:min(from+5, len(whole))]
			if got := list(MessageQuery{Side: side, From: int64(from), Count: 5, Points: points}); !slices.Equal(got, want) {
				t.Fatalf("%s from %d:\n%s\nwant\n%s", side, from, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
		last := points.before(f.ID, flow.ToServer, 1<<40)
		if last.index < 1500 || len(last.window) != 32<<10 {
			t.Errorf("%s: the last place is before message %d, with %d octets", side, last.index, len(last.window))
		}
		// It is read from there: nothing before it is looked at.
		q := MessageQuery{Number: number, Side: flow.ToServer, Points: points}
		client, _, _ := ws.Agreed("permessage-deflate")
		for m, err := range q.direction(context.Background(), r, f, flow.ToServer, client, last.index+1) {
			if err != nil || m.Offset <= last.offset {
				t.Errorf("message at byte %d, want one behind %d: %v", m.Offset, last.offset, err)
			}
			break
		}
	}
}

func TestPlacesAreBounded(t *testing.T) {
	var p Points
	window := func() []byte { return make([]byte, 32<<10) }
	ids := [6]flow.ID{{1}, {2}, {3}, {4}, {5}, {6}}
	for _, id := range ids {
		for i := range int64(100_000) {
			p.pass(id, flow.ToClient, i, 10*i, window)
		}
		if got := p.before(id, flow.ToClient, 50_000); got.index > 50_000 || got.index < 50_000-100_000/(maxPoints/2) || got.offset != 10*got.index {
			t.Errorf("before message 50,000 it is %d at byte %d", got.index, got.offset)
		}
		// Read once more: nothing is noted twice.
		for i := range int64(100_000) {
			p.pass(id, flow.ToClient, i, 10*i, window)
		}
	}
	if len(p.dirs) != maxDirections {
		t.Errorf("%d directions", len(p.dirs))
	}
	for _, d := range p.dirs {
		if len(d.list) > maxPoints || len(d.list) < maxPoints/2 {
			t.Errorf("%d places", len(d.list))
		}
		if !slices.IsSortedFunc(d.list, func(a, b point) int { return int(a.index - b.index) }) {
			t.Error("they are not in order")
		}
	}
	if got := p.before(ids[0], flow.ToClient, 50_000); got.index != 0 {
		t.Error("the one looked at first is still known")
	}
	var none *Points
	none.pass(ids[0], flow.ToClient, 512, 1, window)
	if got := none.before(ids[0], flow.ToClient, 512); got.index != 0 {
		t.Error("nil remembers")
	}
	p.pass(ids[5], flow.ToServer, 512, 1, func() []byte { return nil })
	if got := p.before(ids[5], flow.ToServer, 512); got.index != 0 {
		t.Error("a place that cannot be read from is kept")
	}
}
