package http1

import (
	"net/netip"
	"strconv"
	"strings"

	"midstream/flow"
)

// parseTarget fills what the target of r.Method says (RFC 9112 section 3.2).
// For the origin and asterisk forms Scheme, Host and Port stay empty: they are
// known to who accepted the connection.
func parseTarget(r *flow.Request, target string) error {
	switch {
	case r.Method == "CONNECT":
		r.Form, r.Authority = flow.AuthorityForm, target
		host, port, err := splitAuthority(target)
		if err == "" && port == 0 {
			err = "has no port"
		}
		if err != "" {
			return refuse(flow.ToServer, "read request head: the target of CONNECT %s: it must be host:port, but is %s", err, flow.Quote(target))
		}
		r.Host, r.Port = host, port
		return nil
	case target[0] == '/':
		r.Form, r.Path = flow.OriginForm, target
		return nil
	case target == "*":
		if r.Method != "OPTIONS" {
			return refuse(flow.ToServer, "read request head: the target * belongs to OPTIONS, not to %s", flow.Quote(r.Method))
		}
		r.Form, r.Path = flow.AsteriskForm, target
		return nil
	}
	return parseAbsolute(r, target)
}

func parseAbsolute(r *flow.Request, target string) error {
	scheme, rest, ok := strings.Cut(target, "://")
	if !ok || scheme == "" || !all(scheme, schemeOctet) {
		return refuse(flow.ToServer, "read request head: the target is neither a path nor an absolute URL: %s", flow.Quote(target))
	}
	switch {
	case flow.EqualFold(scheme, "http"):
		r.Scheme = "http"
	case flow.EqualFold(scheme, "https"):
		r.Scheme = "https"
	default:
		return refuse(flow.ToServer, "read request head: the scheme %s is not proxied, only http and https are", flow.Quote(scheme))
	}
	r.Form = flow.AbsoluteForm
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	r.Authority = rest[:end]
	hostPort := r.Authority
	if at := strings.LastIndexByte(hostPort, '@'); at >= 0 {
		if strings.IndexByte(hostPort[:at], '\\') >= 0 { // to browsers the host has ended there, and it is another
			return refuse(flow.ToServer, "read request head: the target has a backslash in its user information: %s", flow.Quote(target))
		}
		hostPort = hostPort[at+1:]
	}
	host, port, fault := splitAuthority(hostPort)
	if fault != "" {
		return refuse(flow.ToServer, "read request head: the authority of the target %s: %s", fault, flow.Quote(target))
	}
	if port == 0 {
		port = flow.DefaultPort(r.Scheme)
	}
	r.Host, r.Port = host, port
	switch path := rest[end:]; {
	case path == "" && r.Method == "OPTIONS":
		r.Path = "*" // RFC 9112 section 3.2.4
	case path == "":
		r.Path = "/"
	case path[0] != '/':
		r.Path = "/" + path
	default:
		r.Path = path
	}
	return nil
}

// splitAuthority splits "host[:port]" (RFC 3986 section 3.2). The port is 0 when
// there is none or it is empty, which only "host:" may be. A fault is a phrase
// that says what is wrong.
func splitAuthority(s string) (host string, port uint16, fault string) {
	rest := ""
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return "", 0, "has a bracket that does not close"
		}
		host, rest = s[1:end], s[end+1:]
		if !isIPv6(host) {
			return "", 0, "has something else than an IPv6 address in brackets"
		}
		if rest != "" && rest[0] != ':' {
			return "", 0, "goes on after its bracket"
		}
	} else {
		host = s
		if i := strings.IndexByte(s, ':'); i >= 0 {
			host, rest = s[:i], s[i:]
		}
		if !all(host, hostOctet) {
			return "", 0, "has a character that no host name has"
		}
	}
	if host == "" {
		return "", 0, "has no host"
	}
	if len(rest) <= 1 {
		return host, 0, ""
	}
	n, err := strconv.ParseUint(rest[1:], 10, 16)
	if err != nil || n == 0 || rest[1] == '+' {
		return "", 0, "has a port that is not a number from 1 to 65535"
	}
	return host, uint16(n), ""
}

// isIPv6 tells whether s is an IPv6 address; a zone may be written as RFC 6874
// has it or plain.
func isIPv6(s string) bool {
	s = strings.Replace(s, "%25", "%", 1)
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is6()
}

// appendTarget prints the target of r in its form.
func appendTarget(dst []byte, r *flow.Request) []byte {
	switch r.Form {
	case flow.AsteriskForm:
		return append(dst, '*')
	case flow.AuthorityForm:
		if r.Authority != "" {
			return append(dst, r.Authority...)
		}
		return append(dst, r.Address()...)
	case flow.AbsoluteForm:
		dst = append(dst, r.Scheme...)
		dst = append(dst, "://"...)
		if r.Authority != "" {
			dst = append(dst, r.Authority...)
		} else {
			dst = append(dst, flow.HostPort(r.Scheme, r.Host, r.Port)...)
		}
		if r.Path == "*" {
			return dst
		}
	}
	if r.Path == "" {
		return append(dst, '/')
	}
	return append(dst, r.Path...)
}

// spellsTarget tells whether wire, a target, means what r says. Only absolute
// targets can be spelled in more than one way.
func spellsTarget(wire string, r *flow.Request) bool {
	var again flow.Request
	again.Method = r.Method
	if r.Form != flow.AbsoluteForm || wire == "" || parseTarget(&again, wire) != nil {
		return false
	}
	return again.Form == r.Form && again.Scheme == r.Scheme && again.Authority == r.Authority && again.Path == r.Path
}
