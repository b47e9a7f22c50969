package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"midstream/flow"
	"midstream/hook"
)

func TestHookMadeResponses(t *testing.T) {
	made := func(x *hook.Exchange) { x.Response = hook.MakeResponse(418, fields("A: b"), []byte("tea")) }
	for _, c := range []struct {
		rule string
		w    whole
		up   *fakeUpstream
		v    flow.Version
		want string // body
		f    flow.Framing
	}{
		{"in requestheaders", whole{onReqHead: made}, upstream(), flow.HTTP11, "tea", length(3)},
		{"in request", whole{onReq: made}, upstream(), flow.HTTP2, "tea", length(3)},
		{"in responseheaders", whole{onRespHead: made}, upstream(answers(200, length(5), nil, wholeBody("hello"))), flow.HTTP11, "tea", length(3)},
		{"in response, held", whole{onResp: made}, upstream(answers(200, length(5), nil, wholeBody("hello"))), flow.HTTP11, "tea", length(3)},
		{"in response, no body", whole{onResp: made}, upstream(answers(304, flow.Framing{}, nil, nil)), flow.HTTP10, "tea", length(3)},
		{"edited afterwards", whole{onReqHead: made, onResp: func(x *hook.Exchange) { x.Response.SetText("more tea") }}, upstream(), flow.HTTP11, "more tea", length(8)},
		{"through a function", whole{onReqHead: made, onRespHead: func(x *hook.Exchange) {
			x.Response.Stream.Transform = func() hook.Transform {
				return hook.ChunkFunc(func(p []byte) ([][]byte, error) { return [][]byte{p, p}, nil })
			}
		}}, upstream(), flow.HTTP11, "teatea", chunked},
		{"without a body", whole{onReqHead: func(x *hook.Exchange) {
			x.Response = hook.NewResponse(flow.Response{Status: 418, Message: flow.Message{Fields: fields("A: b")}})
		}}, upstream(), flow.HTTP11, "", length(0)},
	} {
		w := c.w
		s := newStream(c.v, "GET", nil, nil)
		f := serve(t, Policy{}, s, c.up, &w).end
		if s.status() != 418 || s.sink.text() != c.want || s.sink.end() != "closed" || s.out != c.f || s.response.Fields.Get("A") != "b" {
			t.Errorf("%s: %d %q %s %v", c.rule, s.status(), s.sink.text(), s.sink.end(), s.out)
		}
		if f.Outcome.Kind != flow.Completed || f.Response.Status != 418 || f.ResponseBody.Sent != int64(len(c.want)) || f.ResponseBody.Recorded != int64(len(c.want)) {
			t.Errorf("%s: %+v %+v", c.rule, f.Outcome, f.ResponseBody)
		}
	}
}

// Behind an interim response a client waits for another: none ends an exchange.
func TestHooksMakeNoInterimResponses(t *testing.T) {
	made := func(x *hook.Exchange) { x.Response = hook.MakeResponse(100, nil, nil) }
	status := func(n int) func(x *hook.Exchange) { return func(x *hook.Exchange) { x.Response.Status = n } }
	for name, w := range map[string]*whole{
		"made in requestheaders": {onReqHead: made},
		"made in request":        {onReq: made},
		"made in response":       {onResp: made},
		"set at the head":        {onRespHead: status(103)},
		"set on the whole":       {onResp: status(199)},
		"an upgrade of nothing":  {onRespHead: status(101)},
	} {
		for _, v := range []flow.Version{flow.HTTP11, flow.HTTP2} {
			s := newStream(v, "GET", nil, nil)
			f := serve(t, Policy{}, s, upstream(answers(200, length(5), nil, wholeBody("hello"))), w).end
			if s.status() != 502 || s.sink.end() != "closed" || f.Outcome.Kind != flow.Failed || !strings.Contains(f.Outcome.Text, "ends no exchange") {
				t.Errorf("%s, %v: %d, %s, %+v", name, v, s.status(), s.sink.end(), f.Outcome)
			}
		}
	}
}

func TestBodySetOnABodilessRequest(t *testing.T) {
	w := &whole{onReq: func(x *hook.Exchange) { x.Request.SetContent([]byte("query")) }}
	s := newStream(flow.HTTP11, "GET", fields("Host: h"), nil)
	c := answers(200, length(0), nil, wholeBody())
	f := serve(t, Policy{}, s, upstream(c), w).end
	if c.sink.text() != "query" || c.out != length(5) || lines(c.request.Fields) != "Host: h|Content-Length: 5" {
		t.Fatalf("%q %v %q", c.sink.text(), c.out, lines(c.request.Fields))
	}
	if b := f.RequestBody; b.Disposition != flow.Hold || b.Reason != "set by a hook" || b.Recorded != 5 || !b.Ended {
		t.Fatalf("%+v", b)
	}
}

func TestMethodChangedUnderTheClient(t *testing.T) {
	// A client that sent GET reads a body by its length: the HEAD that a hook
	// made of it must not leave a length without one.
	w := &whole{onReqHead: func(x *hook.Exchange) { x.Request.Method = "HEAD" }}
	s := newStream(flow.HTTP11, "GET", nil, nil)
	c := answers(200, flow.Framing{}, fields("Content-Length: 500"), nil)
	serve(t, Policy{}, s, upstream(c), w)
	if c.request.Method != "HEAD" || s.out != length(0) || s.response.Fields.Get("Content-Length") != "0" {
		t.Fatalf("%s %v %v", c.request.Method, s.out, s.response.Fields)
	}
	// And one that sent HEAD reads none.
	w = &whole{onReqHead: func(x *hook.Exchange) { x.Request.Method = "GET" }}
	s = newStream(flow.HTTP11, "HEAD", nil, nil)
	r := serve(t, Policy{}, s, upstream(answers(200, length(5), fields("Content-Length: 5"), wholeBody("hello"))), w)
	if s.sink.text() != "" || s.out.Kind != flow.Unframed || s.response.Fields.Get("Content-Length") != "5" || !slices.Contains(findings(r.end), "body-dropped") {
		t.Fatalf("%q %v %v %v", s.sink.text(), s.out, s.response.Fields, findings(r.end))
	}
}

func TestTargetsAndVersions(t *testing.T) {
	s := newStream(flow.HTTP11, "GET", fields("Host: other.test", "Proxy-Authorization: Basic eA=="), nil)
	s.head.Form, s.head.Authority, s.head.Wire, s.head.Path = flow.AbsoluteForm, "example.test", "GET http://example.test HTTP/1.1", ""
	c := answers(204, flow.Framing{}, nil, nil)
	m := &memory{}
	New(Config{Recorder: m}).Serve(t.Context(), s, upstream(c), Origin{OwnProxyAuth: true})
	if r := c.request; r.Form != flow.OriginForm || r.Path != "/" || r.Wire != "" || lines(r.Fields) != "Host: example.test" {
		t.Fatalf("%+v", r)
	}
	if f := m.only().end; f.Request.Form != flow.AbsoluteForm || !slices.Contains(findings(f), "host-mismatch") {
		t.Fatalf("%+v %v", f.Request, findings(f))
	}
	// HTTP/2 in, HTTP/1.1 out, and the other way.
	s = newStream(flow.HTTP2, "POST", fields("a: b"), wholeBody("x"))
	s.head.Authority = "example.test"
	c = answers(200, chunked, fields("Transfer-Encoding: chunked"), wholeBody("y"))
	serve(t, Policy{}, s, upstream(c))
	if r := c.request; r.Version != flow.HTTP11 || lines(r.Fields) != "Host: example.test|a: b|Transfer-Encoding: chunked" {
		t.Fatalf("%v %q", r.Version, lines(r.Fields))
	}
	if s.out.Kind != flow.Chunked || len(s.response.Fields) != 0 {
		t.Fatalf("%v %v", s.out, s.response.Fields)
	}
	// An HTTP/1.0 client that wants to stay.
	s = newStream(flow.HTTP10, "GET", fields("Connection: keep-alive"), nil)
	serve(t, Policy{}, s, upstream(answers(200, length(1), fields("Content-Length: 1"), wholeBody("y"))))
	if lines(s.response.Fields) != "Content-Length: 1|Connection: keep-alive" {
		t.Fatalf("%q", lines(s.response.Fields))
	}
}

func TestErrorPageReachesTheClient(t *testing.T) {
	for accept, kind := range map[string]string{"text/html,*/*": "text/html; charset=utf-8", "*/*": "text/plain; charset=utf-8"} {
		s := newStream(flow.HTTP11, "GET", fields("Accept: "+accept), nil)
		f := serve(t, Policy{}, s, upstream()).end
		if s.status() != 502 || s.response.Fields.Get("Content-Type") != kind || s.out.Known() != int64(len(s.sink.text())) || !strings.Contains(s.sink.text(), "connection refused") {
			t.Errorf("%s: %d %v %q", accept, s.status(), s.response.Fields, s.sink.text())
		}
		if want := "502: could not connect to example.test:80: connection refused; check that the server runs"; f.Outcome.Text != want || f.Outcome.Phase != "dial" || f.Outcome.Kind != flow.Failed {
			t.Errorf("%+v", f.Outcome)
		}
	}
	s := newStream(flow.HTTP11, "HEAD", nil, nil)
	if serve(t, Policy{}, s, upstream()); s.status() != 502 || s.sink.text() != "" || s.out.Kind != flow.Unframed {
		t.Errorf("HEAD: %d %q %v", s.status(), s.sink.text(), s.out)
	}
}

func TestHeadsThatNobodyAskedFor(t *testing.T) {
	for _, status := range []int{101, 99} {
		s := newStream(flow.HTTP11, "GET", nil, nil)
		f := serve(t, Policy{}, s, upstream(answers(status, flow.Framing{}, nil, nil))).end
		if s.status() != 502 || f.Outcome.Kind != flow.Failed {
			t.Errorf("%d: %d %+v", status, s.status(), f.Outcome)
		}
	}
}

func TestMoreThanTheHeadSaid(t *testing.T) {
	s := newStream(flow.HTTP11, "GET", nil, nil)
	f := serve(t, Policy{}, s, upstream(answers(200, length(0), nil, wholeBody("surplus")))).end
	if s.sink.text() != "" || s.sink.end() != "aborted" || f.Outcome.Kind != flow.ServerCut {
		t.Fatalf("%q %s %+v", s.sink.text(), s.sink.end(), f.Outcome)
	}
}

func upgrading() (*fakeStream, *fakeCall) {
	s := newStream(flow.HTTP11, "GET", fields("Connection: Upgrade", "Upgrade: websocket"), nil)
	s.duplex = newDuplex(newBody())
	c := answers(101, flow.Framing{}, fields("Connection: Upgrade", "Upgrade: websocket"), nil)
	c.duplex = newDuplex(newBody())
	return s, c
}

func TestUpgradeThatIsStopped(t *testing.T) {
	s, c := upgrading()
	f := serve(t, Policy{}, s, upstream(c), &whole{onRespHead: func(x *hook.Exchange) { x.Kill() }}).end
	if s.status() != 0 || s.aborted == nil || f.Outcome.Kind != flow.Killed || c.cancelCause() == nil {
		t.Errorf("killed: %d %+v", s.status(), f.Outcome)
	}
	s, c = upgrading()
	f = serve(t, Policy{}, s, upstream(c), &whole{onRespHead: func(x *hook.Exchange) { x.Response = hook.MakeResponse(403, nil, []byte("no")) }}).end
	if s.status() != 403 || s.sink.text() != "no" || f.Outcome.Kind != flow.Completed || c.cancelCause() == nil {
		t.Errorf("replaced: %d %q %+v", s.status(), s.sink.text(), f.Outcome)
	}
	s, c = upgrading()
	f = serve(t, Policy{}, s, upstream(c), &whole{onResp: func(x *hook.Exchange) { x.Response.Status = 403 }}).end
	if s.status() != 403 || s.out != length(0) || f.Outcome.Kind != flow.Completed || c.cancelCause() == nil {
		t.Errorf("changed: %d %v %+v", s.status(), s.out, f.Outcome)
	}
}

func TestUpgradeThatBreaks(t *testing.T) {
	s, c := upgrading()
	c.duplex.in.feed("some")
	c.duplex.in.breakOff(&flow.Error{Peer: flow.AtServer, Phase: flow.InBody, Cause: flow.ResetByPeer, Err: errors.New("reset")})
	f := serve(t, Policy{}, s, upstream(c)).end
	if s.duplex.out.text() != "some" || !s.duplex.reset || f.Outcome.Kind != flow.WasReset || f.Outcome.Bytes != 4 {
		t.Fatalf("%q reset %v %+v", s.duplex.out.text(), s.duplex.reset, f.Outcome)
	}
}

func TestOfferOfH2CIsLeftOut(t *testing.T) {
	s := newStream(flow.HTTP11, "GET", fields("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AA"), nil)
	c := answers(204, flow.Framing{}, nil, nil)
	f := serve(t, Policy{}, s, upstream(c)).end
	if len(c.request.Fields) != 0 || !slices.Contains(findings(f), "h2c-dropped") {
		t.Fatalf("%v %v", c.request.Fields, findings(f))
	}
}

// Concurrent exchanges of one client, as over HTTP/2, share nothing.
func TestConcurrentExchanges(t *testing.T) {
	m := &memory{}
	e := New(Config{Recorder: m, SpillDir: t.TempDir()})
	set := newSet(t, &quiet{})
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			text := strings.Repeat(fmt.Sprint(i, " "), 100)
			s := newStream(flow.HTTP2, "POST", nil, wholeBody(text, text))
			c := answers(200, chunked, nil, wholeBody(text))
			o := Origin{}
			if i%2 == 0 {
				o.Set = set
			}
			e.Serve(t.Context(), s, upstream(c), o)
			if s.sink.text() != text || c.sink.text() != text+text {
				t.Errorf("%d: mixed up", i)
			}
		})
	}
	wg.Wait()
	if memory, disk := e.budget.InUse(); memory != 0 || disk != 0 {
		t.Fatalf("held bodies still take %d bytes of memory and %d of the disk", memory, disk)
	}
}

// quiet wants the whole of both bodies and does nothing with them.
type quiet struct{}

func (*quiet) Request(_ ctxt, x *hook.Exchange) error  { _, err := x.Request.Content(); return err }
func (*quiet) Response(_ ctxt, x *hook.Exchange) error { _, err := x.Response.Content(); return err }
