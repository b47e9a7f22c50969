package engine

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"
	"midstream/flow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Each pair of versions, each disposition, each framing, and a failure at each phase
// on each side: how the flow says that it ended, how the wire ended
// on both sides, which events ran, and that the record is what was sent.
func TestFailureMatrix(t *testing.T) {
	failures := []string{
		"none",
		"client upload cut", "client upload malformed", "client gone at head", "client write fails",
		"client reset", "client write reset",
		"dial", "server head cut", "server head reset", "server head malformed", "server head timeout", "server upload write fails, no answer",
		"server body cut", "server body reset", "server body malformed",
		"kill in responseheaders",
	}
	for _, v := range []flow.Version{flow.HTTP10, flow.HTTP11, flow.HTTP2} {
		for _, to := range []flow.Version{flow.HTTP11, flow.HTTP2} {
			for _, d := range []flow.Disposition{flow.Tee, flow.Hold, flow.Pass} {
				for _, framing := range []string{"length", "chunked", "until close", "trailers"} {
					if framing == "until close" && to == flow.HTTP2 {
						continue // it has no such end
					}
					for _, failure := range failures {
						name := fmt.Sprintf("%v to %v/%s/%s/%s", v, to, d.Word(), framing, failure)
						t.Run(name, func(t *testing.T) {
							synctest.Test(t, func(t *testing.T) { runCell(t, v, to, d, framing, failure) })
						})
					}
				}
			}
		}
	}
}

// errClientReset is a stream that the client has reset.
var errClientReset = &flow.Error{Peer: flow.AtClient, Phase: flow.InBody, Cause: flow.ResetByPeer, Code: 8, Err: errors.New("the client reset the stream: CANCEL")}

func runCell(t *testing.T, v, to flow.Version, d flow.Disposition, framing, failure string) {
	const sent, got = "upload", "download"
	up := newBody("up", "load")
	down := newBody("down", "load")
	var trailers flow.Fields
	in := chunked
	switch framing {
	case "length":
		in = length(8)
	case "until close":
		in = flow.Framing{Kind: flow.UntilClose}
	case "trailers":
		trailers = fields("X-End: 1")
	}
	up.end(trailers)
	down.end(trailers)

	w := &watching{}
	addons := []any{w}
	policy := Policy{}
	switch d {
	case flow.Hold:
		addons = append(addons, &whole{})
	case flow.Pass:
		policy.StreamLargeBodies = size(0)
	}
	requestFields := flow.Fields(nil)
	if framing == "length" || v == flow.HTTP10 {
		requestFields = fields("Content-Length: 6")
	}
	s := newStream(v, "POST", requestFields, up)
	c := newCall()
	c.version = to
	upstreams := upstream(c)
	upstreams.version = to

	// What goes wrong, and what must come of it.
	outcome := flow.Completed
	status := 200
	serverTold := false
	client := "closed"
	last := "response"
	answer := true
	switch failure {
	case "client upload cut":
		up.breakOff(&flow.Error{Peer: flow.AtClient, Phase: flow.InBody, Cause: flow.ClosedEarly, Err: errors.New("cut")})
		outcome, status, client, last, answer, serverTold = flow.ClientLeft, 0, "open", "error", false, true
	case "client upload malformed":
		up.breakOff(&flow.Error{Peer: flow.AtClient, Phase: flow.InBody, Cause: flow.Malformed, Err: errors.New("bad chunk")})
		outcome, status, last, answer, serverTold = flow.Refused, 400, "error", false, true
	case "client gone at head":
		s.noRespond = errLeft
		outcome, status, client, last, serverTold = flow.ClientLeft, 0, "open", "error", true
	case "client write fails":
		s.sink.fail, s.sink.failAt = errLeft, 5
		outcome, client, last, serverTold = flow.ClientLeft, "aborted", "error", true
	case "client reset":
		s.sink.stalled = true
		outcome, client, last, serverTold = flow.ClientLeft, "aborted", "error", true
	case "client write reset":
		s.sink.fail, s.sink.failAt = errClientReset, 5
		outcome, client, last, serverTold = flow.ClientLeft, "aborted", "error", true
	case "dial":
		upstreams = upstream()
		upstreams.version = to
		outcome, status, last = flow.Failed, 502, "error"
	case "server head cut":
		c.breakHead(errStale())
		outcome, status, last, answer, serverTold = flow.Failed, 502, "error", false, true
	case "server head reset":
		reset := &flow.Error{Peer: flow.AtServer, Phase: flow.InHead, Cause: flow.ResetByPeer, Err: errors.New("reset")}
		outcome, status, last, answer, serverTold = flow.WasReset, 502, "error", false, true
		if to == flow.HTTP2 {
			if reset.Code = 2; v == flow.HTTP2 {
				status, client = 0, "open" // the reset is passed on
			}
		}
		c.breakHead(reset)
	case "server head malformed":
		c.breakHead(&flow.Error{Peer: flow.AtServer, Phase: flow.InHead, Cause: flow.Malformed, Err: errors.New("no status")})
		outcome, status, last, answer, serverTold = flow.Failed, 502, "error", false, true
	case "server head timeout":
		c.breakHead(&flow.Error{Peer: flow.AtServer, Phase: flow.InHead, Cause: flow.Timeout, Err: errors.New("late")})
		outcome, status, last, answer, serverTold = flow.TimedOut, 504, "error", false, true
	case "server upload write fails, no answer":
		broke := &flow.Error{Peer: flow.AtServer, Phase: flow.InBody, Cause: flow.ResetByPeer, Err: errors.New("reset")}
		c.sink.fail, c.sink.failAt = broke, 3
		c.breakHead(broke)
		outcome, status, last, answer, serverTold = flow.WasReset, 502, "error", false, true
	case "server body cut", "server body reset", "server body malformed":
		err := errCut
		outcome = flow.ServerCut
		if failure == "server body reset" {
			err, outcome = errReset, flow.WasReset
		} else if failure == "server body malformed" {
			err = &flow.Error{Peer: flow.AtServer, Phase: flow.InBody, Cause: flow.Malformed, Err: errors.New("bad chunk size")}
		}
		down.breakOff(err)
		client, last, serverTold = "aborted", "error", true
		if d == flow.Hold {
			client, status = "closed", 502 // an error page
		}
	case "kill in responseheaders":
		w.onRespHead = func(x *hookExchange) { x.Kill() }
		outcome, status, client, last, serverTold = flow.Killed, 0, "open", "error", true
	}
	if d == flow.Hold && strings.HasPrefix(failure, "client") && failure != "client upload cut" && failure != "client upload malformed" {
		last = "response"  // it had run: no error event
		serverTold = false // and the server was through
	}
	if failure == "client upload cut" || failure == "client upload malformed" {
		if d == flow.Hold {
			serverTold = false // nothing was opened
		}
	}

	r := start(t, t.Context(), policy, s, upstreams, addons...)
	if answer && failure != "dial" {
		c.sink.await(len(sent))
		synctest.Wait()
		c.answer(200, in, nil, down)
	}
	if failure == "client reset" {
		synctest.Wait()
		s.leave(errClientReset)
	}
	f := r.end(t)

	if f.Outcome.Kind != outcome {
		t.Fatalf("outcome %+v, want kind %d", f.Outcome, outcome)
	}
	if (outcome == flow.Completed) != (f.Outcome.Text == "") {
		t.Errorf("text %q", f.Outcome.Text)
	}
	if s.status() != status || s.sink.end() != client {
		t.Errorf("client: %d %s, want %d %s", s.status(), s.sink.end(), status, client)
	}
	if status == 0 && s.aborted == nil {
		t.Error("the stream was not aborted")
	}
	if got := w.order[len(w.order)-1]; got != last {
		t.Errorf("events %v, want %s last", w.order, last)
	}
	if told := c.cancelCause() != nil; told != serverTold {
		t.Errorf("server told %v: %v", told, c.cancelCause())
	}
	if len(upstreams.opened) > 0 && failure != "dial" && c.closed != 1 {
		t.Errorf("call closed %d times", c.closed)
	}
	// The record is what was sent, or there is none.
	record := r.m.only()
	for side, wire := range map[flow.Side]string{flow.ToServer: c.sink.text(), flow.ToClient: s.sink.text()} {
		b := f.RequestBody
		if side == flow.ToClient {
			b = f.ResponseBody
			if status != 200 {
				continue // an error page is not the flow's
			}
		}
		kept := record.body[side].String()
		switch {
		case d == flow.Pass && kept != "":
			t.Errorf("%v: recorded %q of what passes", side, kept)
		case d != flow.Pass && kept != wire:
			t.Errorf("%v: recorded %q, sent %q", side, kept, wire)
		case b.Sent != int64(len(wire)):
			t.Errorf("%v: says %d sent, was %q", side, b.Sent, wire)
		}
	}
	if failure == "none" {
		if c.sink.text() != sent || s.sink.text() != got || c.sink.end() != "closed" {
			t.Errorf("%q %s, %q", c.sink.text(), c.sink.end(), s.sink.text())
		}
		want := lines(trailers)
		if v == flow.HTTP10 {
			want = ""
		}
		if lines(s.sink.trailers) != want {
			t.Errorf("trailers %q", lines(s.sink.trailers))
		}
	}
	if status == 502 && !strings.HasPrefix(f.Outcome.Text, "502: ") {
		t.Errorf("text %q", f.Outcome.Text)
	}
}
