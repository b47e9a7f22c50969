package replay

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"midstream/flow"
	"midstream/internal/engine"
	timedfile "midstream/internal/format/timed"
	"midstream/internal/ws"
)

// standing opens a call that a timed file answers.
func standing(t *testing.T, speed Speed, req *flow.Request, text string) engine.Call {
	t.Helper()
	rec, err := timedfile.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c, err := StandIn(rec.Item(), speed).Open(t.Context(), req, flow.Framing{}, engine.AnyConnection)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A stand-in gives head, pieces and end with the pauses of its file, at any speed.
func TestAStandInKeepsTheTiming(t *testing.T) {
	const file = `{"timed":1,"status":201,"at":100,"fields":[["Content-Type","text/event-stream"]]}
{"at":50,"data":"a"}
{"at":50,"data":"b"}
{"at":1050,"data":"c"}
{"at":3000,"end":true,"trailers":[["X","y"]]}`
	for speed, want := range map[Speed]string{
		1: "100ms head|150ms data: a\n\n|150ms data: b\n\n|1.15s data: c\n\n|3.1s EOF", 2: "50ms head|75ms data: a\n\n|75ms data: b\n\n|575ms data: c\n\n|1.55s EOF",
		0: "0s head|0s data: a\n\n|0s data: b\n\n|0s data: c\n\n|0s EOF",
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			c := standing(t, speed, &flow.Request{Method: "GET"}, file)
			defer c.Close()
			head, _, err := c.Head(t.Context())
			if err != nil || head.Status != 201 {
				t.Fatal(head, err)
			}
			got := []string{time.Since(start).String() + " head"}
			r := c.Response()
			buf := make([]byte, 100)
			for err = nil; err == nil; {
				var n int
				if n, err = r.Read(buf); n > 0 {
					got = append(got, fmt.Sprintf("%v %s", time.Since(start), buf[:n]))
				}
			}
			got = append(got, fmt.Sprintf("%v %v", time.Since(start), err))
			if strings.Join(got, "|") != want || r.Trailers().Get("x") != "y" || c.Framing().Kind != flow.Chunked {
				t.Errorf("speed %v: %q, %v", speed, got, r.Trailers())
			}
		})
	}
}

func TestAStandInForAWebSocket(t *testing.T) {
	const file = `{"timed":1,"websocket":true}
{"at":5,"from":"server","text":"hello"}
{"at":10,"from":"client","text":"hi"}
{"at":1010,"from":"server","base64":"AQ=="}
{"at":1020,"from":"server","close":1000}`
	synctest.Test(t, func(t *testing.T) {
		req := &flow.Request{Method: "GET"}
		if _, err := StandIn(func() *timedfile.Recording { r, _ := timedfile.Read(strings.NewReader(file)); return r }().Item(), 1).Open(t.Context(), req, flow.Framing{}, engine.AnyConnection); err == nil {
			t.Error("a request that asks for no WebSocket was answered with one")
		}
		req.Fields.Add("Upgrade", "WebSocket")
		req.Fields.Add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
		c := standing(t, 1, req, file)
		defer c.Close()
		head, _, err := c.Head(t.Context())
		if err != nil || head.Status != 101 || head.Fields.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
			t.Fatal(head, err)
		}
		duplex, err := c.Upgrade()
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		time.AfterFunc(time.Minute, func() {
			p := frame(true, ws.Text, 2)
			duplex.Write(append(p, 'h'^p[len(p)-4], 'i'^p[len(p)-3]))
		})
		in := ws.NewSplitter(ws.Deflate{}, 100)
		defer in.Close()
		var got []string
		buf := make([]byte, 100)
		for len(got) < 3 {
			n, err := duplex.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			in.Write(buf[:n])
			for m, ok := in.Next(); ok; m, ok = in.Next() {
				got = append(got, fmt.Sprintf("%v %v %q", time.Since(start), m.Opcode, m.Payload))
			}
		}
		if want := `5ms text "hello"|1m1s binary "\x01"|1m1.01s close "\x03\xe8"`; strings.Join(got, "|") != want {
			t.Errorf("%q", got)
		}
	})
}

func TestAStandInThatIsCut(t *testing.T) {
	c := standing(t, 0, &flow.Request{Method: "GET"}, `{"timed":1,"status":200}
{"at":1,"text":"some"}
{"at":2,"cut":true}`)
	defer c.Close()
	if p, err := io.ReadAll(c.Response()); string(p) != "some" || err == nil {
		t.Errorf("%q, %v", p, err)
	}
}
