package query

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"midstream/flow"
)

// Match tells whether the filter means f. Where it asks for bodies they are
// opened from bodies; nil has none. now is for the time that passes. An error
// is that of a body without which it cannot be told; then the answer is false.
func (q *Filter) Match(ctx context.Context, f *flow.Flow, bodies Bodies, now time.Time) (bool, error) {
	m := matcher{ctx: ctx, f: f, bodies: bodies, now: now}
	// First without bodies: most flows are told apart by their heads.
	if t := q.Eval(m.head); t != Unknown || bodies == nil {
		return t == Yes, nil
	}
	t := q.Eval(m.whole)
	if t == Unknown {
		return false, m.err
	}
	return t == Yes, nil
}

// Heads tells what is known of f without its bodies.
func (q *Filter) Heads(f *flow.Flow, now time.Time) Truth {
	m := matcher{f: f, now: now}
	return q.Eval(m.head)
}

// matcher answers the leaves of a filter for one flow.
type matcher struct {
	ctx    context.Context
	f      *flow.Flow
	bodies Bodies
	now    time.Time
	err    error // the first of a body
}

// whole answers with bodies.
func (m *matcher) whole(a *Atom) Truth {
	t := m.head(a)
	if t != Unknown {
		return t
	}
	found, err := m.search(a)
	if err != nil && !found {
		if m.err == nil {
			m.err = err
		}
		return Unknown
	}
	return TruthOf(found)
}

// head answers from heads; what needs a body is unknown.
func (m *matcher) head(a *Atom) Truth {
	switch a.Op {
	case Body, RequestBody, ResponseBody:
		return m.bodyByHead(a)
	case Event:
		if m.f.Kind == flow.HTTP && m.messages() {
			return Unknown
		}
		return No
	case URL:
		if m.f.Kind == flow.DNS {
			return m.dnsByHead()
		}
	}
	return TruthOf(m.byHead(a))
}

func (m *matcher) byHead(a *Atom) bool {
	f := m.f
	switch a.Op {
	case All:
		return true
	case HTTP, TCP, UDP, DNS:
		return f.Kind.String() == strings.TrimPrefix(a.Name, "~")
	case Failed:
		return f.Outcome.Kind != flow.Running && f.Outcome.Kind != flow.Completed
	case Ended:
		return a.MatchesOutcome(f.Outcome.Kind)
	case Marked:
		return f.Marker != ""
	case Marker:
		return a.Matches(f.Marker)
	case Comment:
		return a.Matches(f.Comment)
	case Meta:
		return a.Matches(metadata(f.Metadata))
	case Source:
		return f.Client != nil && f.Client.Peer != "" && a.Matches(bare(f.Client.Peer))
	case Destination:
		return f.Server != nil && f.Server.Address != "" && a.Matches(bare(f.Server.Address))
	case Replayed:
		return f.Replayed != flow.NotReplayed
	case ReplayedRequest:
		return f.Replayed == flow.RequestReplayed
	case ReplayedResponse:
		return f.Replayed == flow.ServerReplayed
	case Size:
		return a.Within(sizeOf(&f.RequestBody) + sizeOf(&f.ResponseBody))
	case Duration:
		end := f.End
		if end.IsZero() {
			end = m.now
		}
		return a.Within(end.Sub(f.Start).Microseconds())
	case Age:
		return a.Within(m.now.Sub(f.Start).Microseconds())
	case Disposed:
		return a.Has(f.RequestBody.Disposition.Word()) || a.Has(f.ResponseBody.Disposition.Word())
	case Found:
		return slices.ContainsFunc(f.Findings, func(g flow.Finding) bool { return a.Matches(g.Code + ": " + g.Text) })
	case Secured:
		return secured(a, "client", f.Client) || secured(a, "server", f.Server)
	case From:
		return a.Has("client") && sizeOf(&f.RequestBody) > 0 || a.Has("server") && sizeOf(&f.ResponseBody) > 0
	}
	if f.Kind == flow.DNS && (a.Op == Answered || a.Op == Unanswered) {
		return (a.Op == Answered) == (sizeOf(&f.ResponseBody) > 0)
	}
	return f.Kind == flow.HTTP && f.Request != nil && m.byHTTP(a)
}

// dnsByHead answers what only the messages of a DNS flow can tell.
func (m *matcher) dnsByHead() Truth {
	if sizeOf(&m.f.RequestBody) == 0 {
		return No
	}
	return Unknown
}

// MatchesOutcome tells whether the pattern of a is in the words for an outcome,
// which may be written with a hyphen.
func (a *Atom) MatchesOutcome(kind flow.OutcomeKind) bool {
	words := kind.String()
	return a.Matches(words) || strings.Contains(words, " ") && a.Matches(strings.ReplaceAll(words, " ", "-"))
}

// byHTTP answers what only HTTP has.
func (m *matcher) byHTTP(a *Atom) bool {
	r, s := m.f.Request, m.f.Response
	switch a.Op {
	case URL:
		return a.Matches(r.DisplayURL())
	case Domain:
		return a.Matches(r.Host) || a.Matches(Named(r))
	case Method:
		return a.Matches(r.Method)
	case Unanswered:
		return s == nil
	case Answered:
		return s != nil
	case Status:
		return s != nil && a.Within(int64(s.Status))
	case Asset:
		return s != nil && slices.ContainsFunc(s.Fields.Values("Content-Type"), IsAsset)
	case Type:
		return typed(a, &r.Message) || s != nil && typed(a, &s.Message)
	case RequestType:
		return typed(a, &r.Message)
	case ResponseType:
		return s != nil && typed(a, &s.Message)
	case Head:
		return inHead(a, r.Fields) || s != nil && inHead(a, s.Fields)
	case RequestHead:
		return inHead(a, r.Fields)
	case ResponseHead:
		return s != nil && inHead(a, s.Fields)
	case WebSocket:
		return IsWebSocket(m.f)
	case Protocol:
		return slices.ContainsFunc(a.Words, m.speaks)
	}
	return false
}

// speaks tells whether the flow is of a protocol of ~proto.
func (m *matcher) speaks(word string) bool {
	f := m.f
	switch word {
	case "h1":
		return f.Request.Version/10 == 1
	case "h2":
		return f.Request.Version == flow.HTTP2
	case "h3":
		return f.Request.Version == flow.HTTP3
	case "ws":
		return IsWebSocket(f)
	case "grpc":
		return strings.HasPrefix(mediaType(f.Request.Fields), "application/grpc") ||
			f.Response != nil && strings.HasPrefix(mediaType(f.Response.Fields), "application/grpc")
	case "sse":
		return f.Response != nil && mediaType(f.Response.Fields) == "text/event-stream"
	}
	return false
}

func mediaType(fields flow.Fields) string {
	t, _, _ := strings.Cut(fields.Get("Content-Type"), ";")
	return strings.ToLower(flow.TrimSpace(t))
}

// IsWebSocket tells that the bodies of f are the directions of a WebSocket
// connection: an upgrade (RFC 6455 section 4.2.2) or an extended CONNECT (RFC
// 8441 section 4).
func IsWebSocket(f *flow.Flow) bool {
	if f.Kind != flow.HTTP || f.Request == nil || f.Response == nil {
		return false
	}
	for p := range strings.SplitSeq(flow.Switched(f.Request, f.Response), ",") {
		if flow.EqualFold(flow.TrimSpace(p), "websocket") {
			return true
		}
	}
	return false
}

// IsAsset tells whether a Content-Type is one of ~a.
func IsAsset(contentType string) bool {
	for _, t := range []string{"text/javascript", "application/x-javascript", "application/javascript", "text/css", "image/", "font/", "application/font"} {
		if strings.Contains(contentType, t) {
			return true
		}
	}
	return false
}

// Named is the host that the client named, without its port; where it named
// none, the one that the request is sent to.
func Named(r *flow.Request) string {
	host := r.Authority
	if host == "" {
		host = r.Fields.Get("Host")
	}
	if host == "" {
		return r.Host
	}
	return WithoutPort(host)
}

// WithoutPort cuts the port from an authority, and the brackets of an address.
func WithoutPort(host string) string {
	if strings.HasPrefix(host, "[") {
		if i := strings.IndexByte(host, ']'); i > 0 {
			return host[1:i]
		}
	}
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.IndexByte(host, ':') == i {
		if _, err := strconv.ParseUint(host[i+1:], 10, 16); err == nil {
			return host[:i]
		}
	}
	return host
}

// bare writes host:port without the brackets of an address.
func bare(address string) string {
	if strings.HasPrefix(address, "[") {
		if i := strings.LastIndexByte(address, ']'); i > 0 {
			return address[1:i] + address[i+1:]
		}
	}
	return address
}

func typed(a *Atom, m *flow.Message) bool {
	return slices.ContainsFunc(m.Fields.Values("Content-Type"), a.Matches)
}

// inHead tells whether the pattern of a is in a head. Its $ is the end of a line also
// where, as on the wire, a carriage return stands there.
func inHead(a *Atom, fields flow.Fields) bool {
	text := block(fields)
	if a.Matches(text) {
		return true
	}
	return strings.Contains(a.Argument, "$") && !strings.Contains(a.Argument, "\n") && !strings.Contains(a.Argument, `\n`) &&
		a.Matches(strings.ReplaceAll(text, "\r\n", "\n"))
}

// block is a head as its patterns see it.
func block(fields flow.Fields) string {
	var b strings.Builder
	for i := range fields {
		b.WriteString(fields[i].Name)
		b.WriteString(": ")
		b.WriteString(fields[i].Value)
		b.WriteString("\r\n")
	}
	return b.String()
}

// secured tells whether one of the lines about the TLS of a side is meant.
func secured(a *Atom, side string, c *flow.Conn) bool {
	if c == nil || c.TLS == nil {
		return false
	}
	t := c.TLS
	return a.Matches(fmt.Sprintf("%[1]s version: %[2]s\n%[1]s cipher: %[3]s\n%[1]s sni: %[4]s\n%[1]s alpn: %[5]s",
		side, tls.VersionName(t.Version), tls.CipherSuiteName(t.Cipher), t.SNI, t.ALPN))
}

func metadata(m map[string]string) string {
	var lines []string
	for k, v := range m {
		lines = append(lines, fmt.Sprintf("%s: %s", k, v))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func sizeOf(b *flow.Body) int64 { return max(b.Sent, b.Recorded) }
