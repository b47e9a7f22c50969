package engine

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"midstream/flow"
)

// shouting is a redaction of a body for tests: it gives out whole words, and the word
// "stop" ends what can be looked into.
type shouting struct {
	held []byte
	err  error
}

func (u *shouting) Write(p []byte, keep func([]byte)) {
	for _, c := range p {
		if u.err != nil {
			return
		}
		if u.held = append(u.held, c); c == ' ' {
			u.give(keep)
		}
	}
}

func (u *shouting) give(keep func([]byte)) {
	if string(u.held) == "stop " {
		u.err = errors.New("it said stop")
		return
	}
	keep(append(bytes.ToUpper(u.held), '!'))
	u.held = u.held[:0]
}

func (u *shouting) End(whole bool, keep func([]byte)) {
	if u.err == nil && whole && len(u.held) > 0 {
		u.give(keep)
	}
}

func (u *shouting) Err() error { return u.err }

// kept is a record that has pieces.
type kept struct {
	nothing
	octets bytes.Buffer
}

func (k *kept) PieceAt(_ flow.Side, p []byte, _ time.Time) { k.octets.Write(p) }

// What a redaction holds back is recorded when it is let go; where it cannot go on the
// record is cut, and says why. Lengths are those of the record.
func TestARedactedBody(t *testing.T) {
	for _, c := range []struct {
		pieces     []string
		whole      bool
		want, cut  string
		sent, real int64
	}{
		{[]string{"on", "e tw", "o"}, true, "ONE !TWO!", "", 9, 7},
		{[]string{"on", "e tw", "o"}, false, "ONE !", "", 5, 7},
		{[]string{"one ", "stop ", "two "}, true, "ONE !", "it said stop", 13, 13},
	} {
		k := new(kept)
		x := &exchange{record: k}
		h := &half{x: x, side: flow.ToClient, keep: true, turn: -1}
		h.hidden.Store(&hidden{hiding: hiding{by: new(shouting), note: h.note}})
		for _, p := range c.pieces {
			h.Piece([]byte(p))
		}
		h.conclude(c.whole)
		h.conclude(c.whole)
		b := flow.Body{Sent: h.sent.Load()}
		h.redacted(&b)
		if k.octets.String() != c.want || b.Sent != c.sent || b.CutReason != c.cut || h.sent.Load() != c.real {
			t.Errorf("%q: %q, %+v, %d", c.pieces, k.octets.String(), b, h.sent.Load())
		}
	}
}

// Without a redaction a piece costs nothing.
func TestAPieceWithoutRedactionIsNotCopied(t *testing.T) {
	x := &exchange{record: nothing{}}
	h := &half{x: x, side: flow.ToClient, keep: true, turn: -1}
	p := slices.Repeat([]byte("x"), 32<<10)
	if n := testing.AllocsPerRun(100, func() { h.Piece(p) }); n != 0 {
		t.Errorf("%v allocations a piece", n)
	}
	f := new(flow.Flow)
	if x.visible(f) != f {
		t.Error("a picture was copied")
	}
}
