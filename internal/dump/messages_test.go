package dump

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"midstream/flow"
	"midstream/internal/message"
)

// running is a flow that lives.
func running(n uint64, path string) *flow.Flow {
	f := *exchange(n, path)
	f.End, f.Outcome = time.Time{}, flow.Outcome{}
	return &f
}

func passed(f *flow.Flow, side flow.Side, raw string) message.Passed {
	return message.Passed{Flow: f, Side: side, Kind: message.SSE, Raw: []byte(raw), Mark: flow.Mark{Length: int64(len(raw)), Time: f.Start.Add(time.Second)}}
}

func rawText(m *message.Passed) string { return string(m.Raw) }

func TestMessagesArePrintedBelowTheirFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out safeBuffer
		detail := Cut
		p := New(Config{Out: &out, Message: rawText, Detail: func() int { return detail }, Content: bodies{"7 response": "the whole body\n"},
			Wanted: func(f *flow.Flow) bool { return f.Number == 7 }})
		f := running(7, "/events")
		p.Watch(f)
		if !p.WantsMessages() {
			t.Error("messages are not wanted")
		}
		buf := []byte("one\x1b[2J")
		m := passed(f, flow.ToClient, "")
		m.Raw = buf
		p.WatchMessage(m)
		copy(buf, "XXX")
		p.WatchMessage(passed(f, flow.ToServer, strings.Repeat("x", 100_000)))
		p.WatchMessage(passed(running(8, "/"), flow.ToServer, "of another"))
		synctest.Wait()
		lines := strings.Split(out.String(), "\n")
		if len(lines) != 4 || !strings.Contains(lines[0], "/events") || !strings.HasPrefix(lines[1], "7 << +1.0s 0b one\\x1b[2J") ||
			!strings.HasPrefix(lines[2], "7 >> +1.0s 97.7k xxx") || len(lines[2]) > longestMessage+64 {
			t.Errorf("printed\n%.400s", out.String())
		}
		p.Watch(exchange(7, "/events"))
		detail = OneLine
		if p.WantsMessages() {
			t.Error("messages are wanted in one line")
		}
		p.Close(context.Background())
		if got := out.String(); strings.Contains(got, "the whole body") || strings.Count(got, "/events") != 2 {
			t.Errorf("at the end\n%.600s", got)
		}
		p.WatchMessage(passed(f, flow.ToClient, "late"))
	})
}

func TestTooManyMessagesAreCountedAndNeverWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		p := New(Config{Out: g, Message: rawText, Detail: func() int { return Uncut }})
		f := running(1, "/")
		const messages = 10_000
		for range messages {
			p.WatchMessage(passed(f, flow.ToClient, strings.Repeat("m", 300)))
		}
		p.mu.Lock()
		inside := p.inside
		p.mu.Unlock()
		if inside > mostMessages {
			t.Errorf("%d octets queued", inside)
		}
		close(g.open)
		p.Close(context.Background())
		shown, said := strings.Count(g.String(), "1 << "), 0
		for line := range strings.Lines(g.String()) {
			var n int
			if _, err := fmt.Sscanf(line, "%d messages not printed", &n); err == nil {
				said += n
			}
		}
		if shown+said != messages || said == 0 || shown == 0 {
			t.Errorf("%d shown and %d said not to be, of %d", shown, said, messages)
		}
	})
}
