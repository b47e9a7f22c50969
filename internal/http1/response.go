package http1

import (
	"strings"

	"midstream/flow"
)

// ParseResponseHead parses a response head (RFC 9112 section 4). block is the
// head with its final blank line and nothing after it; the fields of the result
// are parts of it. Errors are *flow.Error with status 502. Start is left zero.
func ParseResponseHead(block string, profile Profile, limits Limits) (*flow.Response, []flow.Finding, error) {
	p := parser{side: flow.ToClient, profile: profile, limits: limits.withDefaults(), what: "response head", rest: block}
	line, err := p.startLine()
	if err != nil {
		return nil, p.notes, err
	}
	r := new(flow.Response)
	if err := p.statusLine(r, line); err != nil {
		return nil, p.notes, err
	}
	if r.Fields, err = p.fields(); err != nil {
		return nil, p.notes, err
	}
	r.LineFeed = !p.crlf
	return r, p.notes, nil
}

// statusLine parses "version SP status [SP reason]". The second space is missing
// in the wild so often that it is no fault worth a note.
func (p *parser) statusLine(r *flow.Response, line string) error {
	version, rest, ok := strings.Cut(line, " ")
	if !ok {
		return p.refuse("the status line is not \"version status reason\": %s", flow.Quote(line))
	}
	var err error
	if r.Version, err = p.statusVersion(version, line); err != nil {
		return err
	}
	if trimmed := strings.TrimLeft(rest, " \t"); trimmed != rest {
		if err := p.strict("the status line has more than one space before its status: %s", flow.Quote(line)); err != nil {
			return err
		}
		p.notes.add(StatusLineOdd, "the status line %s had more than one space before its status", flow.Quote(line))
		rest = trimmed
	}
	if len(rest) < 3 || !isDigit(rest[0]) || !isDigit(rest[1]) || !isDigit(rest[2]) || rest[0] == '0' ||
		len(rest) > 3 && rest[3] != ' ' {
		return p.refuse("the status is not a number of three digits: %s", flow.Quote(line))
	}
	r.Status = int(rest[0]-'0')*100 + int(rest[1]-'0')*10 + int(rest[2]-'0')
	if r.Status >= 600 {
		if err := p.strict("there is no status %d", r.Status); err != nil {
			return err
		}
		p.notes.add(StatusOdd, "status %d is outside the classes of RFC 9110; it was passed on", r.Status)
	}
	r.Wire = line
	if len(rest) > 4 {
		r.Reason = rest[4:]
	}
	if hasControl(r.Reason) {
		if err := p.strict("the reason phrase has a control character: %s", flow.Quote(r.Reason)); err != nil {
			return err
		}
		f := flow.Field{Name: "the reason phrase", Value: r.Reason, Wire: line}
		p.cleanValue(&f)
		if r.Wire = f.Wire; f.Wire == "" {
			r.Reason = f.Value
		}
	}
	return nil
}

// statusVersion reads the version of a status line as browsers do: what is not
// HTTP/1.0 and looks like HTTP is 1.1.
func (p *parser) statusVersion(s, line string) (flow.Version, error) {
	switch s {
	case "HTTP/1.1":
		return flow.HTTP11, nil
	case "HTTP/1.0":
		return flow.HTTP10, nil
	}
	v := flow.HTTP11
	switch {
	case s == "ICY": // what streaming radio servers say
		v = flow.HTTP10
	case len(s) > 5 && flow.EqualFold(s[:5], "HTTP/") && isDigit(s[5]) && len(s) <= 8 && find(s, ctlOctet) < 0:
		if s[5] == '0' || s[5:] == "1.0" {
			v = flow.HTTP10
		}
	default:
		return 0, p.refuse("it does not begin like an HTTP response: %s", flow.Quote(line))
	}
	if err := p.strict("there is no version %s", flow.Quote(s)); err != nil {
		return 0, err
	}
	p.notes.add(VersionOdd, "the version %s was taken as %s", flow.Quote(s), v)
	return v, nil
}
