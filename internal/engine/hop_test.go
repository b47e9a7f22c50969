package engine

import (
	"errors"
	"strings"
	"testing"

	"midstream/flow"
)

func TestForward(t *testing.T) {
	for _, c := range []struct {
		rule, in string
		h        hop
		want     string
	}{
		{"order, case and duplicates stay", "X-aBc: 1|host: h|X-abc: 2|Cookie: a", hop{to: flow.HTTP11}, "X-aBc: 1|host: h|X-abc: 2|Cookie: a"},
		{"connection fields go", "A: 1|Connection: keep-alive|Keep-Alive: timeout=5|Proxy-Connection: keep-alive|B: 2", hop{to: flow.HTTP11}, "A: 1|B: 2"},
		{"what Connection names goes", "A: 1|Connection: x-hop , a2|X-Hop: 1|A2: 3|A: 2", hop{to: flow.HTTP11}, "A: 1|A: 2"},
		{"what a message cannot do without stays", "Host: h|Content-Length: 5|Connection: host, content-length", hop{to: flow.HTTP11}, "Host: h|Content-Length: 5"},
		{"TE: trailers goes on, and says so", "TE: trailers|A: 1", hop{to: flow.HTTP11}, "TE: trailers|A: 1|Connection: TE"},
		{"TE is cut down to trailers", "Connection: te, x|te: gzip;q=0.5, trailers", hop{to: flow.HTTP11}, "Connection: te|te: trailers"},
		{"TE without trailers goes", "TE: gzip|Connection: TE|A: 1", hop{to: flow.HTTP11}, "A: 1"},
		{"TE: trailers to h2 has no Connection", "TE: trailers|Connection: TE", hop{to: flow.HTTP2}, "TE: trailers"},
		{"upgrade is kept as spelled", "connection: upgrade|Upgrade: websocket", hop{to: flow.HTTP11, upgrade: true}, "connection: upgrade|Upgrade: websocket"},
		{"upgrade is kept without the rest", "Connection: keep-alive, Upgrade|Upgrade: websocket", hop{to: flow.HTTP11, upgrade: true}, "Connection: Upgrade|Upgrade: websocket"},
		{"an offer to upgrade goes", "Connection: Upgrade|Upgrade: h2c|A: 1", hop{to: flow.HTTP11}, "A: 1"},
		{"Trailer stays", "Trailer: X|Connection: close", hop{to: flow.HTTP11}, "Trailer: X"},
		{"Proxy-Authorization for us goes", "Proxy-Authorization: Basic eA==|A: 1", hop{to: flow.HTTP11, ownProxyAuth: true}, "A: 1"},
		{"Proxy-Authorization for another stays", "Proxy-Authorization: Basic eA==|A: 1", hop{to: flow.HTTP11}, "Proxy-Authorization: Basic eA==|A: 1"},
		{"Proxy-Authenticate stays", "Proxy-Authenticate: Basic", hop{to: flow.HTTP11}, "Proxy-Authenticate: Basic"},
		{"Accept-Encoding and User-Agent are untouched", "Accept-Encoding: br, x|User-Agent: u", hop{to: flow.HTTP11}, "Accept-Encoding: br, x|User-Agent: u"},
		{"Max-Forwards is not counted down", "Max-Forwards: 0", hop{to: flow.HTTP11}, "Max-Forwards: 0"},
		{"an answered Expect goes", "Expect: 100-continue", hop{to: flow.HTTP11, dropExpect: true}, ""},
		{"Expect goes on", "Expect: 100-continue", hop{to: flow.HTTP11}, "Expect: 100-continue"},
		{"close takes the place of close", "A: 1|connection:close|B: 2", hop{to: flow.HTTP11, connection: "close"}, "A: 1|connection:close|B: 2"},
		{"close is added", "A: 1", hop{to: flow.HTTP11, connection: "close"}, "A: 1|Connection: close"},
		{"h2 has none of it", "A: 1", hop{to: flow.HTTP2, connection: "close"}, "A: 1"},
		{"directly, what is said of the connection stays", "A: 1|connection:keep-alive,mooo|Keep-Alive: timeout=5|Proxy-Connection: x", hop{to: flow.HTTP11, direct: true}, "A: 1|connection:keep-alive,mooo|Keep-Alive: timeout=5"},
		{"directly, what Connection names goes all the same", "Connection: X-A, close|X-A: 1|B: 2", hop{to: flow.HTTP11, direct: true}, "Connection: close|B: 2"},
		{"directly, an offer to upgrade goes all the same", "Connection: keep-alive, Upgrade, HTTP2-Settings|Upgrade: h2c|HTTP2-Settings: x", hop{to: flow.HTTP11, direct: true}, "Connection: keep-alive"},
		{"directly, an upgrade keeps its order", "Connection: keep-alive, Upgrade|Upgrade: websocket", hop{to: flow.HTTP11, direct: true, upgrade: true}, "Connection: keep-alive, Upgrade|Upgrade: websocket"},
		{"directly, midstream's own word counts", "Connection: keep-alive|Keep-Alive: timeout=5|A: 1", hop{to: flow.HTTP11, direct: true, connection: "close"}, "Connection: close|A: 1"},
		{"directly to h2, nothing stays", "Connection: keep-alive|Keep-Alive: timeout=5|A: 1", hop{to: flow.HTTP2, direct: true}, "A: 1"},
	} {
		in := fieldLines(c.in)
		if got := lines(forward(in, c.h)); got != c.want {
			t.Errorf("%s: %q, want %q", c.rule, got, c.want)
		}
		if lines(in) != c.in {
			t.Errorf("%s: the fields that came were changed to %q", c.rule, lines(in))
		}
	}
}

func TestPersistence(t *testing.T) {
	for _, c := range []struct {
		rule string
		v    flow.Version
		in   string
		f    flow.Framing
		last lastness
		want string
	}{
		{"1.1 stays open by itself", flow.HTTP11, "", length(1), notLast, ""},
		{"1.1 asked for the close", flow.HTTP11, "Connection: Close", length(1), notLast, "close"},
		{"1.1 with an upload that is not read", flow.HTTP11, "", length(1), lastOne, "close"},
		{"1.0 closes by itself", flow.HTTP10, "", length(1), notLast, ""},
		{"1.0 asked to stay", flow.HTTP10, "Connection: keep-alive", length(1), notLast, "keep-alive"},
		{"1.0 asked to stay and cannot", flow.HTTP10, "Connection: keep-alive", flow.Framing{Kind: flow.UntilClose}, notLast, "close"},
		{"h2 has none", flow.HTTP2, "", length(1), lastOne, ""},
	} {
		if got := persistence(c.v, fieldLines(c.in), c.f, c.last); got != c.want {
			t.Errorf("%s: %q, want %q", c.rule, got, c.want)
		}
	}
}

func TestSettleHost(t *testing.T) {
	for _, c := range []struct {
		rule string
		r    flow.Request
		want string // fields afterwards
		note bool
	}{
		{"origin form is left alone", flow.Request{Form: flow.OriginForm, Message: flow.Message{Version: flow.HTTP11, Fields: fieldLines("Host: a")}}, "Host: a", false},
		{"the same", flow.Request{Form: flow.AbsoluteForm, Scheme: "http", Authority: "A.test:80", Message: flow.Message{Version: flow.HTTP11, Fields: fieldLines("Host: a.test")}}, "Host: a.test", false},
		{"the authority wins", flow.Request{Form: flow.AbsoluteForm, Scheme: "https", Authority: "evil.test", Message: flow.Message{Version: flow.HTTP11, Fields: fieldLines("A: 1|Host: a.test")}}, "A: 1|Host: evil.test", true},
		{"another port is another authority", flow.Request{Form: flow.AbsoluteForm, Scheme: "http", Authority: "a.test:8080", Message: flow.Message{Version: flow.HTTP11, Fields: fieldLines("Host: a.test")}}, "Host: a.test:8080", true},
		{"1.1 without Host gets one", flow.Request{Form: flow.AbsoluteForm, Scheme: "http", Authority: "u:p@a.test", Message: flow.Message{Version: flow.HTTP11, Fields: fieldLines("A: 1")}}, "Host: a.test|A: 1", false},
		{"1.0 without Host gets one, too", flow.Request{Form: flow.AbsoluteForm, Scheme: "http", Authority: "a.test", Message: flow.Message{Version: flow.HTTP10, Fields: fieldLines("A: 1")}}, "Host: a.test|A: 1", false},
		{"IPv6", flow.Request{Form: flow.AbsoluteForm, Scheme: "http", Authority: "[::1]", Message: flow.Message{Version: flow.HTTP11, Fields: fieldLines("Host: [::1]:80")}}, "Host: [::1]:80", false},
	} {
		note := settleHost(&c.r)
		if lines(c.r.Fields) != c.want || (note != "") != c.note {
			t.Errorf("%s: %q (%s)", c.rule, lines(c.r.Fields), note)
		}
	}
}

func TestErrorPage(t *testing.T) {
	err := &flow.Error{Peer: flow.AtServer, Phase: flow.Dialing, Cause: flow.NoConnection,
		Err: errors.New("could not connect to http://me:secret@<b>.test:443: connection refused; check it")}
	r, page := ErrorPage(err, true)
	if r.Status != 502 || r.Reason != "Bad Gateway" || r.Fields.Get("Content-Security-Policy") != "default-src 'none'" ||
		r.Fields.Get("X-Content-Type-Options") != "nosniff" || r.Fields.Get("Content-Length") == "" {
		t.Fatalf("%+v", r)
	}
	for _, bad := range []string{"secret", "<b>"} {
		if strings.Contains(string(page), bad) {
			t.Errorf("the page has %q:\n%s", bad, page)
		}
	}
	if want := "502: could not connect to http://&lt;b&gt;.test:443: connection refused; check it"; !strings.Contains(string(page), want) {
		t.Errorf("no %q in\n%s", want, page)
	}
	r, text := ErrorPage(err, false)
	if string(text) != "midstream: 502: could not connect to http://<b>.test:443: connection refused; check it\n" || r.Fields.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("text %q %v", text, r.Fields)
	}
	for want, err := range map[int]*flow.Error{
		504: {Peer: flow.AtServer, Cause: flow.Timeout, Err: err}, 413: {Peer: flow.AtClient, Cause: flow.TooLarge, Err: err},
		400: {Peer: flow.AtClient, Cause: flow.Malformed, Err: err}, 431: {Peer: flow.AtClient, Cause: flow.TooLarge, Status: 431, Err: err},
		502: {Peer: flow.AtServer, Cause: flow.TooLarge, Err: err}, 408: {Peer: flow.AtClient, Cause: flow.Timeout, Err: err},
	} {
		if r, _ := ErrorPage(err, false); r.Status != want {
			t.Errorf("%+v: %d, want %d", err, r.Status, want)
		}
	}
	if r, _ := ErrorPage(nil, true); r.Status != 502 {
		t.Error("no page for nil")
	}
}
