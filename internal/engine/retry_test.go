package engine

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"midstream/flow"
)

func errStale() *flow.Error {
	return &flow.Error{Peer: flow.AtServer, Phase: flow.InHead, Cause: flow.ClosedEarly, Err: errors.New("the server closed the connection before its response")}
}

// stale is a call on a connection that the server has closed meanwhile.
func stale(reused bool) *fakeCall {
	c := newCall()
	c.reused = reused
	c.breakHead(errStale())
	return c
}

func TestRetry(t *testing.T) {
	for _, c := range []struct {
		rule  string
		s     *fakeStream
		first any
		hold  bool
		again bool
		text  string // in the outcome when not
	}{
		{"GET on a stale connection", newStream(flow.HTTP11, "GET", nil, nil), stale(true), false, true, ""},
		{"WebSocket on a stream", extended("websocket"), stale(true), false, true, ""},
		{"another protocol on a stream", extended("connect-udp"), stale(true), false, false, "not sent again, because CONNECT is not idempotent"},
		{"GET on a fresh connection", newStream(flow.HTTP11, "GET", nil, nil), stale(false), false, false, "before its response"},
		{"POST without a body", newStream(flow.HTTP11, "POST", nil, nil), stale(true), false, false, "not sent again, because POST is not idempotent"},
		{"held PUT", newStream(flow.HTTP11, "PUT", nil, wholeBody("ab")), stale(true), true, true, ""},
		{"held POST", newStream(flow.HTTP11, "POST", nil, wholeBody("ab")), stale(true), true, false, "not idempotent"},
		{"PUT whose body has begun", newStream(flow.HTTP11, "PUT", nil, wholeBody("ab")), touchedStale(), false, false, "a part of its body had been sent"},
		{"a response byte came", newStream(flow.HTTP11, "GET", nil, nil), heardStale(), false, false, "before its response"},
		{"refused unprocessed at the head", newStream(flow.HTTP11, "POST", nil, wholeBody("ab")), &flow.Error{Peer: flow.AtServer, Phase: flow.InHead, Cause: flow.RefusedRequest, Err: errors.New("stale")}, false, true, ""},
		{"GET whose head could not be written", newStream(flow.HTTP11, "GET", nil, nil), errStale(), false, true, ""},
		{"POST whose head could not be written", newStream(flow.HTTP11, "POST", nil, nil), errStale(), false, false, "POST is not idempotent"},
		{"dial failed", newStream(flow.HTTP11, "GET", nil, nil), &flow.Error{Peer: flow.AtServer, Phase: flow.Dialing, Cause: flow.NoConnection, Err: errors.New("refused")}, false, false, "502: refused"},
		{"malformed head", newStream(flow.HTTP11, "GET", nil, nil), malformed(), false, false, "502: bad status line"},
	} {
		second := answers(200, length(2), nil, wholeBody("ok"))
		if c.s.head.Protocol != "" {
			second = answers(404, length(2), nil, wholeBody("ok")) // no tunnel
		}
		up := upstream(c.first, second)
		var addons []any
		if c.hold {
			addons = append(addons, &whole{})
		}
		f := serve(t, Policy{}, c.s, up, addons...).end
		if !c.again {
			if len(up.opened) != 1 || f.Outcome.Kind == flow.Completed || !strings.Contains(f.Outcome.Text, c.text) || c.s.status() != 502 {
				t.Errorf("%s: %d tries, %+v", c.rule, len(up.opened), f.Outcome)
			}
			continue
		}
		if !slices.Equal(up.opened, []Reuse{AnyConnection, FreshOnly}) || f.Outcome.Kind != flow.Completed || len(f.Tries) != 2 || f.Tries[0].Error == "" || f.Tries[1].Error != "" {
			t.Errorf("%s: tries %+v, %+v", c.rule, f.Tries, f.Outcome)
		}
		if c.s.body != nil && (second.sink.text() != "ab" || second.sink.end() != "closed" || f.RequestBody.Sent != 2 || f.RequestBody.Recorded != 2) {
			t.Errorf("%s: sent %q, %+v", c.rule, second.sink.text(), f.RequestBody)
		}
		if first, ok := c.first.(*fakeCall); ok && first.closed != 1 {
			t.Errorf("%s: the first call was closed %d times", c.rule, first.closed)
		}
	}
}

// extended is an extended CONNECT.
func extended(protocol string) *fakeStream {
	s := newStream(flow.HTTP2, "CONNECT", nil, nil)
	s.head.Protocol = protocol
	return s
}

func heardStale() *fakeCall { c := stale(true); c.heard = true; return c }

func malformed() *fakeCall {
	c := newCall()
	c.reused = true
	c.breakHead(&flow.Error{Peer: flow.AtServer, Phase: flow.InHead, Cause: flow.Malformed, Err: errors.New("bad status line")})
	return c
}

// touchedStale breaks its head only when a byte of the body has come.
func touchedStale() *fakeCall {
	c := newCall()
	c.reused = true
	go func() {
		c.sink.await(1)
		c.breakHead(errStale())
	}()
	return c
}

func TestRetryOfABodyThatHasNotBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBody()
		s := newStream(flow.HTTP11, "PUT", nil, b)
		first, second := newCall(), newCall()
		first.reused = true
		r := start(t, t.Context(), Policy{}, s, upstream(first, second))
		synctest.Wait()
		first.breakHead(errStale())
		synctest.Wait()
		b.feed("late")
		b.end(nil)
		second.answer(200, length(0), nil, wholeBody())
		f := r.end(t)
		if f.Outcome.Kind != flow.Completed || second.sink.text() != "late" || first.sink.text() != "" {
			t.Fatalf("%+v %q", f.Outcome, second.sink.text())
		}
	})
}

// A server that turns out to speak another protocol has processed nothing: what it was
// sent of a small body is kept until then.
func TestABodyThatIsKeptIsSentAgain(t *testing.T) {
	foreign := func() *flow.Error {
		return &flow.Error{Peer: flow.AtServer, Phase: flow.InHead, Cause: flow.RefusedRequest, Err: errors.New("it speaks another protocol")}
	}
	for _, c := range []struct {
		name     string
		doubtful bool
		pieces   []string
		ends     bool // the client has sent all
		again    bool
	}{
		{"whole", true, []string{"ab", "cd"}, true, true},
		{"without an octet", true, nil, true, true},
		{"as large as is kept", true, []string{strings.Repeat("x", 32<<10), strings.Repeat("y", 32<<10)}, true, true},
		{"larger", true, []string{strings.Repeat("x", 32<<10), strings.Repeat("y", 32<<10), "z"}, true, false},
		{"of a client that goes on", true, []string{"ab"}, false, false},
		{"to a server that is known", false, []string{"ab"}, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBody()
				s := newStream(flow.HTTP11, "POST", nil, b)
				first, second := newCall(), newCall()
				first.doubtful = c.doubtful
				r := start(t, t.Context(), Policy{}, s, upstream(first, second))
				for _, p := range c.pieces {
					b.feed(p)
				}
				if c.ends {
					b.end(nil)
				}
				synctest.Wait()
				all := strings.Join(c.pieces, "")
				if first.sink.text() != all {
					t.Fatalf("%d octets were held back", len(all)-len(first.sink.text()))
				}
				first.breakHead(foreign())
				if c.again {
					second.answer(200, length(0), nil, wholeBody())
				} else {
					time.Sleep(2 * keptTime)
					b.end(nil)
				}
				f := r.end(t)
				if got := f.Outcome.Kind == flow.Completed; got != c.again || c.again && second.sink.text() != all || s.status() != map[bool]int{true: 200, false: 502}[c.again] {
					t.Fatalf("%+v, sent again %d octets", f.Outcome, len(second.sink.text()))
				}
				if c.again && (f.RequestBody.Recorded != int64(len(all)) || f.RequestBody.Sent != int64(len(all)) || !f.RequestBody.Ended) {
					t.Errorf("%+v", f.RequestBody)
				}
			})
		})
	}
}

func TestAFailedRetryIsTheEnd(t *testing.T) {
	s := newStream(flow.HTTP11, "GET", nil, nil)
	up := upstream(stale(true), stale(true), answers(200, length(0), nil, nil))
	f := serve(t, Policy{}, s, up).end
	if len(up.opened) != 2 || f.Outcome.Kind != flow.Failed || s.status() != 502 || len(f.Tries) != 2 || f.Tries[1].Error == "" {
		t.Fatalf("%d tries, %+v", len(up.opened), f)
	}
}

// A reset before the head reaches a client of HTTP/2 as it came; one of HTTP/1 has
// no word for it and gets a page, and so does every client where the server said
// nothing by it.
func TestAResetBeforeTheHeadIsPassedOn(t *testing.T) {
	reset := func(cause flow.Cause, code uint64) *flow.Error {
		return &flow.Error{Peer: flow.AtServer, Phase: flow.InHead, Cause: cause, Code: code, Err: errors.New("the server reset the stream")}
	}
	for _, c := range []struct {
		version flow.Version
		err     *flow.Error
		passed  bool
	}{
		{flow.HTTP2, reset(flow.ResetByPeer, 8), true},
		{flow.HTTP2, reset(flow.RefusedRequest, 13), true},
		{flow.HTTP2, reset(flow.ResetByPeer, 0), false},
		{flow.HTTP11, reset(flow.ResetByPeer, 8), false},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newStream(c.version, "POST", nil, nil)
			call, again := newCall(), newCall()
			call.breakHead(c.err)
			again.breakHead(c.err)
			r := start(t, t.Context(), Policy{}, s, upstream(call, again))
			f := r.end(t)
			if passed := s.aborted == c.err && s.status() == 0; passed != c.passed || !passed && s.status() != 502 {
				t.Errorf("%v, code %d: status %d, aborted %v", c.version, c.err.Code, s.status(), s.aborted)
			}
			if c.passed && f.Outcome.Kind == flow.Completed {
				t.Errorf("outcome %+v", f.Outcome)
			}
		})
	}
}

// A server that closes instead of responding does so to a program that does not know
// of midstream; who has set a proxy, and a browser, gets a page.
func TestWhoSeesAServerClose(t *testing.T) {
	for _, c := range []struct {
		mode, accept string
		sees         int
	}{
		{"regular", "*/*", 502}, {"socks5", "*/*", 502}, {"upstream:http://proxy.test:3128", "*/*", 502},
		{"reverse:http://a.test", "*/*", 0}, {"transparent", "*/*", 0}, {"reverse:http://a.test", "text/html,*/*", 502},
	} {
		s := newStream(flow.HTTP11, "GET", fields("Accept: "+c.accept), nil)
		e := New(Config{SpillDir: t.TempDir()})
		e.Serve(t.Context(), s, upstream(stale(false)), Origin{Client: &flow.Conn{Mode: c.mode}})
		if s.status() != c.sees || (s.aborted != nil) != (c.sees == 0) {
			t.Errorf("%s, %s: %d, aborted %v", c.mode, c.accept, s.status(), s.aborted)
		}
	}
}
