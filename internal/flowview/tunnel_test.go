package flowview

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"midstream/flow"
	"midstream/internal/store"
)

// tunnel records a raw tunnel; its pieces are noted unless it is an old one.
func (rec *recording) tunnel(pieces []sent, noted bool) uint64 {
	r := rec.store.Start()
	f := &flow.Flow{ID: flow.NewID(), Kind: flow.TCP, Start: time.Now()}
	r.Head(f, flow.ToServer)
	g := *f
	g.RequestBody = flow.Body{Disposition: flow.Tee, Declared: -1, Ended: true}
	g.ResponseBody = g.RequestBody
	now := time.Now()
	for _, p := range pieces {
		b := bodyOf(&g, p.side)
		r.Piece(p.side, []byte(p.p))
		if noted {
			now = now.Add(time.Duration(rand.IntN(3)) * time.Microsecond)
			r.Mark(p.side, flow.Mark{Offset: b.Sent, Length: int64(len(p.p)), Time: now})
			b.Messages++
		} else {
			for now := time.Now(); time.Since(now) < 2*time.Microsecond; { // times have microseconds
			}
		}
		b.Sent += int64(len(p.p))
	}
	g.Outcome, g.End = flow.Outcome{Kind: flow.Completed}, time.Now()
	r.End(&g)
	rec.store.Flush()
	return r.Number()
}

func TestPiecesOfARawTunnel(t *testing.T) {
	rec := newRecording(t)
	pieces := []sent{{flow.ToServer, "hello"}, {flow.ToClient, "\x00\xff"}, {flow.ToServer, "a\nb"}}
	for _, noted := range []bool{true, false} {
		n := rec.tunnel(pieces, noted)
		text, lines, err := rec.text(MessageQuery{Number: n})
		// Noted pieces of the same microsecond are listed client first.
		if got := fmt.Sprint(shown(text)); err != nil || !strings.Contains(got, "5b client hello") || !strings.Contains(got, "2b server 00 ff") || !strings.Contains(got, "3b client a b") {
			t.Errorf("noted %v: %s %v", noted, got, err)
		}
		if !strings.Contains(lines, `"kind":"TCP","offset":5,"length":3`) || !strings.Contains(lines, `"from":"server"`) {
			t.Errorf("noted %v: %s", noted, lines)
		}
	}
}

// Wherever a page begins, it goes on where the one before ended.
func TestPagesOfARawTunnelFitTogether(t *testing.T) {
	rec := newRecording(t)
	var pieces []sent
	for i := range 900 {
		side := flow.ToServer
		if rand.IntN(3) == 0 {
			side = flow.ToClient
		}
		pieces = append(pieces, sent{side, fmt.Sprint(i, " ")})
	}
	n := rec.tunnel(pieces, true)
	r, err := store.OpenReader(rec.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	get := func(from, count int64, side flow.Side) (all []string) {
		for m, err := range Messages(context.Background(), r, MessageQuery{Number: n, Side: side, From: from, Count: count}) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, fmt.Sprintf("%d %s %s", m.Index, m.From, bytes.TrimSpace(m.Raw)))
		}
		return all
	}
	for _, side := range []flow.Side{flow.ToClient, flow.ToServer} {
		whole := get(0, 0, side)
		if side == flow.ToClient && len(whole) != len(pieces) {
			t.Fatalf("%d of %d", len(whole), len(pieces))
		}
		for range 25 {
			from := rand.IntN(len(whole))
			count := rand.IntN(20) + 1
			want := whole[from:min(len(whole), from+count)]
			if got := get(int64(from), int64(count), side); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%d from %d:\n got %q\nwant %q", count, from, got, want)
			}
		}
	}
}
