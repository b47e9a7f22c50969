package body

import (
	"bytes"
	"context"
	"io"
	"testing"
)

// patient is a transform that adds a word at the end, and may say that it is Prompt.
type patient struct{ prompt, ended bool }

func (p *patient) Chunk(_ context.Context, b []byte, emit func([]byte) error) error { return emit(b) }
func (p *patient) End(_ context.Context, emit func([]byte) error) error {
	p.ended = true
	return emit([]byte("!"))
}
func (p *patient) Prompt() bool { return p.prompt }

// What a transform makes of the end is known before it is asked for, where that
// needs no waiting: not while the body goes on, and not of one that may wait.
func TestATransformRunsAheadAtTheEndWhereItDoesNotWait(t *testing.T) {
	for _, prompt := range []bool{true, false} {
		p := &patient{prompt: prompt}
		r := Transformed(context.Background(), Bytes([]byte("hello")), p, TransformOptions{PieceSize: 3})
		b := make([]byte, 10)
		if n, err := r.Read(b); err != nil || string(b[:n]) != "hel" {
			t.Fatalf("%q, %v", b[:n], err)
		}
		if r.Ready() || Over(r) || p.ended {
			t.Error("it has run ahead in the middle")
		}
		if n, err := r.Read(b); err != nil || string(b[:n]) != "lo" {
			t.Fatalf("%q, %v", b[:n], err)
		}
		if r.Ready() != prompt || Over(r) || p.ended != prompt {
			t.Errorf("prompt %v: ready %v, over %v, ended %v", prompt, r.Ready(), Over(r), p.ended)
		}
		if n, err := r.Read(b); err != nil || string(b[:n]) != "!" {
			t.Fatalf("%q, %v", b[:n], err)
		}
		if Over(r) != prompt {
			t.Errorf("prompt %v: over %v", prompt, !prompt)
		}
		if n, err := r.Read(b); err != io.EOF {
			t.Errorf("%q, %v", b[:n], err)
		}
	}
}

// The same holds where codings are taken off and put on.
func TestCodedBodiesAreOverWithTheirLastOctet(t *testing.T) {
	for _, name := range []string{"gzip", "br", "zstd", "deflate"} {
		coded, err := Encoded(Bytes([]byte("hello, hello")), name)
		if err != nil {
			t.Fatal(err)
		}
		var all bytes.Buffer
		b := make([]byte, 5)
		for !Over(coded) {
			n, err := coded.Read(b)
			if err != nil {
				t.Fatal(name, err)
			}
			all.Write(b[:n])
		}
		if n, err := coded.Read(b); n > 0 || err != io.EOF {
			t.Errorf("%s: %d octets behind the end, %v", name, n, err)
		}
		plain, err := Decoded(Bytes(all.Bytes()), name)
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		for !Over(plain) {
			n, err := plain.Read(b)
			if err != nil {
				t.Fatal(name, err)
			}
			text.Write(b[:n])
		}
		if n, err := plain.Read(b); text.String() != "hello, hello" || n > 0 || err != io.EOF {
			t.Errorf("%s: %q, and %d octets behind the end, %v", name, text.String(), n, err)
		}
	}
}
