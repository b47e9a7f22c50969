package body

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"midstream/flow"
	"midstream/hook"
)

type identity struct{}

func (identity) Chunk(_ context.Context, p []byte, emit func([]byte) error) error { return emit(p) }
func (identity) End(context.Context, func([]byte) error) error                    { return nil }

// script is a transform of functions.
type script struct {
	chunk func(ctx context.Context, p []byte, emit func([]byte) error) error
	end   func(ctx context.Context, emit func([]byte) error) error
}

func (s script) Chunk(ctx context.Context, p []byte, emit func([]byte) error) error {
	return s.chunk(ctx, p, emit)
}

func (s script) End(ctx context.Context, emit func([]byte) error) error {
	if s.end == nil {
		return nil
	}
	return s.end(ctx, emit)
}

// read returns the pieces that r gives, and its end.
func read(r Reader) (list []string, err error) {
	buf := make([]byte, smallBuffer)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			list = append(list, string(buf[:n]))
		}
		if err != nil {
			return list, err
		}
	}
}

func TestTransformed(t *testing.T) {
	twice := script{
		func(_ context.Context, p []byte, emit func([]byte) error) error {
			return errors.Join(emit(p), emit(nil), emit(bytes.ToUpper(p)))
		},
		func(_ context.Context, emit func([]byte) error) error { return emit([]byte("end")) },
	}
	nothing := script{chunk: func(context.Context, []byte, func([]byte) error) error { return nil }}
	bad := errors.New("bad chunk")
	fails := script{chunk: func(_ context.Context, p []byte, emit func([]byte) error) error {
		emit(p)
		return bad
	}}
	panics := script{chunk: func(context.Context, []byte, func([]byte) error) error { panic("oops") }}
	for _, c := range []struct {
		name string
		t    hook.Transform
		opt  TransformOptions
		src  []string
		want string
		err  string
	}{
		{"identity", identity{}, TransformOptions{KeepsLength: true}, []string{"a", "bc"}, "a,bc", ""},
		{"several pieces for one", twice, TransformOptions{}, []string{"a", "b"}, "a,A,b,B,end", ""},
		{"nothing for a piece", nothing, TransformOptions{}, []string{"a", "b"}, "", ""},
		{"an end without pieces", twice, TransformOptions{}, nil, "end", ""},
		{"a piece above the limit comes in several calls", identity{}, TransformOptions{PieceSize: 2}, []string{"abcde"}, "ab,cd,e", ""},
		{"an error breaks the body", fails, TransformOptions{}, []string{"a", "b"}, "a", "bad chunk"},
		{"a panic breaks the body", panics, TransformOptions{}, []string{"a"}, "", "panic: oops"},
		{"more than was promised", twice, TransformOptions{KeepsLength: true}, []string{"a"}, "a", "more than it took"},
		{"less than was promised", nothing, TransformOptions{KeepsLength: true}, []string{"a"}, "", "less than it took"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.opt.Buffers = new(Buffers)
			r := Transformed(t.Context(), piecesOf(c.src...), c.t, c.opt)
			list, err := read(r)
			if got := strings.Join(list, ","); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			switch {
			case c.err == "" && err != io.EOF:
				t.Errorf("got %v", err)
			case c.err != "":
				if e, ok := errors.AsType[*flow.Error](err); !ok || e.Peer != flow.AtProxy || e.Phase != flow.InBody || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got %v, want a flow.Error with %q", err, c.err)
				}
			}
			if _, again := r.Read(make([]byte, 1)); again != err {
				t.Errorf("then %v, want %v again", again, err)
			}
			r.Cancel(errors.New("late")) // does nothing
			if len(c.opt.Buffers.idle[bufferClass(smallBuffer)]) != 1 {
				t.Error("the buffer did not come back")
			}
			if c.err == "" && !r.Trailers().Has("t") {
				t.Error("no trailers")
			}
		})
	}
}

func TestTransformedPassesTheErrorOfItsSource(t *testing.T) {
	src := piecesOf("a")
	src.err = &flow.Error{Peer: flow.AtServer, Cause: flow.ResetByPeer, Err: io.ErrUnexpectedEOF}
	ended := false
	r := Transformed(t.Context(), src, script{identity{}.Chunk, func(context.Context, func([]byte) error) error { ended = true; return nil }}, TransformOptions{})
	list, err := read(r)
	if err != src.err || len(list) != 1 || ended {
		t.Errorf("got %q, %v, ended %v", list, err, ended)
	}
}

// A transform that emits without end needs no memory: it stands still until
// each piece is taken, and is let go when the body is cancelled.
func TestTransformedStandsStill(t *testing.T) {
	emitted, returned := 0, false
	endless := script{chunk: func(_ context.Context, p []byte, emit func([]byte) error) error {
		defer func() { returned = true }()
		for {
			if err := emit(fmt.Appendf(nil, "%d", emitted)); err != nil {
				emit([]byte("an emit after that is harmless"))
				return err
			}
			emitted++
		}
	}}
	r := Transformed(t.Context(), piecesOf("a"), endless, TransformOptions{})
	buf := make([]byte, 10)
	for range 3 {
		if n, err := r.Read(buf); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	if emitted != 2 {
		t.Errorf("%d pieces were emitted for 3 Reads, one of them not taken", emitted)
	}
	why := errors.New("left")
	r.Cancel(why)
	if !returned {
		t.Error("the transform was left behind")
	}
	if _, err := r.Read(buf); err != why {
		t.Errorf("got %v", err)
	}
	unread := Transformed(t.Context(), piecesOf("a"), endless, TransformOptions{})
	unread.Cancel(why)
}

func TestCancelEndsTheContextOfATransform(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waits := script{chunk: func(ctx context.Context, _ []byte, _ func([]byte) error) error {
			<-ctx.Done()
			return ctx.Err()
		}}
		r := Transformed(t.Context(), piecesOf("a"), waits, TransformOptions{})
		ended := make(chan error)
		go func() {
			_, err := r.Read(make([]byte, 10))
			ended <- err
		}()
		synctest.Wait()
		why := errors.New("left")
		r.Cancel(why)
		if err := <-ended; !errors.Is(err, why) {
			t.Errorf("got %v", err)
		}
	})
}

func TestTransformedReadyIsCertain(t *testing.T) {
	r := Transformed(t.Context(), piecesOf("abc", "d"), identity{}, TransformOptions{})
	buf := make([]byte, 2)
	if r.Ready() {
		t.Error("ready before anything was emitted")
	}
	r.Read(buf)
	if !r.Ready() {
		t.Error("not ready with a byte left")
	}
	r.Read(buf)
	if r.Ready() {
		t.Error("ready, although the transform may swallow what comes")
	}
	r.Cancel(nil)
}

// A script may kill its own flow, and that cancels the body it is rewriting.
func TestCancelFromWithinATransform(t *testing.T) {
	why := errors.New("killed")
	var r Reader
	kills := script{chunk: func(_ context.Context, p []byte, emit func([]byte) error) error {
		r.Cancel(why)
		defer r.Cancel(why)
		return emit(p)
	}}
	r = Transformed(t.Context(), piecesOf("a", "b"), kills, TransformOptions{})
	if list, err := read(r); err != why || len(list) != 0 {
		t.Errorf("got %q, %v", list, err)
	}
}

// sizes notes the pieces that it is given.
type sizes struct{ all []int }

func (s *sizes) Chunk(_ context.Context, p []byte, emit func([]byte) error) error {
	s.all = append(s.all, len(p))
	return emit(p)
}

func (s *sizes) End(context.Context, func([]byte) error) error { return nil }

// A transform that asks for more gets more of what comes fast, and all of it.
func TestTransformedBulk(t *testing.T) {
	for _, bulk := range []bool{false, true} {
		s := &sizes{}
		r := Transformed(context.Background(), Bytes(make([]byte, 1<<20)), s, TransformOptions{Bulk: bulk, Buffers: &Buffers{}})
		n, err := io.Copy(io.Discard, struct{ io.Reader }{r})
		if n != 1<<20 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		want := 32 << 10
		if s.all[0] != want {
			t.Errorf("it begins with %d", s.all[0])
		}
		if bulk {
			want = 128 << 10
		}
		if slices.Max(s.all) != want {
			t.Errorf("bulk %v: at most %d", bulk, slices.Max(s.all))
		}
	}
}
