package api

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

// through2 is a connection of HTTP/2 to a proxy.
func through2(t *testing.T, proxy string) *http.Transport {
	t.Helper()
	tr := &http.Transport{Protocols: new(http.Protocols), DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, proxy)
	}}
	tr.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// By streams of HTTP/2 the page is as far away as by HTTP/1, also for WebSocket.
func TestTheProxyDoesNotLeadToThePageByHTTP2(t *testing.T) {
	r := newRig(t, nil)
	at, err := r.server.ListenWeb(t.Context(), Web{Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(at.Plain)
	inside := "GET /api/v1/state HTTP/1.1\r\nHost: " + u.Host + "\r\nAuthorization: Bearer secret\r\nConnection: close\r\n\r\n"
	for _, name := range []string{"127.0.0.1", "localhost", "0.0.0.0", "127.1", "2130706433", "[::ffff:127.0.0.1]", "LOCALHOST."} {
		target := name + ":" + u.Port()
		cc := through2(t, r.in.Proxies()[0])
		pr, pw := io.Pipe()
		resp, err := cc.RoundTrip((&http.Request{Method: "CONNECT", URL: &url.URL{Scheme: "http", Host: target}, Host: target, Header: http.Header{}, Body: pr}).WithContext(t.Context()))
		if err != nil {
			t.Fatal(target, err)
		}
		go func() { // a tunnel that was refused takes nothing
			io.WriteString(pw, inside)
			pw.Close()
		}()
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if pr.Close(); strings.Contains(string(b), `"version"`) {
			t.Errorf("CONNECT %s: %d %s", target, resp.StatusCode, b)
		}
		req, _ := http.NewRequestWithContext(t.Context(), "GET", "http://"+target+"/api/v1/state", nil)
		req.Header.Set("Authorization", "Bearer secret")
		if resp, err = cc.RoundTrip(req); err != nil {
			t.Fatal(target, err)
		}
		b, _ = io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode == 200 || strings.Contains(string(b), `"version"`) {
			t.Errorf("GET %s: %d %s", target, resp.StatusCode, b)
		}
	}
	v := r.view(`{}`)
	c, err := net.Dial("tcp", r.in.Proxies()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET http://%s/api/v1/views/%s/feed HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAuthorization: Bearer secret\r\n\r\n", u.Host, v.ID, u.Host)
	if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || resp.StatusCode == 101 {
		t.Errorf("%v %v", resp, err)
	}
}

// Nor by SOCKS with an address, by a reverse mode, by a parent proxy, by a rule, or
// by a request that is sent again.
func TestNoOtherWayLeadsToThePage(t *testing.T) {
	r := newRig(t, nil)
	at, err := r.server.ListenWeb(t.Context(), Web{Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(at.Plain)
	to := netip.MustParseAddrPort(u.Host)
	inside := "GET /api/v1/state HTTP/1.1\r\nHost: " + u.Host + "\r\nAuthorization: Bearer secret\r\nConnection: close\r\n\r\n"
	said := func(address string, before []byte, answer int) string {
		t.Helper()
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.Write(before)
		if _, err := io.ReadFull(c, make([]byte, answer)); err != nil {
			return ""
		}
		io.WriteString(c, inside)
		b, _ := io.ReadAll(c)
		return string(b)
	}
	port := binary.BigEndian.AppendUint16(nil, to.Port())
	mapped := netip.AddrFrom16(to.Addr().As16())
	for name, address := range map[string][]byte{
		"IPv4":               append([]byte{1}, to.Addr().AsSlice()...),
		"IPv4, unspecified":  {1, 0, 0, 0, 0},
		"IPv6, mapped":       append([]byte{4}, mapped.AsSlice()...),
		"IPv6, unspecified":  append([]byte{4}, make([]byte, 16)...),
		"a name of a number": append([]byte{3, 10}, "2130706433"...),
	} {
		hello := append(append([]byte{5, 1, 0, 5, 1, 0}, address...), port...)
		if b := said(r.in.Proxies()[0], hello, 2+10); strings.Contains(b, `"version"`) {
			t.Errorf("SOCKS, %s: %s", name, b)
		}
	}
	r.through("/before")
	refused := func(what string, n uint64) {
		t.Helper()
		r.ended(n)
		var f struct {
			Response *struct{ Status int }
			Server   *struct{ Connected *string }
			Outcome  struct{ Text, Error string }
		}
		r.call("GET", fmt.Sprint("/flows/", n), "", &f)
		if f.Response != nil && f.Response.Status == 200 || f.Server != nil && f.Server.Connected != nil {
			t.Errorf("%s: %+v", what, f)
		}
	}
	var made Made
	draft := fmt.Sprintf(`{"request":{"url":%q,"fields":[["Host",%q],["Authorization","Bearer secret"]]}}`, at.Plain+"api/v1/state", u.Host)
	if code := r.call("POST", "/flows/1/resend", draft, &made); code == 202 {
		refused("sent again", made.Number)
	}
	origin, _ := url.Parse(r.origin.URL)
	if code := r.call("PATCH", "/options", fmt.Sprintf(`{"map_remote":[%q]}`, "|"+origin.Host+"|"+u.Host), nil); code != 200 {
		t.Fatal(code)
	}
	req, _ := http.NewRequest("GET", r.origin.URL+"/api/v1/state", nil)
	req.Header.Set("Authorization", "Bearer secret")
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode == 200 || strings.Contains(string(b), `"version"`) {
		t.Errorf("map_remote: %d %s", resp.StatusCode, b)
	}
	r.call("PATCH", "/options", `{"map_remote":[]}`, nil)
	for _, mode := range []string{"reverse:" + strings.TrimSuffix(at.Plain, "/") + "@0", "reverse:tcp://" + u.Host + "@0", "upstream:http://" + u.Host + "@0"} {
		var out struct{ Error Error }
		code := r.call("PATCH", "/options", fmt.Sprintf(`{"mode":[%q]}`, mode), &out)
		if code != 200 {
			continue // refused at once
		}
		var st State
		r.call("GET", "/state", "", &st)
		for _, l := range st.Listeners {
			for _, a := range l.Addresses {
				if b := said(a, nil, 0); strings.Contains(b, `"version"`) {
					t.Errorf("%s: %s", mode, b)
				}
				absolute := strings.Replace(inside, "GET /", "GET "+at.Plain, 1)
				c, err := net.Dial("tcp", a)
				if err != nil {
					t.Fatal(err)
				}
				io.WriteString(c, absolute)
				if b, _ := io.ReadAll(c); strings.Contains(string(b), `"version"`) {
					t.Errorf("%s, absolute form: %s", mode, b)
				}
				c.Close()
			}
		}
	}
}
