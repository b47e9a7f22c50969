package proxy

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"midstream/flow"
)

// Kind is what a listener's clients expect of it.
type Kind uint8

// The kinds.
const (
	Regular     Kind = iota // clients know that it is a proxy
	Reverse                 // clients take it for the server
	Upstream                // regular, and everything goes through a parent proxy
	Socks5                  // regular, on the port of SOCKS
	Transparent             // clients know of nothing; the firewall brings them
)

func (k Kind) String() string {
	switch k {
	case Reverse:
		return "reverse"
	case Upstream:
		return "upstream"
	case Socks5:
		return "socks5"
	case Transparent:
		return "transparent"
	}
	return "regular"
}

// defaultPort is where a mode listens that nothing else is said of.
func (k Kind) defaultPort() int {
	if k == Socks5 {
		return 1080 // RFC 1928 section 3
	}
	return DefaultPort
}

// Mode is one way in: what it is, and where it listens.
type Mode struct {
	Kind Kind
	// Scheme, Host and Port are the target of a reverse mode, or the parent of an
	// upstream mode; the parent of upstream:env has the scheme "env" alone.
	Scheme string
	Host   string
	Port   uint16
	// ListenHost and ListenPort are from the spec; "" and -1 where it has none.
	ListenHost string
	ListenPort int
	// Spec is the text that it was parsed from.
	Spec string
}

// missing are modes of the inventory that are not there, so that a user who has
// them in a script learns it at once.
var missing = map[string]bool{
	"dns":       true,
	"wireguard": true, "local": true, "tun": true, "osproxy": true,
}

// ParseMode parses mode[:data][@[host:]port], as "regular@8081" or
// "reverse:https://example.com@127.0.0.1:8443". The mode's name folds case.
func ParseMode(spec string) (Mode, error) {
	shown := spec
	fail := func(format string, args ...any) (Mode, error) {
		return Mode{}, fmt.Errorf("mode %s: %s", strconv.Quote(shorten(shown)), fmt.Sprintf(format, args...))
	}
	m := Mode{Spec: spec, ListenPort: -1}
	what, at, listens := cutLast(spec, '@')
	if listens && strings.HasPrefix(strings.ToLower(spec), "upstream:") {
		shown = "upstream:..." // what stands before an @ may be a password
	}
	if listens {
		var err error
		if m.ListenHost, m.ListenPort, err = parseListen(at); err != nil {
			return fail("%v", err)
		}
	}
	name, data, hasData := strings.Cut(what, ":")
	switch name = strings.ToLower(name); {
	case name == "regular":
		if hasData {
			return fail("regular takes nothing behind a colon; write regular, or regular@PORT")
		}
		return m, nil
	case name == "socks5", name == "transparent":
		if hasData {
			return fail("%s takes nothing behind a colon; write %[1]s, or %[1]s@PORT", name)
		}
		if m.Kind = Socks5; name == "transparent" {
			m.Kind = Transparent
			if err := transparentError(); err != nil {
				return fail("%v", err)
			}
		}
		return m, nil
	case name == "reverse":
		m.Kind = Reverse
		if err := m.parseTarget(data); err != nil {
			return fail("%v", err)
		}
		return m, nil
	case name == "upstream":
		m.Kind = Upstream
		switch err := m.parseParent(data); {
		case err != nil && listens:
			return fail("what stands before @ is not a parent proxy; write upstream:http://HOST:PORT@LISTEN_PORT, and give credentials with upstream_auth")
		case err != nil:
			return fail("%v", err)
		}
		return m, nil
	case missing[name]:
		return fail("%s mode is not there yet; there are %s", name, known)
	}
	return fail("no such mode; there are %s", known)
}

// known are the modes there are, for errors.
const known = "regular, reverse:http[s]://HOST[:PORT], reverse:tcp|tls://HOST:PORT, upstream:http[s]://HOST[:PORT], upstream:env, socks5 and transparent"

func cutLast(s string, sep byte) (before, after string, found bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

func parseListen(s string) (host string, port int, err error) {
	host, p, hasHost := cutLast(s, ':')
	if !hasHost {
		host, p = "", s
	}
	n, err := strconv.ParseUint(p, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("listen port %s is not one of 0 to 65535", strconv.Quote(shorten(p)))
	}
	if host, err = parseHost(host); err != nil && hasHost {
		return "", 0, fmt.Errorf("listen host: %w", err)
	}
	return host, int(n), nil
}

// parseHost takes brackets off an IPv6 literal and refuses what is no host.
func parseHost(s string) (string, error) {
	if h, ok := strings.CutPrefix(s, "["); ok {
		h, ok = strings.CutSuffix(h, "]")
		if _, err := netip.ParseAddr(h); !ok || err != nil || !strings.Contains(h, ":") {
			return "", fmt.Errorf("%s is not an IPv6 address in brackets", strconv.Quote(shorten(s)))
		}
		return h, nil
	}
	if s == "" {
		return "", fmt.Errorf("there is no host")
	}
	if strings.ContainsAny(s, "[]:/?#@%\\ \t\r\n\x00") || len(s) > 1024 {
		return "", fmt.Errorf("%s is not a host (IPv6 addresses stand in brackets)", strconv.Quote(shorten(s)))
	}
	return s, nil
}

func (m *Mode) parseTarget(data string) error {
	const form = "write reverse:http[s]://HOST[:PORT], or reverse:tcp://HOST:PORT, or reverse:tls://HOST:PORT"
	scheme, rest, ok := strings.Cut(data, "://")
	if !ok {
		scheme, rest = "https", data
	}
	m.Scheme = strings.ToLower(scheme)
	switch m.Scheme {
	case "http":
		m.Port = 80
	case "https":
		m.Port = 443
	case "tcp", "tls":
		m.Port = 0 // it must be named
	case "http3", "quic", "udp", "dtls", "dns":
		return fmt.Errorf("reverse to %s:// is not there yet; %s", m.Scheme, form)
	default:
		return fmt.Errorf("%s is not a scheme for reverse; %s", strconv.Quote(shorten(scheme)), form)
	}
	rest = strings.TrimSuffix(rest, "/")
	if strings.ContainsAny(rest, "/?#") {
		return fmt.Errorf("the target has a path, which reverse cannot add to requests; %s", form)
	}
	host, port := rest, ""
	if i := strings.LastIndexByte(rest, ':'); i >= 0 && !strings.HasSuffix(rest, "]") {
		host, port = rest[:i], rest[i+1:]
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return fmt.Errorf("port %s of the target is not one of 1 to 65535", strconv.Quote(shorten(port)))
		}
		m.Port = uint16(n)
	}
	if m.Port == 0 {
		return fmt.Errorf("the target has no port; %s", form)
	}
	var err error
	if m.Host, err = parseHost(host); err != nil {
		return fmt.Errorf("the target: %w; %s", err, form)
	}
	return nil
}

// parseParent reads the parent proxy of an upstream mode.
func (m *Mode) parseParent(data string) error {
	if strings.EqualFold(data, env) {
		m.Scheme = env
		return nil
	}
	v, err := flow.ParseVia(data)
	switch {
	case err != nil:
		return fmt.Errorf("%w; write upstream:http://HOST:PORT, upstream:https://HOST:PORT or upstream:env", err)
	case v.User != "" || v.Password != "":
		return errors.New("credentials do not stand in a mode, where everybody sees them: give them with upstream_auth")
	}
	m.Scheme, m.Host, m.Port = v.Scheme, v.Host, v.Port
	return nil
}

// env is the scheme of a parent that the environment names.
const env = "env"

// Asks tells whether clients of the mode can be asked who they are.
func (m Mode) Asks() bool { return !m.isRaw() && m.Kind != Transparent }

// FromEnvironment tells whether the parent of an upstream mode is what the
// environment names.
func (m Mode) FromEnvironment() bool { return m.Kind == Upstream && m.Scheme == env }

// Target returns host:port of a reverse mode's target, or of a parent.
func (m Mode) Target() string { return net.JoinHostPort(m.Host, strconv.Itoa(int(m.Port))) }

// String is the spec in its shortest form, as flows show it.
func (m Mode) String() string {
	if m.Spec != "" {
		return m.Spec
	}
	return m.Kind.String()
}

func shorten(s string) string {
	if len(s) > 200 {
		return s[:200] + "..."
	}
	return s
}
