package replay

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"midstream/flow"
	"midstream/internal/format"
	"midstream/internal/store"
	"midstream/internal/ws"
)

// paced is a reader of pieces that came a second apart, the first half a second after
// its head.
func paced(speed Speed, pieces ...string) *reader {
	var all string
	var table []store.Piece
	for i, p := range pieces {
		table = append(table, store.Piece{Offset: int64(len(all)), Len: len(p), Time: noon.Add(500*time.Millisecond + time.Duration(i)*time.Second)})
		all += p
	}
	r := newReader(format.Octets(all), nil)
	r.end, r.speed, r.zero = 0, speed, noon
	r.next = func() (store.Piece, error, bool) {
		if len(table) == 0 {
			return store.Piece{}, nil, false
		}
		p := table[0]
		table = table[1:]
		return p, nil, true
	}
	return r
}

func TestPiecesComeWithTheirPauses(t *testing.T) {
	for speed, unit := range map[Speed]time.Duration{1: time.Second, 2: 500 * time.Millisecond, 0: 0} {
		synctest.Test(t, func(t *testing.T) {
			r := paced(speed, "one", "two", "three")
			start := time.Now()
			buf := make([]byte, 100)
			for i, want := range []string{"one", "two", "three"} {
				n, err := r.Read(buf)
				if string(buf[:n]) != want || err != nil {
					t.Errorf("speed %v: read %q, %v", speed, buf[:n], err)
				}
				if at, want := time.Since(start), unit/2+time.Duration(i)*unit; at != want {
					t.Errorf("speed %v: %q came after %v, want %v", speed, buf[:n], at, want)
				}
				if speed > 0 && i < 2 && r.Ready() {
					t.Error("it is ready though the next piece is not due")
				}
			}
			if _, err := r.Read(buf); err != io.EOF {
				t.Error(err)
			}
		})
	}
}

func TestAPauseEndsWhenNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := paced(0.001, "one", "two")
		cause := &flow.Error{Cause: flow.LeftByClient, Err: io.ErrClosedPipe}
		time.AfterFunc(time.Second, func() { r.Cancel(cause) })
		start := time.Now()
		if _, err := r.Read(make([]byte, 10)); err != cause || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestAWebSocketWithoutAnEndWaitsForTheClient(t *testing.T) {
	for name, kind := range map[string]flow.OutcomeKind{"open": flow.Completed, "cut": flow.ServerCut} {
		synctest.Test(t, func(t *testing.T) {
			it := chat()
			it.Messages, it.Closing, it.Flow.Outcome.Kind = nil, &format.Closing{Known: true, Code: ws.Abnormal, Time: noon.Add(time.Second)}, kind
			s := newSocket(it, noon, 1)
			defer s.release()
			start := time.Now()
			time.AfterFunc(time.Hour, func() { s.Close() })
			_, err := s.Read(make([]byte, 10))
			since := time.Since(start)
			if kind == flow.Completed && (err != io.EOF || since != time.Hour) || kind == flow.ServerCut && (flow.CauseOf(err) != flow.ClosedEarly || since != time.Second) {
				t.Errorf("%s: %v after %v", name, err, since)
			}
		})
	}
}

// chat is a WebSocket on which the client asked and the server answered.
func chat() *format.Item {
	it := item("/chat", flow.Fields{{Name: "Upgrade", Value: "websocket"}}, "")
	it.Flow.Response.Status = 101
	say := func(client bool, text string, at time.Duration) format.Message {
		return format.Message{FromClient: client, Text: true, Content: format.Octets(text), Time: noon.Add(at)}
	}
	list := []format.Message{say(false, "welcome", time.Second), say(true, "ask", 2*time.Second), say(false, "answer", 5*time.Second), say(false, "more", 6*time.Second)}
	it.Messages = func(yield func(format.Message, error) bool) {
		for _, m := range list {
			if !yield(m, nil) {
				return
			}
		}
	}
	it.Closing = &format.Closing{Known: true, Code: 1000, Reason: "bye", Time: noon.Add(7 * time.Second)}
	return it
}

func TestAWebSocketAnswersWhenItIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSocket(chat(), noon, 1)
		defer s.release()
		start := time.Now()
		split := ws.NewSplitter(ws.Deflate{}, 0)
		defer split.Close()
		hear := func(want string, at time.Duration) {
			t.Helper()
			buf := make([]byte, 64)
			for {
				if m, ok := split.Next(); ok {
					got := m.Opcode.String() + " " + string(m.Payload)
					if m.Opcode == ws.Close {
						code, reason := ws.ParseClose(m.Payload)
						got = "close " + reason
						if code != 1000 {
							t.Error(code)
						}
					}
					if since := time.Since(start); got != want || since != at {
						t.Errorf("%q after %v, want %q after %v", got, since, want, at)
					}
					return
				}
				n, err := s.Read(buf)
				if err != nil {
					t.Fatal(want, err)
				}
				split.Write(append([]byte{}, buf[:n]...))
			}
		}
		hear("text welcome", time.Second)
		time.AfterFunc(time.Minute, func() { // the client takes its time
			s.Write(append(frame(true, ws.Ping, 1), 'p'))
			s.Write(append(frame(true, ws.Text, 4), "ask?"...))
		})
		hear("pong p", 61*time.Second)
		hear("text answer", 64*time.Second)
		hear("text more", 65*time.Second)
		hear("close bye", 66*time.Second)
		s.Write(frame(true, ws.Close, 0))
		if _, err := s.Read(make([]byte, 10)); err != io.EOF {
			t.Error(err)
		}
	})
}
