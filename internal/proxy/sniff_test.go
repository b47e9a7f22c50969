package proxy

import (
	"net/netip"
	"testing"

	"midstream/flow"
)

func TestLooksLikeHTTP(t *testing.T) {
	for octets, want := range map[string][2]bool{
		"":                           {false, true},
		"G":                          {false, true},
		"GET":                        {false, true},
		"GET ":                       {false, true},
		"GET /":                      {true, false},
		"get /x":                     {true, false},
		"GET / HTTP/1.1\r\n":         {true, false},
		"GET /x\r\n":                 {false, false},
		"OPTIONS *":                  {true, false},
		"M-SEARCH * HTTP/1.1\r\n":    {true, false},
		"GET http://h/ HTTP/1.1\r\n": {true, false},
		"PRI * HTTP/2.0\r\n":         {true, false},
		"SSH-2.0-OpenSSH_9.2 x\r\n":  {false, false},
		"PING\r\n":                   {false, false},
		"*1\r\n$4\r\nPING\r\n":       {false, false},
		"\x00\x01":                   {false, false},
		"ab /":                       {false, false},
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ": {false, false},
		"EHLO me\r\n":                {false, false},
		"-GET /":                     {false, false},
	} {
		http, more := looksLikeHTTP([]byte(octets))
		if http != want[0] || more != want[1] {
			t.Errorf("%q: http %v, more %v", octets, http, more)
		}
	}
}

func TestOwnAddress(t *testing.T) {
	lan := netip.MustParseAddr("192.0.2.7")
	locals := func() []netip.Addr { return []netip.Addr{netip.MustParseAddr("127.0.0.1"), lan} }
	for _, c := range []struct {
		target, at string
		want       bool
	}{
		{"127.0.0.1", "127.0.0.1", true},
		{"127.0.0.2", "127.0.0.1", false},
		{"0.0.0.0", "127.0.0.1", true},
		{"::", "::1", true},
		{"::1", "::1", true},
		{"::1", "127.0.0.1", false},
		{"127.9.9.9", "0.0.0.0", true},
		{"192.0.2.7", "0.0.0.0", true},
		{"192.0.2.7", "::", true},
		{"192.0.2.8", "0.0.0.0", false},
		{"0.0.0.0", "192.0.2.7", false},
	} {
		if got := reaches(netip.MustParseAddr(c.target), netip.MustParseAddr(c.at), locals); got != c.want {
			t.Errorf("%s at a listener on %s: %v", c.target, c.at, got)
		}
	}
	var o own
	o.add(netip.MustParseAddrPort("127.0.0.1:8080"))
	if o.is(netip.MustParseAddrPort("127.0.0.1:8081")) || !o.is(netip.MustParseAddrPort("127.0.0.1:8080")) {
		t.Error("the port does not count")
	}
}

func TestHosts(t *testing.T) {
	must := func(ignore, allow, tcp []string) Hosts {
		h, err := NewHosts(ignore, allow, tcp)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	ignore := must([]string{`bank\.example`, `^(?!www\.).*\.corp:443$`}, nil, nil)
	allow := must(nil, []string{`^api\.test:443$`}, nil)
	for _, c := range []struct {
		h     Hosts
		names []string
		want  bool
	}{
		{Hosts{}, []string{"h:443"}, false},
		{ignore, []string{"WWW.BANK.example:443"}, true},
		{ignore, []string{"10.0.0.1:443", "bank.example:443"}, true},
		{ignore, []string{"x.corp:443"}, true},
		{ignore, []string{"www.x.corp:443"}, false},
		{allow, []string{"api.test:443"}, false},
		{allow, []string{"192.0.2.1:443", "api.test:443"}, false},
		{allow, []string{"other.test:443"}, true},
	} {
		if got := c.h.ignores(c.names...); got != c.want {
			t.Errorf("%v: %v", c.names, got)
		}
	}
	if _, err := NewHosts([]string{"("}, nil, nil); err == nil {
		t.Error("a bad pattern passes")
	}
}

func TestDirect(t *testing.T) {
	tunnel := inTunnel{scheme: "https", host: "api.a.test", port: 443, sni: "api.a.test"}
	req := func(form flow.Form, authority, host string) *flow.Request {
		r := &flow.Request{Method: "GET", Form: form, Authority: authority, Path: "/x"}
		if form == flow.AbsoluteForm {
			r.Scheme, r.Host, r.Port = "https", authority, 443
		}
		r.Fields.Add("Host", host)
		return r
	}
	for name, c := range map[string]struct {
		route  route
		req    *flow.Request
		code   string // of the finding
		status int    // of the refusal
	}{
		"tunnel, agreeing":         {tunnel, req(flow.OriginForm, "", "api.a.test"), "", 0},
		"tunnel, with port":        {tunnel, req(flow.OriginForm, "", "API.a.test:443"), "", 0},
		"tunnel, other port":       {tunnel, req(flow.OriginForm, "", "api.a.test:8443"), "host-mismatch", 0},
		"tunnel, other host":       {tunnel, req(flow.OriginForm, "", "evil.test"), "host-mismatch", 0},
		"tunnel, absolute":         {tunnel, req(flow.AbsoluteForm, "api.a.test", "api.a.test"), "", 0},
		"tunnel, other absolute":   {tunnel, req(flow.AbsoluteForm, "evil.test", "api.a.test"), "authority-mismatch", 0},
		"tunnel, sni differs":      {inTunnel{scheme: "https", host: "a.test", port: 443, sni: "b.test"}, req(flow.OriginForm, "", "b.test"), "sni-mismatch", 0},
		"tunnel by address":        {inTunnel{scheme: "https", host: "192.0.2.1", port: 443, sni: "b.test"}, req(flow.OriginForm, "", "b.test"), "", 0},
		"proxy, absolute":          {asProxy{&client{p: New(Config{})}}, req(flow.AbsoluteForm, "h.test", "h.test"), "", 0},
		"proxy, origin form":       {asProxy{&client{p: New(Config{})}}, req(flow.OriginForm, "", "h.test"), "", 400},
		"tunnel, connect":          {tunnel, &flow.Request{Method: "CONNECT", Form: flow.AuthorityForm}, "", 400},
		"reverse, connect":         {toTarget{}, &flow.Request{Method: "CONNECT", Form: flow.AuthorityForm}, "", 400},
		"reverse, whatever Host":   {toTarget{mode: Mode{Scheme: "http", Host: "t", Port: 81}}, req(flow.OriginForm, "", "x"), "", 0},
		"reverse, absolute target": {toTarget{mode: Mode{Scheme: "http", Host: "t", Port: 81}}, req(flow.AbsoluteForm, "x", "x"), "", 0},
	} {
		found, refused := c.route.direct(c.req)
		if refused != nil {
			if refused.Status != c.status {
				t.Errorf("%s: refused with %d: %v", name, refused.Status, refused)
			}
			continue
		}
		code := ""
		if len(found) > 0 {
			code = found[0].Code
		}
		if c.status != 0 || code != c.code {
			t.Errorf("%s: findings %v", name, found)
		}
		switch r := c.route.(type) {
		case inTunnel:
			if c.req.Host != r.host || c.req.Port != r.port || c.req.Scheme != r.scheme {
				t.Errorf("%s: goes to %s", name, c.req.URL())
			}
		case toTarget:
			if c.req.Host != "t" || c.req.Fields.Get("Host") != "t:81" || c.req.Form != flow.OriginForm {
				t.Errorf("%s: goes to %s with Host %s", name, c.req.URL(), c.req.Fields.Get("Host"))
			}
		}
	}
}
