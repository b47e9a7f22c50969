package redirect

import (
	"strings"
	"testing"
)

func TestScript(t *testing.T) {
	p := Plan{To: 8080, Ports: []uint16{80, 443}, Own: true, Mark: 0x6d69, Interfaces: []string{"eth1", "wlan0"}}
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	const want = `table inet midstream
delete table inet midstream
table inet midstream {
	chain output {
		type nat hook output priority -100; policy accept;
		meta mark 0x6d69 return
		fib daddr type local return
		tcp dport { 80, 443 } redirect to :8080
	}
	chain prerouting {
		type nat hook prerouting priority -100; policy accept;
		iifname != { "eth1", "wlan0" } return
		fib daddr type local return
		tcp dport { 80, 443 } redirect to :8080
	}
}
`
	if got := p.Script(); got != want {
		t.Errorf("%s", got)
	}
	if one := (&Plan{To: 1, Ports: []uint16{2}, Interfaces: []string{"a"}}).Script(); strings.Contains(one, "output") {
		t.Error(one)
	}
}

func TestCheck(t *testing.T) {
	for text, p := range map[string]Plan{
		"no port to redirect to":        {Ports: []uint16{80}, Own: true},
		"--ports":                       {To: 8080, Own: true},
		"nothing to redirect":           {To: 8080, Ports: []uint16{80}},
		"cannot be redirected":          {To: 80, Ports: []uint16{80}, Own: true},
		"not the name of an interface":  {To: 8080, Ports: []uint16{80}, Interfaces: []string{`x"; drop`}},
		"\"\" is not the name of an in": {To: 8080, Ports: []uint16{80}, Interfaces: []string{""}},
	} {
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%+v: %v, want %q", p, err, text)
		}
	}
}
