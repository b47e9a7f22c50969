package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"midstream/flow"
)

// evictBody is the body of flow number, size octets that tell which.
func evictBody(number uint64, size int) []byte {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], number)
	p := make([]byte, size)
	rand.NewChaCha8(seed).Read(p)
	return p
}

// recordMarked records a flow with a body and a marker, which a hook has set
// before the body: what came before a mark is set may have gone.
func recordMarked(s *Store, size int, marker string) uint64 {
	r := s.Start()
	f := answered(exchange(int(r.Number())), int64(size))
	f.Marker = marker
	r.Head(f, flow.ToClient)
	for rest := evictBody(r.Number(), size); len(rest) > 0; {
		n := min(len(rest), 30_000)
		r.Piece(flow.ToClient, rest[:n])
		rest = rest[n:]
	}
	r.End(completed(f))
	s.Flush()
	return r.Number()
}

func wantWhole(t *testing.T, r *Reader, number uint64, size int) {
	t.Helper()
	f, err := r.Get(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	if b := f.ResponseBody; b.Record != flow.Complete || b.Recorded != int64(size) || b.Removed != 0 {
		t.Fatalf("flow %d: %+v", number, b)
	}
	if f.Client == nil || f.Server == nil || f.Server.TLS == nil {
		t.Fatalf("flow %d has lost its connections", number)
	}
	if got := bodyOf(t, r, number, flow.ToClient); !bytes.Equal(got, evictBody(number, size)) {
		t.Fatalf("flow %d: other octets", number)
	}
}

// Marked flows keep their bodies while those of others go, and the session
// keeps within its size: also over several processes, and when the index is
// made anew.
func TestMarkedFlowsStay(t *testing.T) {
	t.Parallel()
	const maxSize = 8 << 20
	dir := filepath.Join(t.TempDir(), "s")
	sizes := make(map[uint64]int) // of the marked ones
	var first, all int
	for round := range 3 {
		s := openStore(t, dir, Config{MaxSize: maxSize, headsRoll: 64 << 10})
		for i := range 150 {
			size, marker := 150_000+i*500, ""
			switch {
			case i == 75:
				size, marker = 900_000, "large" // in many segments
			case i%25 == 3:
				marker = "x"
			}
			n := recordMarked(s, size, marker)
			all++
			if marker != "" {
				sizes[n] = size
			} else if first == 0 {
				first = int(n)
			}
		}
		if n := sizeOf(t, dir); n > maxSize+maxSize/4+leastQueue {
			t.Fatalf("the session holds %d octets, its bound is %d", n, maxSize)
		}
		check := func(t *testing.T) {
			r := openRead(t, dir)
			for n, size := range sizes {
				wantWhole(t, r, n, size)
			}
			f, err := r.Get(t.Context(), uint64(first))
			if err != nil || f.ResponseBody.Removed != 150_000 || f.ResponseBody.Recorded != 0 || f.ResponseBody.CutReason != ErrEvicted.Error() {
				t.Fatalf("the oldest unmarked flow: %+v, %v", f.ResponseBody, err)
			}
			if rows := list(t, r, ListOptions{}); len(rows) != all {
				t.Fatalf("%d flows are listed, want %d", len(rows), all)
			}
		}
		t.Run("live", check)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		t.Run("closed", check)
		if round == 1 {
			dropIndex(dir)
		}
	}
}

// A marked stream keeps its front while it lives, though its segments go; one
// without a marker loses it, and says so. Both can be followed.
func TestOpenStreamsWhileSegmentsGo(t *testing.T) {
	const maxSize = 8 << 20
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{MaxSize: maxSize, headsRoll: 32 << 10})
	type stream struct {
		r    *Record
		f    *flow.Flow
		sent []byte
	}
	start := func(marker string) *stream {
		st := &stream{r: s.Start()}
		st.f = answered(exchange(1), 0)
		st.f.Marker = marker
		st.r.Head(st.f, flow.ToClient)
		return st
	}
	plain, marked := start(""), start("keep")
	pass := func(n int) {
		for range n {
			for _, st := range []*stream{plain, marked} {
				p := evictBody(uint64(len(st.sent)), 100)
				st.r.Piece(flow.ToClient, p)
				st.sent = append(st.sent, p...)
			}
			if len(plain.sent)%1000 == 0 {
				s.Flush() // more than one list of extents
			}
			recordMarked(s, 30_000, "")
		}
	}
	gone := func(t *testing.T, r *Reader) int64 {
		t.Helper()
		f, err := r.Get(t.Context(), plain.r.Number())
		if err != nil {
			t.Fatal(err)
		}
		b, err := r.Body(t.Context(), plain.r.Number(), flow.ToClient)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		first := b.First()
		if first == 0 || first >= b.Size() || b.Size() != int64(len(plain.sent)) || f.ResponseBody.Removed != first || f.ResponseBody.Recorded != b.Size()-first {
			t.Fatalf("%d of %d octets are gone, %+v", first, b.Size(), f.ResponseBody)
		}
		got, err := io.ReadAll(io.NewSectionReader(b, first, b.Size()-first))
		if err != nil || !bytes.Equal(got, plain.sent[first:]) {
			t.Fatalf("what is left: %d octets, %v", len(got), err)
		}
		if _, err := b.ReadAt(make([]byte, 10), first-1); !errors.Is(err, ErrEvicted) {
			t.Fatalf("read of what is gone: %v", err)
		}
		for p, err := range b.Pieces() {
			if err != nil || p.Offset < first || p.Len != 100 {
				t.Fatalf("%+v, %v", p, err)
			}
		}
		return first
	}
	check := func(t *testing.T) {
		r := openRead(t, dir)
		gone(t, r)
		if got := bodyOf(t, r, marked.r.Number(), flow.ToClient); !bytes.Equal(got, marked.sent) {
			t.Fatalf("the marked stream has %d octets, want %d", len(got), len(marked.sent))
		}
	}
	pass(300)
	s.Flush()
	t.Run("live", check)

	// Both are followed from now on, across more segments that go.
	r := openRead(t, dir)
	var followed [2]*Follower
	for i, st := range []*stream{plain, marked} {
		var err error
		if followed[i], err = r.Follow(t.Context(), st.r.Number(), flow.ToClient); err != nil {
			t.Fatal(err)
		}
		defer followed[i].Close()
		n := int64(len(st.sent)) - followed[i].First()
		if got, err := io.ReadAll(io.LimitReader(followed[i], n)); err != nil || !bytes.Equal(got, st.sent[followed[i].First():]) {
			t.Fatalf("followed: %d octets of %d, %v", len(got), n, err)
		}
	}
	if followed[0].First() == 0 || followed[1].First() != 0 {
		t.Fatalf("followed from %d and %d", followed[0].First(), followed[1].First())
	}
	for range 15 {
		before := len(plain.sent)
		pass(60)
		s.Flush()
		for i, st := range []*stream{plain, marked} {
			got := make([]byte, len(st.sent)-before)
			if _, err := io.ReadFull(followed[i], got); err != nil || !bytes.Equal(got, st.sent[before:]) {
				t.Fatalf("followed on: %v", err)
			}
		}
	}
	t.Run("live, later", check)
	for _, st := range []*stream{plain, marked} {
		f := completed(st.f)
		f.ResponseBody.Sent = int64(len(st.sent))
		st.r.End(f)
	}
	s.Flush()
	for _, f := range followed {
		if _, err := f.Read(make([]byte, 1)); err != io.EOF {
			t.Fatalf("behind the end: %v", err)
		}
	}
	t.Run("ended", check)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	dropIndex(dir)
	t.Run("index made anew", check)
}

// A process that is killed while segments go leaves the same.
func TestKilledStreamsKeepWhatIsLeft(t *testing.T) {
	const maxSize = 8 << 20
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{MaxSize: maxSize})
	var sent [2][]byte
	var numbers [2]uint64
	var records [2]*Record
	for i, marker := range []string{"", "keep"} {
		records[i] = s.Start()
		f := answered(exchange(1), 0)
		f.Marker = marker
		records[i].Head(f, flow.ToClient)
		numbers[i] = records[i].Number()
	}
	for range 600 {
		for i, r := range records {
			p := evictBody(uint64(len(sent[i])), 100)
			r.Piece(flow.ToClient, p)
			sent[i] = append(sent[i], p...)
		}
		recordMarked(s, 30_000, "")
	}
	s.Flush()
	killed := filepath.Join(t.TempDir(), "killed")
	copySession(t, dir, killed)
	for _, how := range []string{"read", "opened"} {
		if how == "opened" {
			if err := openStore(t, killed, Config{}).Close(); err != nil {
				t.Fatal(err)
			}
		}
		r := openRead(t, killed)
		for i := range numbers {
			f, err := r.Get(t.Context(), numbers[i])
			if err != nil {
				t.Fatal(err)
			}
			b, err := r.Body(t.Context(), numbers[i], flow.ToClient)
			if err != nil {
				t.Fatal(err)
			}
			first := b.First()
			got, err := io.ReadAll(io.NewSectionReader(b, first, b.Size()-first))
			b.Close()
			if err != nil || !bytes.Equal(got, sent[i][first:]) || (first > 0) != (i == 0) || f.Outcome.Kind != flow.Interrupt ||
				f.ResponseBody.Record != flow.Cut || f.ResponseBody.Removed != first {
				t.Errorf("%s: stream %d: %d octets from %d on, %v, %v %+v", how, i, len(got), first, err, f.Outcome, f.ResponseBody)
			}
		}
	}
}

// When marked flows fill the session no bodies are recorded any more, which is
// said once; the session keeps within its size, and heads go on.
func TestSessionFullOfMarkedFlows(t *testing.T) {
	t.Parallel()
	const maxSize = 8 << 20
	dir := filepath.Join(t.TempDir(), "s")
	log, text := logged()
	s := openStore(t, dir, Config{MaxSize: maxSize, Log: log})
	var last uint64
	for range 60 {
		last = recordMarked(s, 300_000, "x")
	}
	for range 3000 {
		r := s.Start()
		r.End(completed(answered(exchange(1), 0)))
	}
	s.Flush()
	s.Flush() // the bounds are looked at behind each batch
	// When it is found full one queue has been written since it was last looked at, and
	// another may have come meanwhile; heads go on.
	if n := sizeOf(t, dir, bodiesStream); n > maxSize+2*leastQueue+s.cfg.bodiesRoll/4 {
		t.Errorf("the bodies of the session hold %d octets, its bound is %d", n, maxSize)
	}
	if n := strings.Count(text(), "full of marked flows"); n != 1 {
		t.Errorf("said %d times:\n%s", n, text())
	}
	r := openRead(t, dir)
	whole := 0
	for n := uint64(1); n <= last; n++ {
		f, err := r.Get(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		switch b := f.ResponseBody; {
		case b.Record == flow.Complete:
			wantWhole(t, r, n, 300_000)
			whole++
		case b.Record != flow.Cut || !strings.Contains(b.CutReason, "only marked flows are left") || b.Removed != 0:
			t.Errorf("flow %d: %+v", n, b)
		}
	}
	if whole < 15 {
		t.Errorf("%d bodies are whole", whole)
	}
	if rows := list(t, r, ListOptions{}); len(rows) != 3060 {
		t.Errorf("%d flows are listed", len(rows))
	}
}

// Heads go when they alone fill half of the session, the oldest first, and not
// those of marked flows or of flows that live. What the index has of the others
// is still shown.
func TestHeadsGoLast(t *testing.T) {
	t.Parallel()
	const maxSize = 4 << 20
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{MaxSize: maxSize, headsRoll: 64 << 10})
	open := s.Start()
	openFlow := answered(exchange(1), 0)
	open.Head(openFlow, flow.ToClient)
	open.Piece(flow.ToClient, []byte("lives"))
	marked := recordMarked(s, 10_000, "x")
	plain := recordMarked(s, 10_000, "")
	s.Flush()
	long := strings.Repeat("x", 900)
	record := func() uint64 {
		r := s.Start()
		f := answered(exchange(1), 0)
		f.Request.Fields.Add("X-Long", long)
		r.Piece(flow.ToClient, evictBody(1, 200))
		f.ResponseBody.Sent = 200
		r.End(completed(f))
		return r.Number()
	}
	heads := func() (n int64) {
		list, err := listSegments(dir, headsStream)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			n += s.size
		}
		return n
	}
	var last uint64
	for range 8000 {
		if last = record(); last%50 == 0 {
			s.Flush()
		}
	}
	s.Flush()
	if n := heads(); n < maxSize/2-128<<10 || n > maxSize/2+512<<10 {
		t.Errorf("heads hold %d octets", n)
	}
	if n := sizeOf(t, dir); n > maxSize+maxSize/4 {
		t.Errorf("the session holds %d octets", n)
	}
	r := openRead(t, dir)
	if got := bodyOf(t, r, last, flow.ToClient); len(got) != 200 {
		t.Errorf("the newest body has %d octets", len(got))
	}
	wantWhole(t, r, marked, 10_000)
	f, err := r.Get(t.Context(), plain)
	if err != nil || f.Response == nil || f.Response.Status != 200 || f.Request.Path == "" || len(f.Request.Fields) != 0 || len(f.Findings) != 1 ||
		f.ResponseBody.Removed != 10_000 || f.ResponseBody.Record != flow.Cut {
		t.Errorf("a flow without heads: %+v, %v", f, err)
	}
	if _, err := r.Body(t.Context(), plain, flow.ToClient); !errors.Is(err, ErrEvicted) {
		t.Errorf("its body: %v", err)
	}
	f, err = r.Get(t.Context(), open.Number())
	if err != nil || !f.Live() || len(f.Request.Fields) == 0 || f.Client == nil {
		t.Errorf("the flow that lives: %+v, %v", f, err)
	}
	open.End(completed(openFlow))
	s.Flush()
	if f, err = r.Get(t.Context(), open.Number()); err != nil || f.Outcome.Kind != flow.Completed {
		t.Errorf("the flow that lived: %+v, %v", f, err)
	}
}
