package coding

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

func TestAFeederGivesWhatIsFlushedAtOnce(t *testing.T) {
	for _, name := range []string{"gzip", "deflate", "br", "zstd", "gzip, br"} {
		var wire, plain bytes.Buffer
		enc, err := NewEncoder(name, &wire)
		if err != nil {
			t.Fatal(err)
		}
		f, err := NewFeeder(func(r io.Reader) (io.Reader, error) { return NewDecoder(name, r) }, func(p []byte) { plain.Write(p) })
		if err != nil {
			t.Fatal(err)
		}
		want := ""
		for _, event := range []string{"data: a\n\n", "data: " + strings.Repeat("b", 100_000) + "\n\n", "data: c\n\n"} {
			io.WriteString(enc, event)
			enc.Flush()
			want += event
			for wire.Len() > 0 {
				if _, err := f.Write(wire.Next(7)); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
			if plain.String() != want {
				t.Fatalf("%s: %d octets after a flush, want %d", name, plain.Len(), len(want))
			}
		}
		enc.Close()
		f.Write(wire.Bytes())
		if err := f.End(); err != nil || plain.String() != want {
			t.Errorf("%s: the end: %v", name, err)
		}
		f.Close()
	}
}

func TestAFeederTellsOfDamage(t *testing.T) {
	f, err := NewFeeder(func(r io.Reader) (io.Reader, error) { return NewDecoder("gzip", r) }, func([]byte) {})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write([]byte("<html>this is not gzip</html>")); err == nil {
		t.Error("damage is not told")
	}
	if _, err := f.Write([]byte("x")); err == nil {
		t.Error("it is forgotten")
	}
	panics, _ := NewFeeder(func(r io.Reader) (io.Reader, error) { return readerFunc(func([]byte) (int, error) { panic("x") }), nil }, func([]byte) {})
	if _, err := panics.Write([]byte("x")); err == nil || !strings.Contains(err.Error(), "panic") {
		t.Errorf("a panic: %v", err)
	}
	idle, _ := NewFeeder(func(r io.Reader) (io.Reader, error) { return NewDecoder("br", r) }, func([]byte) {})
	idle.Close()
	if _, err := idle.Write([]byte("x")); err == nil {
		t.Error("a closed one takes more")
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
