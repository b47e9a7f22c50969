package proxy

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// mustParse returns the modes of specs.
func mustParse(t *testing.T, specs ...string) []Mode {
	t.Helper()
	var list []Mode
	for _, s := range specs {
		m, err := ParseMode(s)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	return list
}

// at returns a rig whose clients come in at another address.
func (r *rig) at(addr string) *rig {
	c := *r
	c.addr = addr
	return &c
}

// addresses lists where the modes listen, the first address of each.
func (r *rig) addresses() []string {
	var list []string
	for _, l := range r.p.Listening() {
		list = append(list, l.Addresses[0].String())
	}
	return list
}

// asks what a way in answers to a request in the form of a proxy, and to one in
// the form of a server.
func (r *rig) asks(port uint16) (proxied, served int) {
	p := r.dial()
	p.send("GET http://%s/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", local(port))
	proxied, _, _ = p.response()
	q := r.dial()
	q.send("GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	served, _, _ = q.response()
	return proxied, served
}

func TestChangeWays(t *testing.T) {
	_, port := webOrigin(t, false)
	r := newRig(t, func(c *Config) { c.Modes = mustParse(t, "regular@0") })
	ctx, target := t.Context(), "reverse:http://"+local(port)
	first := r.addr

	// A second way beside the first one, which keeps its socket and its clients.
	client := r.dial()
	client.send("GET http://%s/1 HTTP/1.1\r\nHost: x\r\n\r\n", local(port))
	if status, _, _ := client.response(); status != 200 {
		t.Fatal(status)
	}
	if err := r.p.Change(ctx, Ways{Modes: mustParse(t, "regular@0", target+"@0")}); err != nil {
		t.Fatal(err)
	}
	both := r.addresses()
	if len(both) != 2 || both[0] != first {
		t.Fatalf("listening on %v, was on %s", both, first)
	}
	if _, served := r.at(both[1]).asks(port); served != 200 {
		t.Errorf("the new way answers %d", served)
	}
	if proxied, served := r.asks(port); proxied != 200 || served != 400 {
		t.Errorf("the old way answers %d and %d", proxied, served)
	}

	// The first one goes; who came by it is served on.
	if err := r.p.Change(ctx, Ways{Modes: mustParse(t, target+"@0")}); err != nil {
		t.Fatal(err)
	}
	if list := r.addresses(); len(list) != 1 || list[0] != both[1] {
		t.Errorf("listening on %v", list)
	}
	if c, err := net.Dial("tcp", first); err == nil {
		c.Close()
		t.Error("a way that was closed is open")
	}
	client.send("GET http://%s/2 HTTP/1.1\r\nHost: x\r\n\r\n", local(port))
	if status, _, _ := client.response(); status != 200 {
		t.Error(status)
	}
	// What is not listened on any more is nothing of ours.
	client.send("GET http://%s/ HTTP/1.1\r\nHost: x\r\n\r\n", first)
	if status, _, body := client.response(); status != 502 {
		t.Error(status, body)
	}
}

// A mode that takes the place of another takes over its socket, at once, also where
// the address grows or shrinks.
func TestChangeTakesOver(t *testing.T) {
	_, port := webOrigin(t, false)
	free := strconv.Itoa(int(closedPort(t)))
	r := newRig(t, func(c *Config) { c.Modes = mustParse(t, "regular@127.0.0.1:"+free) })
	target := "reverse:http://" + local(port)
	for _, spec := range []string{target + "@127.0.0.1:" + free, target + "@" + free, "regular@0.0.0.0:" + free, "regular@127.0.0.1:" + free} {
		if err := r.p.Change(t.Context(), Ways{Modes: mustParse(t, spec)}); err != nil {
			t.Fatal(spec, err)
		}
		proxied, served := r.asks(port)
		if isReverse := spec[:7] == "reverse"; isReverse != (served == 200) || !isReverse && proxied != 200 {
			t.Errorf("%s answers %d and %d", spec, proxied, served)
		}
		if l := r.p.Listening(); len(l) != 1 || l[0].Mode.Spec != spec {
			t.Errorf("%+v", l)
		}
	}
}

func TestChangeFails(t *testing.T) {
	_, port := webOrigin(t, false)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free := strconv.Itoa(int(closedPort(t)))
	other := "reverse:http://" + local(port) + "@" + taken.Addr().String()
	r := newRig(t, func(c *Config) { c.Modes = mustParse(t, "regular@127.0.0.1:"+free) })
	for _, list := range [][]string{
		{"regular@127.0.0.1:" + free, other},
		{other},
		{"regular@" + free, other}, // the old one had made room
		{"regular@0", other},
	} {
		err := r.p.Change(t.Context(), Ways{Modes: mustParse(t, list...)})
		if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "listen for mode "+other+": "+taken.Addr().String()+" is taken") {
			t.Errorf("%v: %v", list, err)
		}
		if proxied, _ := r.asks(port); proxied != 200 {
			t.Errorf("%v: the old way answers %d", list, proxied)
		}
		if l := r.p.Listening(); len(l) != 1 || l[0].Mode.Spec != "regular@127.0.0.1:"+free {
			t.Errorf("%v: %+v", list, l)
		}
	}
}

func TestWaysThatCollide(t *testing.T) {
	for _, c := range []struct {
		ways Ways
		text string
	}{
		{Ways{Modes: mustParse(t, "regular", "reverse:http://h"), Port: 8081}, "modes regular and reverse:http://h would both listen on port 8081: give one of them another port, as in reverse:http://h@PORT"},
		{Ways{Modes: mustParse(t, "regular@[::1]:9", "regular@9"), Host: "::1"}, "would both listen on [::1]:9"},
		{Ways{Modes: mustParse(t, "regular", "regular@0.0.0.0:8080"), Port: -1, Host: "0.0.0.0"}, "would both listen on 0.0.0.0:8080"},
	} {
		p := New(Config{CA: cas.ours})
		if err := p.Change(t.Context(), c.ways); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%v, want %q", err, c.text)
		}
	}
	w := Ways{Modes: mustParse(t, "regular", "reverse:http://h", "regular@127.0.0.1:1", "regular@127.0.0.2:1")}
	if err := w.check(); err != nil {
		t.Error(err)
	}
}

func TestChangeAfterTheEnd(t *testing.T) {
	p := New(Config{CA: cas.ours, Modes: mustParse(t, "regular@0")})
	if _, err := p.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Serve(ctx); err != nil {
		t.Error(err)
	}
	if err := p.Change(t.Context(), Ways{}); err == nil || !strings.Contains(err.Error(), "stopping") {
		t.Error(err)
	}
	if err := p.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
