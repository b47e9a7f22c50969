package engine

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"midstream/flow"
	"midstream/hook"
)

// changing is an addon that changes every message and keeps what it saw.
type changing struct{ saw []string }

func (c *changing) WebSocketMessage(_ context.Context, x *hook.Exchange) error {
	m := x.WebSocket.Message
	c.saw = append(c.saw, string(m.Content))
	m.Content = []byte("changed")
	return nil
}

// A text message that is not UTF-8 passes as it comes, as soon as that is seen;
// hooks see it and cannot change it. The next one is theirs again.
func TestWebSocketTextThatIsNone(t *testing.T) {
	for name, came := range map[string][]string{
		"at once":                 {"\x81\x03a\xff!"},
		"in frames":               {"\x01\x01a", "\x00\x01\xff", "\x80\x01!"},
		"in pieces of one":        {"\x81\x03a", "\xff", "!"},
		"ends within a character": {"\x01\x01a", "\x80\x01\xe2"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				head := fields("Connection: Upgrade", "Upgrade: websocket")
				s := newStream(flow.HTTP11, "GET", head, nil)
				c := answers(101, flow.Framing{}, head, nil)
				s.duplex, c.duplex = newDuplex(newBody()), newDuplex(newBody())
				hears := &changing{}
				r := start(t, t.Context(), Policy{}, s, upstream(c), hears)
				all := strings.Join(came, "")
				for i, p := range came {
					c.duplex.in.feed(p)
					synctest.Wait()
					if got := s.duplex.out.text(); strings.Contains(p, "\xff") && got != strings.Join(came[:i+1], "") {
						t.Errorf("with %q there came %q", p, got)
					}
				}
				c.duplex.in.feed("\x81\x02ok")
				c.duplex.in.end(nil)
				s.duplex.in.end(nil)
				f := r.end(t)
				if got := s.duplex.out.text(); got != all+"\x81\x07changed" {
					t.Errorf("came %q", got)
				}
				said := strings.NewReplacer("\x81\x03", "", "\x01\x01", "", "\x00\x01", "", "\x80\x01", "").Replace(all)
				if !slices.Equal(hears.saw, []string{said, "ok"}) {
					t.Errorf("hooks saw %q", hears.saw)
				}
				for _, code := range []string{"message-not-text", "message-refused"} {
					if n := len(slices.DeleteFunc(findings(f), func(c string) bool { return c != code })); n != 1 {
						t.Errorf("%d findings %s: %v", n, code, findings(f))
					}
				}
			})
		})
	}
}
