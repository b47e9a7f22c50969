package http1

import (
	"errors"
	"strings"

	"midstream/flow"
)

// ParseRequestHead parses a request head (RFC 9112 section 3). block is the
// head with its final blank line and nothing after it; the fields of the result
// are parts of it. Errors are *flow.Error with the status that answers them.
// Start is left zero.
func ParseRequestHead(block string, profile Profile, limits Limits) (*flow.Request, []flow.Finding, error) {
	r := new(flow.Request)
	findings, err := parseRequest(r, block, profile, limits)
	if err != nil {
		return nil, findings, err
	}
	return r, findings, nil
}

func parseRequest(r *flow.Request, block string, profile Profile, limits Limits) ([]flow.Finding, error) {
	p := parser{side: flow.ToServer, profile: profile, limits: limits.withDefaults(), what: "request head", rest: block}
	line, err := p.startLine()
	if err != nil {
		return p.notes, err
	}
	target, err := p.requestLine(r, line)
	if err != nil {
		return p.notes, err
	}
	if err := parseTarget(r, target); err != nil {
		return p.notes, err
	}
	if err := p.checkTarget(r, target); err != nil {
		return p.notes, err
	}
	if r.Fields, err = p.fields(); err != nil {
		return p.notes, err
	}
	return p.notes, p.checkHost(r)
}

// requestLine splits the request line, which has exactly one space between its
// parts: parsing it more freely lets two readers see two requests (RFC 9112
// section 3).
func (p *parser) requestLine(r *flow.Request, line string) (target string, err error) {
	method, rest, ok := strings.Cut(line, " ")
	target, version, ok2 := strings.Cut(rest, " ")
	switch {
	case !ok || !ok2 || target == "":
		return "", p.refuse("the request line is not \"method target version\": %s", flow.Quote(line))
	case !isToken(method):
		return "", p.refuse("the method is not a token: %s", flow.Quote(method))
	case find(target, ctlOctet|spaceOctet) >= 0:
		return "", p.refuse("the target has a space or control character: %s", flow.Quote(target))
	}
	r.Method, r.Wire = method, line
	if r.Version, err = p.version(version); err != nil {
		return "", err
	}
	return target, nil
}

// version reads the version of a request line (RFC 9112 section 2.3).
func (p *parser) version(s string) (flow.Version, error) {
	switch s {
	case "HTTP/1.1":
		return flow.HTTP11, nil
	case "HTTP/1.0":
		return flow.HTTP10, nil
	}
	if len(s) != len("HTTP/1.1") || s[:5] != "HTTP/" || s[6] != '.' || !isDigit(s[5]) || !isDigit(s[7]) {
		return 0, p.refuse("the version is not one of HTTP: %s", flow.Quote(s))
	}
	if s == "HTTP/2.0" {
		return 0, malformed(p.side, 505, "read %s: %w; use HTTP/1.1 (with curl: --http1.1)", p.what, ErrHTTP2)
	}
	if s[5] != '1' {
		return 0, malformed(p.side, 505, "read %s: %s is not spoken in this way here", p.what, s)
	}
	if err := p.strict("there is no %s", s); err != nil {
		return 0, err
	}
	p.notes.add(VersionOdd, "the version %s was taken as HTTP/1.1", s)
	return flow.HTTP11, nil
}

// ErrHTTP2 is why the head of a client is refused that speaks HTTP/2, whose
// preface looks like a request (RFC 9113 section 3.4).
var ErrHTTP2 = errors.New("the client speaks HTTP/2, which is not taken here")

func isDigit(c byte) bool { return c-'0' <= 9 }

// checkTarget notes what is odd in a target and yet passes octet for octet.
func (p *parser) checkTarget(r *flow.Request, target string) error {
	for i := range len(target) {
		if c := target[i]; c >= 0x80 || c == '#' {
			if err := p.strict("the target has an octet that must be percent-encoded: %s", flow.Quote(target)); err != nil {
				return err
			}
			p.notes.add(TargetOdd, "the target has an octet that must be percent-encoded; it was passed on as it came")
			break
		}
	}
	if strings.IndexByte(r.Authority, '@') >= 0 {
		if err := p.strict("the target has user information in its authority"); err != nil {
			return err
		}
		p.notes.add(TargetUserinfo, "the target has user information in its authority, which is not used")
	}
	return nil
}

// checkHost looks at the Host field (RFC 9112 section 3.2).
func (p *parser) checkHost(r *flow.Request) error {
	host, n := "", 0
	for i := range r.Fields {
		if flow.EqualFold(r.Fields[i].Name, "Host") {
			host = r.Fields[i].Value
			n++
		}
	}
	switch {
	case n > 1:
		return p.refuse("it has %d Host fields", n)
	case n == 1:
		// An empty one is legal where the target has no authority.
		if strings.ContainsAny(host, " \t/\\?#@") {
			return p.refuse("the Host field is not a host: %s", flow.Quote(host))
		}
	case r.Version == flow.HTTP11 && r.Method != "CONNECT":
		return p.refuse("an HTTP/1.1 request needs a Host field and this has none")
	case r.Version == flow.HTTP11:
		if err := p.strict("it has no Host field"); err != nil {
			return err
		}
		p.notes.add(HostMissing, "CONNECT came without a Host field")
	}
	return nil
}
