package http1

import (
	"bytes"
	"strings"

	"midstream/flow"
)

// blankLimit is how many blank lines may stand before a start line. RFC 9112
// section 2.2 asks for one.
const blankLimit = 4

// headScan finds the end of a head in octets that come in pieces. The zero
// value is ready; it looks at each octet once.
type headScan struct {
	line  int // where the line that is being read starts
	blank int // blank lines before the start line
	lines int // lines that were not blank
}

// scan takes all octets that have come so far and returns the length of the
// head with its final blank line, 0 while that has not come.
func (h *headScan) scan(b []byte, side flow.Side, lim Limits) (int, error) {
	for {
		i := bytes.IndexByte(b[h.line:], '\n')
		line := len(b) - h.line
		if i >= 0 {
			line = i
		}
		if line > lim.Line {
			return 0, h.tooLong(side, lim)
		}
		if h.line+line > lim.Head {
			return 0, malformed(side, 431, "read %s head: it is longer than %d octets", side, lim.Head)
		}
		if i < 0 {
			return 0, nil
		}
		end := h.line + i + 1
		isBlank := i == 0 || i == 1 && b[h.line] == '\r'
		h.line = end
		switch {
		case !isBlank:
			h.lines++
		case h.lines > 0:
			return end, nil
		default:
			h.blank++
			if h.blank > blankLimit {
				return 0, refuse(side, "read %s head: more than %d blank lines before the start line", side, blankLimit)
			}
		}
	}
}

func (h *headScan) tooLong(side flow.Side, lim Limits) error {
	if h.lines == 0 {
		return malformed(side, 414, "read %s head: the start line is longer than %d octets", side, lim.Line)
	}
	return malformed(side, 431, "read %s head: field line %d is longer than %d octets", side, h.lines, lim.Line)
}

// parser walks over the lines of one head or trailer section.
type parser struct {
	side    flow.Side
	profile Profile
	limits  Limits
	what    string // "request head", for error texts
	rest    string
	crlf    bool // a line before ended in CRLF
	notes   notes
}

// strict returns the refusal of something that only the tolerant profile
// lets pass; nil there.
func (p *parser) strict(format string, args ...any) error {
	if p.profile == Tolerant {
		return nil
	}
	return refuse(p.side, "read "+p.what+": "+format, args...)
}

func (p *parser) refuse(format string, args ...any) error {
	return refuse(p.side, "read "+p.what+": "+format, args...)
}

// line cuts the next line off, its ending removed.
func (p *parser) line() (string, error) {
	i := strings.IndexByte(p.rest, '\n')
	if i < 0 {
		return "", p.refuse("it ends inside a line")
	}
	line := p.rest[:i]
	p.rest = p.rest[i+1:]
	if n := len(line) - 1; n >= 0 && line[n] == '\r' {
		p.crlf = true
		return line[:n], nil
	}
	if p.side == flow.ToServer && p.crlf && line != "" {
		// Who ends lines in CRLF alone sees one value here, and no field after it.
		return "", p.refuse("a line ends in LF alone, and others in CRLF")
	}
	if err := p.strict("a line ends in LF without CR"); err != nil {
		return "", err
	}
	p.notes.add(BareLineFeed, "a line of the %s ended in LF without CR", p.what)
	return line, nil
}

// startLine skips blank lines and returns the line after them.
func (p *parser) startLine() (string, error) {
	for skipped := 0; ; skipped++ {
		line, err := p.line()
		if err != nil {
			return "", err
		}
		if line != "" {
			if n := p.limits.Line; len(line) > n {
				return "", (&headScan{}).tooLong(p.side, p.limits)
			}
			return line, nil
		}
		if skipped >= blankLimit {
			return "", p.refuse("more than %d blank lines before the start line", blankLimit)
		}
		if skipped > 0 {
			if err := p.strict("more than one blank line before the start line"); err != nil {
				return "", err
			}
		}
		p.notes.add(BlankBeforeStart, "the %s began with a blank line, which was ignored", p.what)
	}
}

// fields parses field lines up to the blank line that ends them.
func (p *parser) fields() (flow.Fields, error) {
	lines := strings.Count(p.rest, "\n") - 1
	if lines > p.limits.Fields {
		return nil, malformed(p.side, 431, "read %s: it has %d field lines, more than %d", p.what, lines, p.limits.Fields)
	}
	if lines <= 0 {
		if line, err := p.line(); err != nil || line != "" || p.rest != "" {
			return nil, p.refuse("it does not end in a blank line")
		}
		return nil, nil
	}
	// Room for what a proxy adds, so that it does not copy the list.
	fs := make(flow.Fields, 0, lines+2)
	dropped := false // a fold that follows goes with its line
	for number := 1; ; number++ {
		line, err := p.line()
		if err != nil {
			return nil, err
		}
		if line == "" {
			if p.rest != "" {
				return nil, p.refuse("octets follow its blank line")
			}
			return fs, nil
		}
		if len(line) > p.limits.Line {
			return nil, (&headScan{lines: number}).tooLong(p.side, p.limits)
		}
		if line[0] == ' ' || line[0] == '\t' {
			if err := p.fold(fs, line, number, dropped); err != nil {
				return nil, err
			}
			continue
		}
		f, ok, err := p.field(line, number)
		if err != nil {
			return nil, err
		}
		dropped = !ok
		if ok {
			fs = append(fs, f)
		}
	}
}

// field parses one field line (RFC 9112 section 5); false means that it is to
// be dropped.
func (p *parser) field(line string, number int) (flow.Field, bool, error) {
	colon := strings.IndexByte(line, ':')
	if colon < 0 {
		return flow.Field{}, false, p.drop(number, "has no colon")
	}
	f := flow.Field{Name: line[:colon], Wire: line}
	if !isToken(f.Name) {
		name := flow.TrimSpace(f.Name)
		if name != f.Name {
			// RFC 9112 section 5.1: a server refuses it, a proxy removes it from responses.
			if err := p.odd("field line %d has white space before the colon", number); err != nil {
				return f, false, err
			}
			p.notes.add(FieldSpaceBeforeColon, "white space before the colon of %s was removed", flow.Quote(name))
			f.Name, f.Wire = name, ""
		}
		switch {
		case name == "":
			return f, false, p.drop(number, "has no name")
		case find(name, ctlOctet|spaceOctet) >= 0:
			return f, false, p.drop(number, "has a space or control character in its name")
		case !isToken(name):
			if err := p.odd("the name of field line %d is not a token", number); err != nil {
				return f, false, err
			}
			p.notes.add(FieldNameOdd, "the field name %s is not a token; it was passed on", flow.Quote(name))
		}
	}
	raw := line[colon+1:]
	f.Value = flow.TrimSpace(raw)
	framing := framingField(f.Name)
	if hasControl(f.Value) {
		if framing {
			return f, false, p.refuse("%s has a control character: %s", f.Name, flow.Quote(f.Value))
		}
		if err := p.odd("the value of field line %d (%s) has a control character", number, flow.Quote(f.Name)); err != nil {
			return f, false, err
		}
		p.cleanValue(&f)
	}
	if framing && f.Wire != "" && raw != f.Value && (raw[0] != ' ' || raw[1:] != f.Value) {
		// Legal, and yet what desyncs lax parsers: these fields leave plain.
		p.notes.add(FieldRespelled, "white space around the value of %s was made one space", f.Name)
		f.Wire = ""
	}
	return f, true, nil
}

// odd refuses what is tolerated of servers only.
func (p *parser) odd(format string, args ...any) error {
	if p.side == flow.ToServer {
		return p.refuse(format, args...)
	}
	return p.strict(format, args...)
}

// drop refuses a line that is not a field, or notes that it is left out.
func (p *parser) drop(number int, why string) error {
	if err := p.odd("field line %d %s", number, why); err != nil {
		return err
	}
	p.notes.add(FieldLineDropped, "field line %d %s; it was left out", number, why)
	return nil
}

// cleanValue makes spaces of what RFC 9110 section 5.5 calls dangerous and
// leaves other control characters.
func (p *parser) cleanValue(f *flow.Field) {
	p.notes.add(FieldControl, "the value of %s has a control character", flow.Quote(f.Name))
	if strings.IndexByte(f.Value, 0) < 0 && strings.IndexByte(f.Value, '\r') < 0 {
		return
	}
	f.Value = flow.TrimSpace(strings.Map(func(r rune) rune {
		if r == 0 || r == '\r' {
			return ' '
		}
		return r
	}, f.Value))
	f.Wire = ""
}

// fold joins a continuation line to the field before it (obs-fold, RFC 9112
// section 5.2).
func (p *parser) fold(fs flow.Fields, line string, number int, dropped bool) error {
	if dropped {
		return nil
	}
	if len(fs) == 0 {
		return p.drop(number, "begins with white space and follows no field")
	}
	f := &fs[len(fs)-1]
	if framingField(f.Name) && !(p.side == flow.ToClient && flow.EqualFold(f.Name, "Connection")) {
		return p.refuse("%s is folded over several lines", f.Name)
	}
	if err := p.strict("field line %d is folded", number); err != nil {
		return err
	}
	more := flow.Field{Name: f.Name, Value: flow.TrimSpace(line)}
	if hasControl(more.Value) {
		if err := p.odd("the value of field line %d (%s) has a control character", number, flow.Quote(f.Name)); err != nil {
			return err
		}
		p.cleanValue(&more)
	}
	p.notes.add(FieldFolded, "%s was folded over several lines; it goes on as one", flow.Quote(f.Name))
	f.Value, f.Wire = flow.TrimSpace(f.Value+" "+more.Value), ""
	return nil
}

// framingField tells whether a field decides where a message ends or goes, so
// that it must be read in one way by everybody.
func framingField(name string) bool {
	switch len(name) {
	case len("Host"):
		return flow.EqualFold(name, "Host")
	case len("Connection"):
		return flow.EqualFold(name, "Connection")
	case len("Content-Length"):
		return flow.EqualFold(name, "Content-Length")
	case len("Transfer-Encoding"):
		return flow.EqualFold(name, "Transfer-Encoding")
	}
	return false
}
