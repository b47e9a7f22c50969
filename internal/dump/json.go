package dump

import (
	"crypto/tls"
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"midstream/flow"
)

// Schema is the number of the JSON that appendJSON makes; keys are only ever
// added.
const Schema = 1

// appendJSON appends f as one JSON object, without a line ending. Times are RFC
// 3339 in UTC with microseconds, durations are seconds, sizes octets. Fields are
// pairs of name and value in their order. Keys whose value is not there yet are
// null. Octets that are not UTF-8 become U+FFFD.
func appendJSON(dst []byte, f *flow.Flow) []byte { return Object{}.Append(dst, f) }

// Object is how the JSON of a flow is written.
type Object struct {
	// Certificates adds those of both connections, as DER in base64.
	Certificates bool
}

// Append is appendJSON in this form.
func (form Object) Append(dst []byte, f *flow.Flow) []byte {
	o := object{dst: append(dst, '{'), form: form}
	o.number("schema", Schema)
	o.number("number", int64(f.Number))
	o.text("id", f.ID.String())
	o.text("kind", f.Kind.String())
	if f.Request != nil {
		o.text("url", f.Request.DisplayURL())
	} else {
		o.text("url", tunnelOf(f))
	}
	o.time("start", f.Start)
	o.time("end", f.End)
	o.seconds("duration_seconds", f.Start, f.End)
	o.connection("client", f.Client, f.Request)
	o.connection("server", f.Server, f.Request)
	o.request("request", f.Request)
	o.response("response", f.Response)
	o.list("interim", len(f.Interim), func(i int) {
		o.open("", '{')
		o.head(&f.Interim[i])
		o.close('}')
	})
	o.body("request_body", f.RequestBody)
	o.body("response_body", f.ResponseBody)
	o.before(f)
	o.rpc(f.RPC)
	o.list("tries", len(f.Tries), func(i int) { o.try(f.Tries[i]) })
	o.list("findings", len(f.Findings), func(i int) {
		o.open("", '{')
		o.text("code", f.Findings[i].Code)
		o.text("text", f.Findings[i].Text)
		o.close('}')
	})
	o.open("outcome", '{')
	o.text("kind", outcomeWord(f.Outcome.Kind))
	o.text("text", f.Outcome.String())
	o.number("bytes", f.Outcome.Bytes)
	o.text("phase", f.Outcome.Phase)
	o.text("error", f.Outcome.Text)
	o.number("answered", int64(f.Outcome.Answered))
	o.close('}')
	o.text("marker", f.Marker)
	o.text("comment", f.Comment)
	o.open("metadata", '{')
	for _, name := range slices.Sorted(maps.Keys(f.Metadata)) {
		o.key("")
		o.dst = append(appendString(o.dst, name), ':')
		o.dst = appendString(o.dst, f.Metadata[name])
	}
	o.close('}')
	o.close('}')
	return o.dst
}

// outcomeWord is a word for programs: "client-left".
func outcomeWord(k flow.OutcomeKind) string { return strings.ReplaceAll(k.String(), " ", "-") }

// object writes JSON. It puts the commas where they belong, and its methods
// take "" as the key of an entry of a list.
type object struct {
	dst  []byte
	form Object
}

func (o *object) key(name string) {
	if c := o.dst[len(o.dst)-1]; c != '{' && c != '[' {
		o.dst = append(o.dst, ',')
	}
	if name != "" {
		o.dst = append(o.dst, '"')
		o.dst = append(o.dst, name...)
		o.dst = append(o.dst, '"', ':')
	}
}

func (o *object) open(name string, bracket byte) {
	o.key(name)
	o.dst = append(o.dst, bracket)
}

func (o *object) close(bracket byte) { o.dst = append(o.dst, bracket) }

func (o *object) null(name string) {
	o.key(name)
	o.dst = append(o.dst, "null"...)
}

func (o *object) text(name, value string) {
	o.key(name)
	o.dst = appendString(o.dst, value)
}

func (o *object) number(name string, n int64) {
	o.key(name)
	o.dst = strconv.AppendInt(o.dst, n, 10)
}

func (o *object) truth(name string, v bool) {
	o.key(name)
	o.dst = strconv.AppendBool(o.dst, v)
}

func (o *object) time(name string, t time.Time) {
	if t.IsZero() {
		o.null(name)
		return
	}
	o.key(name)
	o.dst = append(o.dst, '"')
	o.dst = t.UTC().AppendFormat(o.dst, "2006-01-02T15:04:05.000000Z")
	o.dst = append(o.dst, '"')
}

func (o *object) seconds(name string, from, to time.Time) {
	if from.IsZero() || to.IsZero() {
		o.null(name)
		return
	}
	o.key(name)
	o.dst = strconv.AppendFloat(o.dst, to.Sub(from).Seconds(), 'f', 6, 64)
}

func (o *object) list(name string, n int, entry func(i int)) {
	o.open(name, '[')
	for i := range n {
		entry(i)
	}
	o.close(']')
}

func (o *object) fields(name string, fields flow.Fields) {
	o.list(name, len(fields), func(i int) {
		o.open("", '[')
		o.text("", fields[i].Name)
		o.text("", fields[i].Value)
		o.close(']')
	})
}

func (o *object) request(name string, r *flow.Request) {
	if r == nil {
		o.null(name)
		return
	}
	o.open(name, '{')
	o.text("line", RequestLine(r))
	o.text("method", r.Method)
	o.text("url", r.URL())
	o.text("scheme", r.Scheme)
	o.text("host", r.Host)
	o.number("port", int64(r.Port))
	o.text("authority", r.Authority)
	o.text("protocol", r.Protocol)
	o.text("path", r.Path)
	o.message(&r.Message)
	names := r.PseudoNames()
	o.list("pseudo_fields", len(names), func(i int) { o.text("", names[i]) })
	if r.Priority == nil {
		o.null("priority")
	} else {
		o.open("priority", '{')
		o.priority(r.Priority)
		o.close('}')
	}
	o.close('}')
}

func (o *object) response(name string, r *flow.Response) {
	if r == nil {
		o.null(name)
		return
	}
	o.open(name, '{')
	o.head(r)
	o.close('}')
}

func (o *object) head(r *flow.Response) {
	o.text("line", StatusLine(r))
	o.number("status", int64(r.Status))
	o.text("reason", r.Reason)
	o.message(&r.Message)
}

func (o *object) message(m *flow.Message) {
	o.text("version", m.Version.String())
	o.fields("fields", m.Fields)
	o.fields("trailers", m.Trailers)
	o.open("never_indexed", '[')
	for i := range m.Fields {
		if m.Fields[i].NeverIndexed {
			o.text("", m.Fields[i].Name)
		}
	}
	o.close(']')
	o.time("start", m.Start)
	o.time("end", m.End)
}

func (o *object) body(name string, b flow.Body) {
	o.open(name, '{')
	o.text("disposition", b.Disposition.Word())
	o.text("reason", b.Reason)
	o.list("changes", len(b.Changes), func(i int) {
		o.open("", '{')
		o.number("offset", b.Changes[i].Offset)
		o.text("to", b.Changes[i].To.Word())
		o.text("reason", b.Changes[i].Reason)
		o.close('}')
	})
	if b.Declared < 0 {
		o.null("declared")
	} else {
		o.number("declared", b.Declared)
	}
	o.number("received", b.Received)
	o.number("sent", b.Sent)
	o.text("record", b.Record.String())
	o.number("recorded", b.Recorded)
	o.number("removed", b.Removed) // in front of those
	o.text("cut_reason", b.CutReason)
	o.truth("transformed", b.Transformed)
	o.truth("ended", b.Ended)
	o.number("messages", b.Messages)
	o.close('}')
}

func (o *object) rpc(r *flow.RPC) {
	if r == nil {
		o.null("rpc")
		return
	}
	o.open("rpc", '{')
	o.text("protocol", r.Protocol)
	o.number("code", int64(r.Code))
	o.text("name", r.Name())
	o.text("message", r.Message)
	o.close('}')
}

func (o *object) try(t flow.Try) {
	o.open("", '{')
	o.text("address", t.Address)
	o.time("start", t.Start)
	o.truth("reused", t.Reused)
	o.text("error", t.Error)
	o.close('}')
}

func (o *object) connection(name string, c *flow.Conn, r *flow.Request) {
	if c == nil {
		o.null(name)
		return
	}
	o.open(name, '{')
	o.text("id", c.ID.String())
	o.text("address", c.Address)
	o.text("peer", c.Peer)
	o.text("local", c.Local)
	o.text("mode", c.Mode)
	if c.Via != "" {
		o.text("via", c.Via)
	}
	o.time("start", c.Start)
	o.time("connected", c.Connected)
	o.time("secured", c.Secured)
	o.time("end", c.End)
	if c.TLS == nil {
		o.null("tls")
	} else {
		o.tls(c.TLS)
	}
	if name == "client" {
		o.opening(c.HTTP2, r)
	}
	o.close('}')
}

// opening is how a client opened its HTTP/2 connection.
func (o *object) opening(h *flow.Opening, r *flow.Request) {
	if h == nil {
		o.null("http2")
		return
	}
	o.open("http2", '{')
	o.list("settings", len(h.Settings), func(i int) {
		o.open("", '{')
		o.number("id", int64(h.Settings[i].ID))
		o.text("name", h.Settings[i].Name())
		o.number("value", int64(h.Settings[i].Value))
		o.close('}')
	})
	o.number("window_update", int64(h.Window))
	o.list("priorities", len(h.Priorities), func(i int) {
		o.open("", '{')
		o.number("stream", int64(h.Priorities[i].Stream))
		o.priority(&h.Priorities[i])
		o.close('}')
	})
	pseudos := ""
	if r != nil {
		pseudos = r.Pseudos
	}
	o.text("fingerprint", h.Fingerprint(pseudos))
	o.close('}')
}

func (o *object) priority(p *flow.Priority) {
	o.number("depends_on", int64(p.DependsOn))
	o.truth("exclusive", p.Exclusive)
	o.number("weight", int64(p.Weight)+1)
}

func (o *object) tls(t *flow.TLS) {
	o.open("tls", '{')
	o.text("version", tls.VersionName(t.Version))
	o.text("cipher", tls.CipherSuiteName(t.Cipher))
	o.text("sni", t.SNI)
	o.text("alpn", t.ALPN)
	o.list("offered", len(t.Offered), func(i int) { o.text("", t.Offered[i]) })
	o.truth("resumed", t.Resumed)
	if t.JA4 != "" {
		o.text("ja3", t.JA3)
		o.text("ja4", t.JA4)
	}
	if o.form.Certificates {
		o.list("certificates", len(t.Certificates), func(i int) { o.text("", base64.StdEncoding.EncodeToString(t.Certificates[i])) })
	}
	o.close('}')
}
