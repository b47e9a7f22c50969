package http2

import (
	"net/netip"
	"strconv"
	"strings"

	"midstream/flow"
)

// parseRequest makes a request head of a block (RFC 9113 section 8.3.1). fault
// says what makes it malformed, "" for nothing. length is that of its body by
// its head, -1 unknown.
func parseRequest(r *flow.Request, b *fieldBlock, profile Profile, connect bool) (length int64, found notes, fault string) {
	if b.fault != "" {
		return -1, nil, b.fault
	}
	var seen [5]bool
	var order [5]byte
	var protocol string
	for i, f := range b.fields[:b.pseudos] {
		var at int
		switch f.Name {
		case ":method":
			at, r.Method = 0, f.Value
		case ":scheme":
			at, r.Scheme = 1, f.Value
		case ":authority":
			at, r.Authority = 2, f.Value
		case ":path":
			at, r.Path = 3, f.Value
		case ":protocol":
			at, protocol = 4, f.Value
		default:
			return -1, nil, "a request has no pseudo-field " + flow.Quote(f.Name)
		}
		if seen[at] {
			return -1, nil, "the pseudo-field " + f.Name + " is there twice"
		}
		seen[at] = true
		order[i] = pseudoLetters[at] // none is there twice, so there is room
		if i < len(b.fields) && has(f.Value, ctlOctet) {
			return -1, nil, "the pseudo-field " + f.Name + " has a control character"
		}
	}
	p := parser{side: flow.ToServer, profile: profile}
	r.Version, r.Pseudos, r.Priority = flow.HTTP2, pseudoOrder(order[:b.pseudos]), b.priority
	r.Fields = p.parse(b.regular())
	if p.fault == "" {
		p.pseudos(r, protocol, seen, connect)
	}
	if p.fault == "" {
		length = p.length(r.Fields)
	}
	return length, p.notes, p.fault
}

// pseudoLetters are those of flow.Request.Pseudos in the order in which
// parseRequest numbers the pseudo-fields.
const pseudoLetters = "msapo"

// pseudoOrder makes a string of an order; the usual ones cost no allocation.
func pseudoOrder(order []byte) string {
	switch string(order) {
	case "masp": // Chromium
		return "masp"
	case "mpas": // Firefox
		return "mpas"
	case "mspa": // Safari
		return "mspa"
	case "mpsa": // curl
		return "mpsa"
	case "amps": // Go
		return "amps"
	}
	return string(order)
}

// pseudos checks what the pseudo-fields say.
func (p *parser) pseudos(r *flow.Request, protocol string, seen [5]bool, connect bool) {
	method, scheme, authority, path, extended := seen[0], seen[1], seen[2], seen[3], seen[4]
	if !method || !isToken(r.Method) {
		p.bad("the method is not a token: " + flow.Quote(r.Method))
		return
	}
	if extended && (!connect || r.Method != "CONNECT" || !isToken(protocol)) {
		p.bad("the pseudo-field :protocol was not agreed upon")
		return
	}
	r.Protocol = protocol
	if r.Method == "CONNECT" && !extended {
		if scheme || path || !authority {
			p.bad("CONNECT has :authority and neither :scheme nor :path")
			return
		}
		r.Form = flow.AuthorityForm
		// One that is not host:port is answered, not reset.
		if host, port, ok := splitAuthority(r.Authority); ok && host != "" && port != 0 {
			r.Host, r.Port = host, port
		}
		return
	}
	switch {
	case !scheme || !path:
		p.bad("a request has :scheme and :path")
		return
	case r.Scheme != "http" && r.Scheme != "https":
		if s := lower(r.Scheme); s == "http" || s == "https" {
			r.Scheme = s
			break
		}
		p.bad("the scheme " + flow.Quote(r.Scheme) + " is not http or https")
		return
	case r.Path == "*" && r.Method == "OPTIONS":
		r.Form = flow.AsteriskForm
	case r.Path == "" || r.Path[0] != '/' || strings.IndexByte(r.Path, ' ') >= 0:
		p.bad("the path is not one: " + flow.Quote(r.Path))
		return
	}
	for i := range len(r.Path) {
		if c := r.Path[i]; c >= 0x80 || c == '#' {
			if p.odd("the path has an octet that must be percent-encoded") {
				p.notes.add(TargetOdd, "the target has an octet that must be percent-encoded; it was passed on as it came")
			}
			break
		}
	}
	p.authority(r, authority)
}

// authority settles where the request goes: :authority and Host must not name
// two places (RFC 9113 section 8.3.1).
func (p *parser) authority(r *flow.Request, given bool) {
	named := r.Authority
	for i := range r.Fields {
		if r.Fields[i].Name != "host" {
			continue
		}
		host := r.Fields[i].Value
		if named == "" && !given {
			named, given = host, true
			continue
		}
		if !sameAuthority(r.Scheme, host, named) {
			p.bad("host " + flow.Quote(host) + " and :authority " + flow.Quote(named) + " name two places")
			return
		}
	}
	if named == "" {
		if given {
			p.bad("the authority is empty")
		}
		return
	}
	host, port, ok := splitAuthority(named)
	if !ok || host == "" {
		p.bad("the authority is not a host: " + flow.Quote(named))
		return
	}
	if port == 0 {
		port = flow.DefaultPort(r.Scheme)
	}
	r.Host, r.Port = host, port
}

func sameAuthority(scheme, a, b string) bool {
	if flow.EqualFold(a, b) {
		return true
	}
	ha, pa, oka := splitAuthority(a)
	hb, pb, okb := splitAuthority(b)
	if pa == 0 {
		pa = flow.DefaultPort(scheme)
	}
	if pb == 0 {
		pb = flow.DefaultPort(scheme)
	}
	return oka && okb && pa == pb && flow.EqualFold(ha, hb)
}

// splitAuthority splits "host[:port]" (RFC 3986 section 3.2); the port is 0 where
// there is none. User information is no part of it (RFC 9113 section 8.3.1).
func splitAuthority(s string) (host string, port uint16, ok bool) {
	host = s
	rest := ""
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return "", 0, false
		}
		host, rest = s[1:end], s[end+1:]
		if a, err := netip.ParseAddr(strings.Replace(host, "%25", "%", 1)); err != nil || !a.Is6() || rest != "" && rest[0] != ':' {
			return "", 0, false
		}
	} else {
		if i := strings.IndexByte(s, ':'); i >= 0 {
			host, rest = s[:i], s[i:]
		}
		if has(host, ctlOctet) || strings.ContainsAny(host, " \t/\\?#@\"<>[]^`{|}") {
			return "", 0, false
		}
	}
	if len(rest) <= 1 {
		return host, 0, true
	}
	n, err := strconv.ParseUint(rest[1:], 10, 16)
	if err != nil || n == 0 || rest[1] == '+' {
		return "", 0, false
	}
	return host, uint16(n), true
}
