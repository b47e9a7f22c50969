package code

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"midstream/flow"
	"midstream/internal/format"
)

// request is a request as a tool is to send it.
type request struct {
	number   uint64
	method   string
	scheme   string
	host     string // that the client named; without brackets
	port     uint16
	hostLine string // the Host field, "" without one
	dial     string // host:port to connect to, where that is another
	target   string
	version  flow.Version
	fields   flow.Fields // without those that the tool makes itself
	trailers flow.Fields
	upgrade  bool
	body     format.Body // nil without one; it may have no octets
	lost     []string
}

// plan takes out of an Item what a tool has to be told.
func plan(it *format.Item, o Options) (*request, error) {
	f := it.Flow
	from := f.Request
	switch {
	case f.Kind != flow.HTTP || from == nil:
		return nil, unfit("it has no request: it is %s", kindName(f))
	case from.Method == "CONNECT":
		return nil, unfit("a CONNECT is sent by a tool when it is told of a proxy, and not by itself")
	case !token(from.Method):
		return nil, unfit("its method %q is no word", from.Method)
	case from.Scheme != "http" && from.Scheme != "https":
		return nil, unfit("its scheme %q is neither http nor https", from.Scheme)
	case strings.ContainsAny(from.Path, "\x00\r\n"):
		return nil, unfit("its target has a line end in it or a NUL")
	}
	body := it.Bodies[flow.ToServer]
	upgrade := upgraded(f)
	if upgrade {
		body = format.Octets(nil) // what follows is not the request
	}
	if err := whole(&f.RequestBody, body, flow.ToServer); err != nil && !upgrade {
		return nil, err
	}
	r := &request{number: f.Number, method: from.Method, scheme: from.Scheme, target: from.Path, version: from.Version, upgrade: upgrade, body: body}
	if r.target == "" {
		r.target = "/"
	}
	if err := r.place(f, o); err != nil {
		return nil, err
	}
	if body.Size() == 0 && (upgrade || !saysEmpty(from)) {
		r.body = nil
	}
	r.keep(from)
	return r, nil
}

func kindName(f *flow.Flow) string {
	if f.Kind == flow.HTTP {
		return "no exchange"
	}
	return f.Kind.String()
}

// whole tells why a body is not what was sent.
func whole(b *flow.Body, body format.Body, side flow.Side) error {
	switch {
	case body == nil && b.Removed > 0:
		return unfit("its %s body is not whole: the first %d bytes were removed", side, b.Removed)
	case body == nil && b.Reason != "":
		return unfit("its %s body was not recorded: %s", side, b.Reason)
	case body == nil:
		return unfit("its %s body was not recorded", side)
	case b.Removed > 0 || body.Size() < b.Sent:
		return unfit("its %s body is not whole: %d of %d bytes were recorded", side, body.Size(), b.Sent)
	}
	return nil
}

// saysEmpty tells whether a request says that it has a body, of no octets.
func saysEmpty(r *flow.Request) bool {
	return r.Fields.Has("Content-Length") || r.Fields.Has("Transfer-Encoding")
}

// place finds out where the request goes.
func (r *request) place(f *flow.Flow, o Options) error {
	from := f.Request
	r.hostLine = from.Fields.Get("Host")
	if from.Authority != "" {
		r.hostLine = from.Authority
	}
	if len(from.Fields.Values("Host")) > 1 {
		r.lose("more than one Host field")
	}
	if strings.ContainsFunc(r.hostLine, control) {
		r.lose("a Host field with control characters")
		r.hostLine = ""
	}
	host, port := splitHost(r.hostLine, r.scheme)
	if host == "" {
		host, port = from.Host, from.Port
	}
	if host = strings.Trim(host, "[]"); !hostName(host) {
		return unfit("its host %q cannot stand in a URL", host)
	}
	r.host, r.port = host, port
	if r.hostLine == "" && r.version != flow.HTTP10 {
		r.hostLine = r.authority() // a file may leave it out, and no server takes that
	}
	if from.Host != "" && (!strings.EqualFold(from.Host, host) || from.Port != port) && (o.OriginalIP || !seenByAddress(f)) {
		if !hostName(from.Host) {
			return unfit("it went to %q, which is no name of a host", from.Host)
		}
		r.dial = net.JoinHostPort(from.Host, strconv.Itoa(int(from.Port)))
	}
	if o.OriginalIP && f.Server != nil && f.Server.Via == "" {
		if a, err := netip.ParseAddrPort(f.Server.Peer); err == nil && a.Addr().String() != host {
			r.dial = a.String()
		}
	}
	return nil
}

// seenByAddress tells whether the request went to an address only because that
// is what its connection named: it is looked up again then.
func seenByAddress(f *flow.Flow) bool {
	if _, err := netip.ParseAddr(f.Request.Host); err != nil || f.Client == nil {
		return false
	}
	mode, _, _ := strings.Cut(f.Client.Mode, ":")
	return mode == "transparent" || mode == "wireguard" || mode == "local" || mode == "tun"
}

// splitHost reads what a Host field says; "" where it cannot stand in a URL.
func splitHost(s, scheme string) (string, uint16) {
	port := flow.DefaultPort(scheme)
	if h, p, err := net.SplitHostPort(s); err == nil {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return "", 0
		}
		s, port = h, uint16(n)
	}
	if s = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"); !hostName(s) {
		return "", 0
	}
	return s, port
}

// hostName tells whether s is a name or an address that needs no escaping.
func hostName(s string) bool {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Zone() == ""
	}
	for i := range len(s) {
		if c := s[i]; !letter(c) && !digit(c) && c != '.' && c != '_' && (c != '-' || i == 0) {
			return false
		}
	}
	return s != ""
}

// authority is the host as it stands in a URL, and as a tool says it.
func (r *request) authority() string { return flow.HostPort(r.scheme, r.host, r.port) }

// root is the URL without the target.
func (r *request) root() string { return r.scheme + "://" + r.authority() }

// wentTo is root for a tool that connects to the host of its URL, and tells
// whether it has to be told the Host field.
func (r *request) wentTo() (root string, ownHost bool) {
	if r.dial == "" {
		return r.root(), r.ownHost() && r.hostLine != ""
	}
	if r.scheme == "https" {
		r.lose("the name that the certificate is to be for, as the request went to another host")
	}
	host, port, _ := net.SplitHostPort(r.dial)
	n, _ := strconv.ParseUint(port, 10, 16)
	return r.scheme + "://" + flow.HostPort(r.scheme, host, uint16(n)), r.hostLine != ""
}

// ownHost tells whether the Host field is not what a tool makes of the URL.
func (r *request) ownHost() bool { return r.hostLine != r.authority() }

// keep takes the fields that a tool has to be told.
func (r *request) keep(from *flow.Request) {
	fields := from.Fields.Clone()
	fields.JoinCookies()
	for _, f := range fields {
		if r.made(from, f.Name) {
			continue
		}
		if what := unsendable(f); what != "" {
			r.lose(what)
			continue
		}
		r.fields = append(r.fields, f)
	}
	for _, f := range from.Trailers {
		if what := unsendable(f); what != "" {
			r.lose(what)
			continue
		}
		r.trailers = append(r.trailers, f)
	}
}

// made tells whether the tool, or nobody, makes a field: those of one connection
// (RFC 9110 section 7.6.1) and those of the framing.
func (r *request) made(from *flow.Request, name string) bool {
	switch strings.ToLower(name) {
	case "connection", "upgrade":
		return !r.upgrade
	case "host", "content-length", "transfer-encoding", "trailer", "te", "keep-alive", "proxy-connection", "proxy-authorization", "http2-settings", "expect":
		return true
	}
	return strings.HasPrefix(name, ":") || from.Fields.HasToken("Connection", name)
}

// unsendable says what a field is that no tool sends; "" for others.
func unsendable(f flow.Field) string {
	if !token(f.Name) {
		return "a field whose name is no word"
	}
	if strings.ContainsFunc(f.Value, control) {
		return "the value of " + f.Name + ", which has control characters"
	}
	return ""
}

func control(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }

func (r *request) lose(what string) { r.lost = appendOnce(r.lost, what) }

func appendOnce(list []string, s string) []string {
	for _, have := range list {
		if have == s {
			return list
		}
	}
	return append(list, s)
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

// token tells whether s is a token (RFC 9110 section 5.6.2).
func token(s string) bool {
	for i := range len(s) {
		if c := s[i]; !letter(c) && !digit(c) && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}
