package dump

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"midstream/flow"
)

// bodies is a Content from a map of number and side to octets.
type bodies map[string]string

func (b bodies) Content(number uint64, side flow.Side) (io.ReadCloser, int64, error) {
	s, ok := b[fmt.Sprintf("%d%s", number, side)]
	if !ok {
		return nil, 0, errors.New("segment is gone")
	}
	return io.NopCloser(strings.NewReader(s)), int64(len(s)), nil
}

// safeBuffer is a bytes.Buffer for two goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestAFlowThatLivesASecondGetsItsLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out safeBuffer
		p := New(Config{Out: &out})
		slow := exchange(1, "/slow")
		head := *slow
		head.End, head.Outcome, head.Response, head.ResponseBody = time.Time{}, flow.Outcome{}, nil, flow.Body{}
		p.Watch(&head)
		quick := exchange(2, "/quick")
		live := *quick
		live.End, live.Outcome = time.Time{}, flow.Outcome{}
		p.Watch(&live)
		time.Sleep(500 * time.Millisecond)
		p.Watch(quick)
		synctest.Wait()
		if got := out.String(); strings.Contains(got, "/slow") || strings.Count(got, "/quick") != 1 {
			t.Errorf("after half a second:\n%s", got)
		}
		streaming := *slow
		streaming.End, streaming.Outcome = time.Time{}, flow.Outcome{}
		p.Watch(&streaming)
		time.Sleep(800 * time.Millisecond)
		synctest.Wait()
		if got := out.String(); strings.Count(got, "/slow") != 1 || !strings.Contains(got, "/slow 200") {
			t.Errorf("after 1.3 seconds:\n%s", got)
		}
		p.Watch(&streaming)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := out.String(); strings.Count(got, "/slow") != 1 {
			t.Errorf("a second line while it lives:\n%s", got)
		}
		p.Watch(slow)
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if got := out.String(); strings.Count(got, "/slow") != 2 || !strings.HasSuffix(got, "completed\n") {
			t.Errorf("at the end:\n%s", got)
		}
	})
}

// gate is a writer that takes nothing until it is opened.
type gate struct {
	safeBuffer
	open chan struct{}
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	return g.safeBuffer.Write(p)
}

func TestAFullQueueIsCountedAndNeverWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		p := New(Config{Out: g})
		const flows = 10000
		for i := range flows {
			p.Watch(exchange(uint64(i+1), "/"))
		}
		p.mu.Lock()
		queued, lost := p.queued, p.lost
		p.mu.Unlock()
		if queued > mostQueued || lost == 0 {
			t.Errorf("%d octets queued, %d flows lost", queued, lost)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close with a blocked writer: %v", err)
		}
		close(g.open)
		<-p.done
		got := g.String()
		shown, said := strings.Count(got, "completed\n"), 0
		for line := range strings.Lines(got) {
			var n int
			if _, err := fmt.Sscanf(line, "%d flows not shown", &n); err == nil {
				said += n
			}
		}
		if shown+said != flows || said == 0 {
			t.Errorf("%d shown and %d said to be not shown, of %d", shown, said, flows)
		}
		p.Watch(exchange(1, "/late"))
		if strings.Contains(g.String(), "late") {
			t.Error("printed after Close")
		}
	})
}

func TestManyLiveFlowsStayBounded(t *testing.T) {
	var l liveFlows
	for i := range 3 * mostLive {
		f := exchange(uint64(i), "/")
		f.ID = flow.ID{byte(i), byte(i >> 8), byte(i >> 16), byte(i >> 24)}
		l.watch(f, sizeOf(f), begin)
	}
	if len(l.flows) > mostLive || l.octets > mostWaiting || len(l.waiting) > mostLive {
		t.Errorf("%d flows, %d waiting, %d octets", len(l.flows), len(l.waiting), l.octets)
	}
	for id := range l.flows {
		l.ended(id)
	}
	if len(l.flows) != 0 || l.octets != 0 || len(l.waiting) > 64 {
		t.Errorf("after the end: %d flows, %d waiting, %d octets", len(l.flows), len(l.waiting), l.octets)
	}
	l = liveFlows{}
	old := exchange(1, "/")
	l.watch(old, 1, begin)
	for i := range 100000 {
		f := exchange(2, "/")
		f.ID = flow.ID{byte(i), byte(i >> 8), byte(i >> 16), 7}
		l.watch(f, 1, begin)
		l.ended(f.ID)
	}
	if cap(l.waiting) > 1024 {
		t.Errorf("flows that ended at once left a list of %d behind an old one", cap(l.waiting))
	}
}

// broken is a writer whose reader has gone.
type broken struct{ writes int }

func (b *broken) Write([]byte) (int, error) { b.writes++; return 0, errors.New("broken pipe") }

func TestAReaderWhoWentAwayIsSaidOnce(t *testing.T) {
	var log bytes.Buffer
	p := New(Config{Out: &broken{}, Log: slog.New(NewTextHandler(&log, slog.LevelInfo, Plain))})
	for i := range 100 {
		p.Watch(exchange(uint64(i), "/"))
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(log.String(), "broken pipe"); n != 1 {
		t.Errorf("said %d times:\n%s", n, log.String())
	}
}

func TestDetails(t *testing.T) {
	f := exchange(1, "/")
	f.RequestBody = flow.Body{Disposition: flow.Tee, Sent: 5, Record: flow.Complete, Ended: true}
	content := bodies{"1request": "hello", "1response": strings.Repeat("line\n", 600)}
	for _, c := range []struct {
		detail, lines int
		has, hasNot   string
	}{
		{Nothing, 0, "", "GET"}, {OneLine, 1, "completed", "> "}, {Heads, 5, "content-type: text/plain", "hello"},
		{Cut, 5 + 1 + 513, "(cut after 512 lines; flow_detail 4 prints all)", ""}, {Uncut, 5 + 1 + 600, ">> hello", "(cut"},
	} {
		var out bytes.Buffer
		p := New(Config{Out: &out, Detail: func() int { return c.detail }, Content: content})
		p.Watch(f)
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := out.String()
		if strings.Count(got, "\n") != c.lines || !strings.Contains(got, c.has) || c.hasNot != "" && strings.Contains(got, c.hasNot) {
			t.Errorf("detail %d: %d lines, want %d, with %q and without %q:\n%.600s", c.detail, strings.Count(got, "\n"), c.lines, c.has, c.hasNot, got)
		}
	}
}

func TestLogLevelsChangeWhileRunning(t *testing.T) {
	var out bytes.Buffer
	level := new(slog.LevelVar)
	level.Set(LogLevel("error"))
	log := slog.New(NewTextHandler(&out, level, Plain))
	log.Warn("one")
	level.Set(LogLevel("debug"))
	log.With("a", 1).WithGroup("g").Debug("two", "b", "x y", "c", "", slog.Group("d", "e", time.Second))
	if got := out.String(); strings.Contains(got, "one") || !strings.HasSuffix(got, ` debug two a=1 g.b="x y" g.c="" g.d.e=1s`+"\n") {
		t.Error(got)
	}
}

func BenchmarkWatch(b *testing.B) {
	p := New(Config{Out: io.Discard})
	live := *exchange(1, "/")
	live.End, live.Outcome = time.Time{}, flow.Outcome{}
	ended := exchange(1, "/")
	b.ReportAllocs()
	for b.Loop() {
		p.Watch(&live)
		p.Watch(ended)
	}
	b.StopTimer()
	_ = p.Close(context.Background())
}

func BenchmarkLine(b *testing.B) {
	f := exchange(1, "/some/path?with=query")
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = Line{}.Append(buf[:0], f, begin)
	}
}
