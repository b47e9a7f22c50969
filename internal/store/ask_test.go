package store

import (
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"midstream/flow"
)

// asked is a subject that is busy for the first times it is asked.
type asked struct {
	picture *flow.Flow // nil when the flow is over
	busy    int32
	times   atomic.Int32
}

func (a *asked) Picture() (*flow.Flow, bool) {
	if a.times.Add(1) <= a.busy {
		return nil, false
	}
	return a.picture, true
}

// young begins a record that counts as just begun however long the test takes.
func young(s *Store) *Record { return s.StartAt(time.Now().Add(time.Hour)) }

func TestAFlowThatEndsAtOnceIsNotAskedForAPicture(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{})
	r, by := young(s), &asked{picture: exchange(1)}
	if !r.Ask(by) {
		t.Fatal("it is not asked")
	}
	r.Piece(flow.ToClient, []byte("ok"))
	r.End(completed(answered(exchange(1), 2)))
	s.Flush()
	if n := by.times.Load(); n != 0 {
		t.Errorf("asked %d times", n)
	}
	f, err := openRead(t, dir).Get(t.Context(), r.Number())
	if err != nil || f.Live() || f.ResponseBody.Recorded != 2 {
		t.Errorf("read %+v, %v", f, err)
	}
}

func TestALiveFlowIsAskedAndListed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{})
	read := openRead(t, dir)
	r, by := young(s), &asked{picture: exchange(1), busy: 2}
	r.Ask(by)
	r.Piece(flow.ToServer, []byte("body"))
	for by.times.Load() <= by.busy {
		s.Flush()
	}
	s.Flush()
	f, err := read.Get(t.Context(), r.Number())
	if err != nil || !f.Live() || f.Request == nil || f.Response != nil || f.RequestBody.Recorded != 4 {
		t.Fatalf("read %+v, %v", f, err)
	}
	n := by.times.Load()
	s.Flush()
	if again := by.times.Load(); again != n {
		t.Errorf("asked %d times more without a change", again-n)
	}
	by.picture = answered(by.picture, 0)
	r.Ask(by)
	s.Flush()
	if f, err = read.Get(t.Context(), r.Number()); err != nil || f.Response == nil {
		t.Errorf("read %+v, %v after the response's head", f, err)
	}
}

func TestAFlowThatIsOverIsNotShown(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{})
	r := s.Start()
	r.Ask(new(asked))
	s.Flush()
	if f, err := openRead(t, dir).Get(t.Context(), r.Number()); err == nil {
		t.Errorf("read %+v of a flow that has given no picture", f)
	}
}

func TestAFlowThatNobodyHasAskedYetIsInterrupted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{})
	r := young(s)
	r.Ask(&asked{picture: exchange(1)})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := openRead(t, dir).Get(t.Context(), r.Number())
	if err != nil || f.Outcome.Kind != flow.Interrupt {
		t.Errorf("read %+v, %v", f, err)
	}
}

func TestPicturesOfASessionWithAFilterAreHanded(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "s"), Config{Filter: filter(t, "~d ^keep")})
	if s.Start().Ask(&asked{picture: exchange(1)}) {
		t.Error("it would be asked")
	}
}
