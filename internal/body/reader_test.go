package body

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"midstream/flow"
)

func TestFrom(t *testing.T) {
	r := From(iotest.DataErrReader(strings.NewReader("abc")), flow.Fields{{Name: "t"}})
	list, err := read(r)
	if err != io.EOF || len(list) != 1 || list[0] != "abc" || !r.Trailers().Has("t") || !r.Ready() {
		t.Errorf("got %q, %v", list, err)
	}
	bad := errors.New("disk")
	_, err = read(From(iotest.ErrReader(bad), nil))
	if e, ok := errors.AsType[*flow.Error](err); !ok || e.Peer != flow.AtProxy || !errors.Is(err, bad) {
		t.Errorf("got %v", err)
	}
	r = Bytes([]byte("abc"))
	r.Cancel(bad)
	r.Cancel(io.EOF)
	if _, err := r.Read(make([]byte, 1)); err != bad {
		t.Errorf("cancelled: got %v", err)
	}
}

func TestJoin(t *testing.T) {
	w := newWire()
	r := Join(Bytes([]byte("held")), w)
	if r.Ready() {
		t.Error("ready, although the first part may be at its end")
	}
	go func() { w.send("rest"); w.end() }()
	list, err := read(r)
	if err != io.EOF || strings.Join(list, ",") != "held,rest" {
		t.Errorf("got %q, %v", list, err)
	}
	why := errors.New("left")
	w = newWire()
	r = Join(Bytes([]byte("held")), w)
	r.Cancel(why)
	if _, err := r.Read(make([]byte, 1)); err != why || w.send("x") {
		t.Errorf("cancelled: got %v", err)
	}
}

func TestDrain(t *testing.T) {
	if n, err := Drain(t.Context(), piecesOf("ab", "c"), 3); n != 3 || err != nil {
		t.Errorf("to its end: %d, %v", n, err)
	}
	if n, err := Drain(t.Context(), Bytes(bytes.Repeat([]byte("x"), 1<<20)), 10_000); n > 20_000 || err != ErrUndrained {
		t.Errorf("too long: %d, %v", n, err)
	}
	broken := piecesOf("a")
	broken.err = errors.New("reset")
	if _, err := Drain(t.Context(), broken, 10); err != broken.err {
		t.Errorf("broken: %v", err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		start := time.Now()
		w := newWire()
		go w.send("x")
		if n, err := Drain(ctx, w, 10); n != 1 || err != context.DeadlineExceeded || time.Since(start) != 2*time.Second {
			t.Errorf("stalled: %d, %v after %v", n, err, time.Since(start))
		}
	})
}
