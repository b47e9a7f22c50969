package upstream

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/engine"
)

func TestServerConnect(t *testing.T) {
	addr := serveEach(t, answering(0))
	ev := newEvents()
	ev.change = func(d *hook.Dial) error { d.Address = addr; return nil }
	d := New(Config{Hooks: hooks(t, ev)})
	p := d.Pool(nil)
	_, server, _ := exchange(t, p, request("http", "nowhere.invalid:1"), engine.AnyConnection)
	if server.Address != addr || server.Peer != addr {
		t.Errorf("%+v", server)
	}
	ev.change = func(d *hook.Dial) error { d.Err = errors.New("not there"); return nil }
	_, err := p.Open(t.Context(), request("http", "other.invalid:1"), flow.Framing{}, engine.AnyConnection)
	if e, ok := errors.AsType[*flow.Error](err); !ok || e.Phase != flow.Dialing || !strings.Contains(err.Error(), "refused by an addon: not there") {
		t.Error(err)
	}
	p.Close()
	if got := ev.String(); got != "connect connected connect error disconnected" {
		t.Error(got)
	}
}

func TestDialErrors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	l.Close()
	d := New(Config{Own: func(ap netip.AddrPort) bool { return ap.Port() == 9 }})
	for address, text := range map[string]string{
		closed:                           "connection refused",
		"127.1:9":                        "midstream itself",
		"localhost:9":                    "midstream itself",
		"h:0":                            "port",
		"h:70000":                        "port",
		"h":                              "not a host and port",
		":1":                             "not a host",
		"a b:1":                          "not a host",
		"a\x00b:1":                       "not a host",
		strings.Repeat("h", 2000) + ":1": "not a host",
	} {
		_, err := d.Dial(t.Context(), nil, Target{Address: address})
		e, ok := errors.AsType[*flow.Error](err)
		if !ok || e.Phase != flow.Dialing || e.Peer != flow.AtServer || !strings.Contains(err.Error(), text) || len(err.Error()) > 600 {
			t.Errorf("%.30s: %v", address, err)
		}
	}
	for _, c := range []struct {
		err   error
		cause flow.Cause
		text  string
	}{
		{&net.DNSError{IsNotFound: true}, flow.NoConnection, "no such host; check its name"},
		{&net.DNSError{IsTimeout: true}, flow.Timeout, "took too long"},
		{&net.DNSError{Err: "server misbehaving"}, flow.NoConnection, "server misbehaving"},
		{&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, flow.Timeout, "no answer within 10s"},
		{&net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}, flow.NoConnection, "no route to host; check the address"},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}, flow.NoConnection, "network is unreachable; check this machine's network"},
		{syscall.EMFILE, flow.NoConnection, "ulimit"},
	} {
		err := d.describeDial(t.Context(), "connect to server h:1: ", c.err)
		if flow.CauseOf(err) != c.cause || !strings.Contains(err.Error(), c.text) || !strings.HasPrefix(err.Error(), "connect to server h:1: ") {
			t.Errorf("%v: %v", c.err, err)
		}
	}
}

func TestConnectAddrOfTheOtherKind(t *testing.T) {
	d := New(Config{LocalAddr: netip.MustParseAddr("127.0.0.2")})
	_, err := d.Dial(t.Context(), nil, Target{Address: "[::1]:9"})
	if err == nil || !strings.Contains(err.Error(), "connect to server [::1]:9: the server has no address of the kind of connect_addr, which is 127.0.0.2; leave that option out") {
		t.Error(err)
	}
}
