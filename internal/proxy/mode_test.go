package proxy

import (
	"strings"
	"testing"
)

func TestParseMode(t *testing.T) {
	for spec, want := range map[string]Mode{
		"regular":                          {ListenPort: -1},
		"Regular@8081":                     {ListenPort: 8081},
		"regular@0":                        {ListenPort: 0},
		"regular@0.0.0.0:9":                {ListenHost: "0.0.0.0", ListenPort: 9},
		"regular@[::1]:9":                  {ListenHost: "::1", ListenPort: 9},
		"reverse:https://h.test":           {Kind: Reverse, Scheme: "https", Host: "h.test", Port: 443, ListenPort: -1},
		"reverse:tcp://h.test:25@0":        {Kind: Reverse, Scheme: "tcp", Host: "h.test", Port: 25},
		"reverse:tls://[::1]:993":          {Kind: Reverse, Scheme: "tls", Host: "::1", Port: 993, ListenPort: -1},
		"reverse:h.test":                   {Kind: Reverse, Scheme: "https", Host: "h.test", Port: 443, ListenPort: -1},
		"reverse:HTTP://h.test/":           {Kind: Reverse, Scheme: "http", Host: "h.test", Port: 80, ListenPort: -1},
		"reverse:http://h.test:81@8082":    {Kind: Reverse, Scheme: "http", Host: "h.test", Port: 81, ListenPort: 8082},
		"reverse:https://[::1]:8443":       {Kind: Reverse, Scheme: "https", Host: "::1", Port: 8443, ListenPort: -1},
		"reverse:https://[::1]":            {Kind: Reverse, Scheme: "https", Host: "::1", Port: 443, ListenPort: -1},
		"reverse:http://a_b.test@lo:65535": {Kind: Reverse, Scheme: "http", Host: "a_b.test", Port: 80, ListenHost: "lo", ListenPort: 65535},
		"upstream:http://p.test:3128":      {Kind: Upstream, Scheme: "http", Host: "p.test", Port: 3128, ListenPort: -1},
		"UPSTREAM:p.test":                  {Kind: Upstream, Scheme: "http", Host: "p.test", Port: 80, ListenPort: -1},
		"upstream:https://[::1]:8443@9":    {Kind: Upstream, Scheme: "https", Host: "::1", Port: 8443, ListenPort: 9},
		"socks5":                           {Kind: Socks5, ListenPort: -1},
		"SOCKS5@1081":                      {Kind: Socks5, ListenPort: 1081},
		"upstream:env":                     {Kind: Upstream, Scheme: "env", ListenPort: -1},
		"upstream:ENV@127.0.0.1:0":         {Kind: Upstream, Scheme: "env", ListenHost: "127.0.0.1"},
	} {
		want.Spec = spec
		if got, err := ParseMode(spec); err != nil || got != want {
			t.Errorf("%s: %+v, %v", spec, got, err)
		}
	}
}

func TestParseModeRefuses(t *testing.T) {
	for spec, text := range map[string]string{
		"":                                      "no such mode",
		"regulr":                                "no such mode",
		"regular:x":                             "nothing behind a colon",
		"socks5:x":                              "nothing behind a colon",
		"wireguard":                             "not there yet",
		"upstream:":                             "not a host",
		"upstream":                              "not a host",
		"upstream:ftp://h":                      "not http or https",
		"upstream:http://h:0":                   "port",
		"upstream:http://user:hunter2@h:8080":   "upstream_auth",
		"upstream:http://user:hunter2@h":        "listen port",
		"upstream:http://user:hunter2@h:8080@9": "upstream_auth",
		"upstream:http://user:hunter2@h:8080@[::1]:": "listen port",
		"reverse:":                    "no host",
		"reverse:https://":            "no host",
		"reverse:ftp://h":             "not a scheme",
		"reverse:udp://h:1":           "not there yet",
		"reverse:tcp://h":             "no port",
		"reverse:tls://[::1]":         "no port",
		"reverse:https://h/path":      "path",
		"reverse:https://h:0":         "port",
		"reverse:https://h:99999":     "port",
		"reverse:https://::1":         "host",
		"reverse:https://[::1":        "IPv6",
		"reverse:https://[h]":         "IPv6",
		"regular@":                    "listen port",
		"regular@99999":               "listen port",
		"regular@:80":                 "listen host",
		"regular@::1:80":              "listen host",
		"reverse:https://h:443@h:abc": "listen port",
	} {
		_, err := ParseMode(spec)
		if err == nil || !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v, want %q", spec, err, text)
		}
	}
}

func FuzzParseMode(f *testing.F) {
	for _, s := range []string{"regular", "reverse:https://h:1@[::1]:2", "reverse:[::1]:5@0", "x@y@z", "reverse:http://a@b@1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		m, err := ParseMode(spec)
		if err != nil {
			return
		}
		if m.ListenPort < -1 || m.ListenPort > 65535 || (m.Kind == Reverse || m.Kind == Upstream && m.Scheme != env) && (m.Host == "" || m.Port == 0 || m.Scheme == "") {
			t.Fatalf("%q: %+v", spec, m)
		}
		again, err := ParseMode(m.String())
		if err != nil || again != m {
			t.Fatalf("%q parses to %+v, its text to %+v, %v", spec, m, again, err)
		}
	})
}
