package dump

import (
	"strconv"
	"time"

	"midstream/flow"
)

// Line is how one line of a flow is written.
type Line struct {
	Palette Palette
	// Width is where URLs are cut so that the line fits, in columns; 0 cuts
	// nothing.
	Width int
	// Host says which host stands in URLs.
	Host Host
}

// Host is which host stands in URLs.
type Host uint8

// The hosts.
const (
	Target Host = iota // where the request is sent
	Named              // what the client named in Host or the authority
)

// least is how much of a URL is left for the line to fit. Where it would not fit
// even so, the line is broken by the terminal, and the URL may have a row of it:
// a line is long because something went wrong, and then the URL matters.
const least = 24

// Append appends the line of f to dst, with its line ending. now is for flows
// that still live.
//
//	12 GET https://example.com/ 200, 1.2k, 35ms, completed
//	13 POST https://example.com/up 201, sent 10.0m (passed, not recorded: larger than 3m), 12b, 1.2s, completed
//	14 GET https://example.com/events 200, 1.0s, running
//	15 GET https://gone.example/ (502), 10ms, failed: dial: no such host
func (l Line) Append(dst []byte, f *flow.Flow, now time.Time) []byte {
	p := l.Palette
	number := strconv.FormatUint(f.Number, 10)
	method, target := l.what(f)
	status, code := "", 0
	if f.Response != nil {
		code = f.Response.Status
		status = strconv.Itoa(code)
	}
	if f.Outcome.Answered > 0 {
		code = f.Outcome.Answered
		status = "(" + strconv.Itoa(code) + ")"
	}
	facts := factsOf(f, now)
	end := endOf(f)
	if l.Width > 0 {
		before := len(number) + 1 + columns(method) + 1
		behind := 1 + len(status) + 2 + columns(facts) + 2 + columns(end)
		if room := l.Width - before - behind; room >= least {
			target = Shorten(target, room)
		} else {
			target = Shorten(target, max(least, l.Width-before))
		}
	}
	dst = p.paint(dst, dim, number)
	dst = append(dst, ' ')
	dst = p.paint(dst, bold, method)
	dst = append(dst, ' ')
	dst = append(dst, target...)
	if status != "" {
		dst = append(dst, ' ')
		dst = p.paint(dst, statusColour(code), status)
	}
	if facts != "" {
		dst = append(dst, ", "...)
		dst = append(dst, facts...)
	}
	dst = append(dst, ", "...)
	dst = p.paint(dst, endColour(f.Outcome.Kind), end)
	return append(dst, '\n')
}

// what returns method and URL, both safe.
func (l Line) what(f *flow.Flow) (method, target string) {
	if f.Kind == flow.TCP || f.Request == nil {
		return "TCP", Safe(tunnelOf(f))
	}
	target = f.Request.URL()
	if l.Host == Named {
		target = f.Request.DisplayURL()
	}
	return Safe(f.Request.Method), Safe(target)
}

// tunnelOf says where a raw tunnel goes.
func tunnelOf(f *flow.Flow) string {
	switch {
	case f.Server != nil && f.Server.Address != "":
		return f.Server.Address
	case f.Request != nil:
		return f.Request.Address()
	case f.Server != nil:
		return f.Server.Peer
	}
	return "?"
}

// maxCall is how much is said of how a call ended, in columns.
const maxCall = 200

// factsOf returns the bodies and the time, safe, joined by ", ".
func factsOf(f *flow.Flow, now time.Time) string {
	var b []byte
	sent, received, label := f.RequestBody, f.ResponseBody, ""
	if f.Kind == flow.TCP {
		label = "received "
		// Every tunnel passes for the same reason.
		sent.Reason, received.Reason = "", ""
	}
	b = appendBody(b, "sent ", sent, f.Live())
	b = appendBody(b, label, received, f.Live())
	end := f.End
	if end.IsZero() {
		end = now
	}
	if !f.Start.IsZero() {
		b = appendComma(b)
		b = append(b, Span(end.Sub(f.Start))...)
	}
	if f.RPC != nil {
		b = AppendSafe(append(b, ", "...), Shorten(f.RPC.String(), maxCall))
	}
	if n := len(f.Tries); n > 1 {
		b = append(b, ", try "...)
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return string(b)
}

func appendComma(b []byte) []byte {
	if len(b) > 0 {
		return append(b, ", "...)
	}
	return b
}

// appendBody says how large a body is and what happened to it, where that is
// not what happens to all of them.
func appendBody(b []byte, label string, body flow.Body, live bool) []byte {
	if body.Disposition == flow.NoBody {
		return b
	}
	note := bodyNote(body)
	if live && body.Sent == 0 && note == "" {
		return b
	}
	b = append(appendComma(b), label...)
	b = append(b, Size(body.Sent)...)
	if body.Declared > body.Sent && !body.Ended {
		b = append(b, " of "...)
		b = append(b, Size(body.Declared)...)
	}
	if note != "" {
		b = append(b, " ("...)
		b = AppendSafe(b, note)
		b = append(b, ')')
	}
	return b
}

// bodyNote says what happened to a body and why; "" when nothing out of the
// ordinary did.
func bodyNote(b flow.Body) string {
	note := ""
	if b.Disposition != flow.Tee || len(b.Changes) > 0 || unusual(b.Reason) {
		note = b.Disposition.String()
		if unusual(b.Reason) {
			note += ": " + b.Reason
		}
	}
	for _, c := range b.Changes {
		note += "; after " + Size(c.Offset) + " " + c.To.String()
		if c.Reason != "" {
			note += ": " + c.Reason
		}
	}
	if b.Transformed {
		note = join(note, "rewritten")
	}
	if b.Record == flow.Cut {
		note = join(note, "record cut after "+Size(b.Recorded))
		if b.CutReason != "" {
			note += ": " + b.CutReason
		}
	}
	return note
}

// unusual tells whether a reason is worth a word.
func unusual(reason string) bool { return reason != "" && reason != "default" }

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

// endOf says how the flow ended, safe.
func endOf(f *flow.Flow) string {
	if f.Live() {
		if f.Kind == flow.HTTP && f.Response == nil {
			return "running, no response yet"
		}
		return "running"
	}
	s := f.Outcome.String()
	if f.Outcome.Kind != flow.Completed && f.Outcome.Text != "" {
		s += ": " + f.Outcome.Text
	}
	return Safe(s)
}

func endColour(k flow.OutcomeKind) colour {
	switch k {
	case flow.Running:
		return cyan
	case flow.Completed:
		return dim
	case flow.ClientLeft, flow.Killed, flow.Interrupt:
		return yellow
	}
	return red
}
