package body

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"midstream/flow"

	"pgregory.net/rapid"
)

func TestRelayJoinsWhatIsReady(t *testing.T) {
	for _, c := range []struct {
		name string
		src  []string
		opt  RelayOptions
		want string
	}{
		{"nothing", nil, RelayOptions{}, ""},
		{"one piece", []string{"a"}, RelayOptions{}, "a|"},
		{"pieces that have arrived go together", []string{"a", "bc", "d"}, RelayOptions{}, "a+bc+d|"},
		{"a piece is cut at its limit", []string{"abcde"}, RelayOptions{PieceSize: 2}, "ab+cd+e|"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var dst sink
			var tp tap
			n, err := Relay(context.Background(), &dst, piecesOf(c.src...), &tp, c.opt)
			whole := strings.Join(c.src, "")
			if err != nil || n != int64(len(whole)) || dst.log.String() != c.want {
				t.Errorf("got %q, %d, %v, want %q", dst.log.String(), n, err, c.want)
			}
			if tp.String() != whole {
				t.Errorf("recorded %q", tp.String())
			}
			if dst.kept != 0 {
				t.Error("bytes are kept back in the sink")
			}
		})
	}
}

func TestRelayBoundsABatch(t *testing.T) {
	src := &pieces{}
	for range 2000 {
		src.list = append(src.list, make([]byte, 900))
	}
	var dst sink
	if _, err := Relay(context.Background(), &dst, src, nil, RelayOptions{Buffers: new(Buffers)}); err != nil {
		t.Fatal(err)
	}
	if dst.max > maxBatch {
		t.Errorf("%d bytes were kept back", dst.max)
	}
}

func TestRelayTellsTheSides(t *testing.T) {
	reset := &flow.Error{Peer: flow.AtServer, Phase: flow.InBody, Cause: flow.ResetByPeer, Err: errors.New("reset")}
	opt := RelayOptions{From: flow.AtServer, To: flow.AtClient}

	src := piecesOf("abc")
	src.err = reset
	var dst sink
	n, err := Relay(context.Background(), &dst, src, nil, opt)
	if r, ok := errors.AsType[*ReadError](err); !ok || r.Err != reset || n != 3 || dst.log.String() != "abc|" {
		t.Errorf("read side: got %d, %q, %v", n, dst.log.String(), err)
	}

	src.list, src.err = nil, io.ErrNoProgress
	_, err = Relay(context.Background(), &dst, src, nil, opt)
	if r, ok := errors.AsType[*ReadError](err); !ok || r.Err.Peer != flow.AtServer || !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a foreign error: got %v", err)
	}

	var tp tap
	dst = sink{fail: io.ErrClosedPipe, room: 2}
	n, err = Relay(context.Background(), &dst, piecesOf("abc"), &tp, opt)
	if w, ok := errors.AsType[*WriteError](err); !ok || w.Err.Peer != flow.AtClient || n != 2 || tp.String() != "ab" {
		t.Errorf("write side: got %d, %q recorded, %v", n, tp.String(), err)
	}

	tp.Reset()
	dst = sink{fail: io.ErrClosedPipe, room: 3}
	n, _ = Relay(context.Background(), &dst, piecesOf("abc", "de"), &tp, opt)
	if n != 0 || tp.Len() != 0 {
		t.Errorf("pieces that may not have left count as sent: %d, %q", n, tp.String())
	}
}

func TestRelayEndsWithItsContext(t *testing.T) {
	why := errors.New("client left")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(why)
	if _, err := Relay(ctx, new(sink), piecesOf("a"), nil, RelayOptions{}); err != why {
		t.Errorf("got %v", err)
	}
}

func TestRelayNeedsProgress(t *testing.T) {
	src := &pieces{list: make([][]byte, 3*maxEmptyReads)}
	for i := range src.list {
		src.list[i] = []byte{}
	}
	if _, err := Relay(context.Background(), new(sink), idle{src}, nil, RelayOptions{}); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got %v", err)
	}
}

type idle struct{ Reader }

func (idle) Read([]byte) (int, error) { return 0, nil }

// slow is a sink whose receiver takes one piece when it is told to.
type slow struct {
	sink
	take chan struct{}
}

func (s *slow) Write(p []byte) (int, error) {
	<-s.take
	return s.sink.Write(p)
}

// The first byte passes at once, and a receiver that does not read stalls the
// origin: one piece is in the relay, the next one is not taken from the origin.
func TestFirstByteAndBackpressure(t *testing.T) {
	for _, rewritten := range []string{"", "transformed", "gzip"} {
		t.Run(rewritten, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				origin := newWire()
				dst := &slow{take: make(chan struct{})}
				var src Reader = origin
				if rewritten != "" {
					src = Transformed(t.Context(), src, identity{}, TransformOptions{})
				}
				if rewritten == "gzip" {
					src, _ = Encoded(src, "gzip")
				}
				ended := make(chan error)
				go func() {
					_, err := Relay(context.Background(), dst, src, nil, RelayOptions{})
					ended <- err
				}()
				sent := 0
				go func() {
					for range 5 {
						origin.send("0123456789")
						sent++
					}
					origin.end()
				}()
				dst.take <- struct{}{} // the first piece
				synctest.Wait()
				if got := dst.log.Len(); got == 0 || time.Since(start) != 0 {
					t.Errorf("%d bytes after %v", got, time.Since(start))
				}
				time.Sleep(10 * time.Hour)
				synctest.Wait()
				if sent != 2 {
					t.Errorf("the origin has sent %d pieces while the receiver took 1", sent)
				}
				close(dst.take)
				if err := <-ended; err != nil || sent != 5 {
					t.Errorf("%d pieces sent, %v", sent, err)
				}
			})
		})
	}
}

func TestCancelInterruptsARead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		origin := newWire()
		src := Transformed(t.Context(), origin, identity{}, TransformOptions{})
		why := &flow.Error{Peer: flow.AtClient, Cause: flow.LeftByClient, Err: errors.New("left")}
		ended := make(chan error)
		go func() {
			_, err := Relay(context.Background(), new(sink), src, nil, RelayOptions{})
			ended <- err
		}()
		origin.send("x")
		synctest.Wait()
		src.Cancel(why)
		if err := <-ended; flow.CauseOf(err) != flow.LeftByClient {
			t.Errorf("got %v", err)
		}
		if origin.send("y") {
			t.Error("the origin was not told")
		}
	})
}

// Whatever the pieces and whatever is ready, what is sent is what came, and
// what is recorded is what was sent.
func TestRelayMovesEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := &flickering{t: t}
		var want []byte
		for range rapid.IntRange(0, 30).Draw(t, "pieces") {
			p := bytes.Repeat([]byte{byte(len(want))}, rapid.SampledFrom([]int{1, 60, 5000, 40000, 140000}).Draw(t, "length"))
			src.list = append(src.list, p)
			want = append(want, p...)
		}
		dst := &collect{}
		var tp tap
		opt := RelayOptions{PieceSize: rapid.SampledFrom([]int{0, 1000, 32 << 10, 1 << 20}).Draw(t, "size"), Buffers: new(Buffers)}
		n, err := Relay(context.Background(), dst, src, &tp, opt)
		if err != nil || n != int64(len(want)) || !bytes.Equal(dst.Bytes(), want) || !bytes.Equal(tp.Bytes(), want) {
			t.Fatalf("%d of %d bytes, %v", n, len(want), err)
		}
		if opt.Buffers.lent != 0 {
			t.Fatalf("%d bytes of buffers are missing", opt.Buffers.lent)
		}
	})
}

type flickering struct {
	pieces
	t *rapid.T
}

func (f *flickering) Ready() bool { return rapid.Bool().Draw(f.t, "ready") }

type collect struct{ bytes.Buffer }

func (c *collect) WriteMore(p []byte) (int, error) { return c.Write(p) }
func (c *collect) Close(flow.Fields) error         { return nil }
func (c *collect) Abort(error)                     {}

func TestBuffersAreBounded(t *testing.T) {
	b := new(Buffers)
	var lent [][]byte
	for p := b.takeLarge(); p != nil; p = b.takeLarge() {
		lent = append(lent, p)
	}
	if len(lent) != largeBudget/largeBuffer {
		t.Errorf("%d large buffers", len(lent))
	}
	for _, p := range lent {
		b.give(p)
	}
	if b.lent != 0 || len(b.idle[bufferClass(largeBuffer)]) > idleBuffers {
		t.Errorf("%d bytes lent, %d idle", b.lent, len(b.idle[bufferClass(largeBuffer)]))
	}
}

// lasting notes the pieces that came with the end of the body, and those before.
type lasting struct {
	Sink
	before, last []int
}

func (l *lasting) Write(p []byte) (int, error) { return l.WriteMore(p) }
func (l *lasting) WriteMore(p []byte) (int, error) {
	l.before = append(l.before, len(p))
	return len(p), nil
}
func (l *lasting) WriteLast(p []byte) (int, error) {
	l.last = append(l.last, len(p))
	return len(p), nil
}

// The last piece leaves with the end also where it has filled the buffer.
func TestTheLastPieceLeavesWithTheEnd(t *testing.T) {
	for _, size := range []int{1, lengthBuffer - 1, lengthBuffer, lengthBuffer + 1, 4 * lengthBuffer, smallBuffer, maxBatch, largeBuffer, 4 * largeBuffer, 4*largeBuffer + 1} {
		p := make([]byte, size)
		for name, src := range map[string]func() Reader{
			"bytes":        func() Reader { return Bytes(p) },
			"in two parts": func() Reader { return Join(Bytes(p[:size/2]), Bytes(p[size/2:])) },
		} {
			for _, piece := range []int{0, PieceSize} {
				l := &lasting{}
				n, err := Relay(t.Context(), l, src(), nil, RelayOptions{PieceSize: piece, Joined: true})
				if err != nil || n != int64(size) || len(l.last) != 1 || l.last[0] == 0 {
					t.Errorf("%s of %d: %d, %v, last %v, before %v", name, size, n, err, l.last, l.before)
				}
			}
		}
	}
}
