package engine

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"midstream/flow"
)

// writes keeps each write.
type writes struct {
	all []string
	err error
}

func (w *writes) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	w.all = append(w.all, string(p))
	return len(p), nil
}
func (w *writes) Read([]byte) (int, error) { return 0, io.EOF }
func (w *writes) CloseWrite() error        { return nil }
func (w *writes) Close() error             { return nil }
func (w *writes) Reset() error             { return nil }

// counted is a tap.
type counted struct{ begun, n, over int }

func (c *counted) Sending()       { c.begun++ }
func (c *counted) Piece(p []byte) { c.n += len(p) }
func (c *counted) Sent()          { c.over++ }

func (w *frameWriter) give(p string) *flow.Error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.put([]byte(p))
}

// What came together leaves in one write, unless a hook takes its time.
func TestFrameWriter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		to := &writes{}
		sent := &counted{}
		w := &frameWriter{dst: to, to: flow.AtClient, tap: sent}
		w.give("alone")
		w.begin()
		w.give("a")
		w.give("b")
		w.linger()
		w.give("c")
		w.flush()
		long := strings.Repeat("l", maxTogether)
		w.begin()
		w.give("d")
		w.give(long)
		w.give("e")
		w.linger()
		time.Sleep(2 * maxLinger)
		w.give("f")
		w.linger()
		w.flush()
		w.flush()
		time.Sleep(time.Second)
		if want := []string{"alone", "abc", "d", long, "e", "f"}; !slices.Equal(to.all, want) || sent.n != len(strings.Join(want, "")) || sent.begun != len(want) || sent.over != len(want) {
			t.Errorf("writes of %.200q, told %+v", to.all, *sent)
		}
		to.err = errors.New("gone")
		w.begin()
		if err := w.give("g"); err != nil {
			t.Error(err)
		}
		if err := w.flush(); err == nil || !errors.Is(err, to.err) {
			t.Errorf("flush: %v", err)
		}
		if err := w.give("h"); err == nil {
			t.Error("a later one did not fail")
		}
	})
}
