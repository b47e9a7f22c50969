package body

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"midstream/flow"
	"midstream/internal/coding"
)

// An event inside a coded stream leaves as soon as it has come, changed.
func TestEventsInACodedStreamLeaveAtOnce(t *testing.T) {
	for _, name := range []string{"gzip", "deflate", "br", "zstd", "br, gzip"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				origin := newWire()
				src, err := Decoded(origin, name)
				if err != nil {
					t.Fatal(err)
				}
				src = Transformed(t.Context(), src, Replace([]byte("secret"), []byte("******")), TransformOptions{})
				if src, err = Encoded(src, name); err != nil {
					t.Fatal(err)
				}
				received, w := io.Pipe()
				go func() {
					buf := make([]byte, smallBuffer)
					for {
						n, err := src.Read(buf)
						if n > 0 {
							w.Write(buf[:n])
						}
						if err != nil {
							w.CloseWithError(err)
							return
						}
					}
				}()
				client, err := coding.NewDecoder(name, received)
				if err != nil {
					t.Fatal(err)
				}
				var coded bytes.Buffer
				server, err := coding.NewEncoder(name, &coded)
				if err != nil {
					t.Fatal(err)
				}
				for i := range 5 {
					server.Write([]byte("data: a secret\n\n"))
					server.Flush()
					origin.send(coded.String())
					coded.Reset()
					got := make([]byte, 16)
					if _, err := io.ReadFull(client, got); err != nil || string(got) != "data: a ******\n\n" {
						t.Fatalf("event %d: got %q, %v", i, got, err)
					}
					time.Sleep(time.Hour) // nothing but the event is needed
				}
				server.Close()
				origin.send(coded.String())
				origin.end()
				if n, err := io.Copy(io.Discard, client); n != 0 || err != nil {
					t.Errorf("at the end: %d bytes, %v", n, err)
				}
				client.Close()
			})
		})
	}
}

func TestCodedBodies(t *testing.T) {
	text := strings.Repeat("some text. ", 30_000)
	for _, name := range []string{"", "identity", "gzip", "br"} {
		enc, err := coding.Encode(name, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		src, err := Decoded(Join(Bytes(enc), piecesOf()), name)
		if err != nil {
			t.Fatal(err)
		}
		if src, err = Encoded(src, name); err != nil {
			t.Fatal(err)
		}
		list, err := read(src)
		if err != io.EOF {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := coding.Decode(name, []byte(strings.Join(list, "")), 0)
		if err != nil || string(got) != text {
			t.Errorf("%s: %d bytes came out, %v", name, len(got), err)
		}
		if !src.Trailers().Has("t") {
			t.Errorf("%s: no trailers", name)
		}
	}
}

func TestCodedBodiesWithoutBytesStayWithout(t *testing.T) {
	src, _ := Decoded(piecesOf(), "gzip")
	src, _ = Encoded(src, "gzip")
	if list, err := read(src); err != io.EOF || len(list) != 0 {
		t.Errorf("got %q, %v", list, err)
	}
}

func TestCodedBodiesThatBreak(t *testing.T) {
	text := make([]byte, 100_000)
	rand.NewChaCha8([32]byte{}).Read(text)
	enc, _ := coding.Encode("gzip", text)

	src, _ := Decoded(piecesOf("this is not gzip"), "gzip")
	_, err := read(src)
	if e, ok := errors.AsType[*flow.Error](err); !ok || e.Cause != flow.Malformed {
		t.Errorf("damaged: got %v", err)
	}

	reset := &flow.Error{Peer: flow.AtServer, Cause: flow.ResetByPeer, Err: io.ErrUnexpectedEOF}
	wire := piecesOf(string(enc[:len(enc)/2]))
	wire.err = reset
	src, _ = Decoded(wire, "gzip")
	src, _ = Encoded(src, "gzip")
	list, err := read(src)
	if flow.CauseOf(err) != flow.ResetByPeer {
		t.Errorf("broken: got %v", err)
	}
	z, err := gzip.NewReader(strings.NewReader(strings.Join(list, "")))
	if err != nil {
		t.Fatalf("nothing of what came before the break came out: %v", err)
	}
	if p, err := io.ReadAll(z); err != io.ErrUnexpectedEOF || len(p) == 0 {
		t.Errorf("a broken body came out as %d bytes that end with %v", len(p), err)
	}

	for _, make := range []func(Reader, string) (Reader, error){Decoded, Encoded} {
		if _, err := make(piecesOf(), "x-unknown"); err == nil {
			t.Error("an unknown coding was accepted")
		} else if _, ok := errors.AsType[*coding.UnknownError](err); !ok {
			t.Errorf("got %v", err)
		}
	}
}
