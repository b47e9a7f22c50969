package har

import (
	"net"
	"net/url"
	"strings"
	"time"

	"midstream/flow"
	"midstream/internal/cookie"
	"midstream/internal/format"
)

// when is a time as an archive has it: ISO 8601 to the microsecond.
func when(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000+00:00") }

// entry prints an exchange.
func (p *printer) entry(it *format.Item, fresh bool) (lost []string) {
	f := it.Flow
	q := f.Request
	t := spans(f, fresh)
	start := q.Start.Add(-t.ahead)
	if q.Start.IsZero() {
		start = f.Start
	}
	p.raw(`{"startedDateTime":`).string(when(start)).raw(`,"time":`).millis(t.total())
	p.raw(`,"request":{"method":`).string(q.Method).raw(`,"url":`).string(strings.ReplaceAll(q.DisplayURL(), "#", "%23")).raw(`,"httpVersion":`).string(q.Version.String())
	p.raw(`,"cookies":`).cookies(requestCookies(q.Fields)).raw(`,"headers":`).fields(q.Fields).raw(`,"queryString":`).query(q.Path)
	p.raw(`,"headersSize":`).int(headSize(q.Fields, len(q.Method)+len(q.Path)+12)).raw(`,"bodySize":`).int(size(it, flow.ToServer))
	if body := it.Bodies[flow.ToServer]; body != nil && body.Size() > 0 && it.Closing == nil {
		p.postData(body, q.Fields)
	} else if body == nil && f.RequestBody.Disposition != flow.NoBody && it.Closing == nil && f.RequestBody.Sent > 0 {
		p.raw(`,"_requestBodyStatus":"missing"`)
		lost = append(lost, "the content of the request, which was not recorded")
	}
	p.raw(`},"response":`)
	lost = append(lost, p.response(it)...)
	p.raw(`,"cache":{},"timings":{"blocked":-1,"dns":-1,"connect":`).millis(t.connect).raw(`,"ssl":`).millis(t.secure)
	p.raw(`,"send":`).millis(t.send).raw(`,"wait":`).millis(t.wait).raw(`,"receive":`).millis(t.receive).raw(`}`)
	if f.Server != nil {
		if host, port, err := net.SplitHostPort(f.Server.Peer); err == nil && net.ParseIP(host) != nil {
			p.raw(`,"serverIPAddress":`).string(host).raw(`,"connection":`).string(port)
		}
	}
	if f.Comment != "" {
		p.raw(`,"comment":`).string(f.Comment)
	}
	if it.Closing != nil {
		p.webSocket(it)
	}
	p.raw(`}`)
	if len(q.Trailers) > 0 || f.Response != nil && len(f.Response.Trailers) > 0 {
		lost = append(lost, "trailers")
	}
	return lost
}

// span is the parts of the time of an exchange; -1 where one does not apply. ahead is
// how much of connect was over when the request came.
type span struct{ connect, secure, send, wait, receive, ahead time.Duration }

func (s span) total() time.Duration {
	sum := s.send + s.wait + s.receive
	if s.connect > 0 {
		sum += s.connect // the standard counts ssl inside connect
	}
	return sum
}

func spans(f *flow.Flow, fresh bool) span {
	t := span{connect: -1, secure: -1}
	if c := f.Server; c != nil && fresh && !c.Start.IsZero() && !c.Connected.IsZero() {
		t.connect = max(0, c.Connected.Sub(c.Start))
		if !c.Secured.IsZero() {
			t.secure = max(0, c.Secured.Sub(c.Connected))
			t.connect += t.secure
		}
	}
	between := func(from, to time.Time) time.Duration {
		if from.IsZero() || to.IsZero() {
			return 0
		}
		return max(0, to.Sub(from))
	}
	q := f.Request
	t.send = between(q.Start, q.End)
	if r := f.Response; r != nil {
		t.wait = between(q.End, r.Start)
		t.receive = between(r.Start, r.End)
	}
	if t.connect > 0 && !q.Start.IsZero() {
		t.apart(q.Start, f.Server.Start)
	}
	return t
}

// apart takes out of send and wait what connect has of them, as parts of the time do
// not lie in one another; the connection was begun at dialled.
func (t *span) apart(asked, dialled time.Time) {
	within := min(t.connect, max(0, dialled.Add(t.connect).Sub(asked)))
	t.ahead = t.connect - within
	from := min(within, t.wait)
	t.wait -= from
	t.send = max(0, t.send-(within-from))
}

// size is how many octets of a body were sent, -1 where that is not known.
func size(it *format.Item, side flow.Side) int64 {
	b := &it.Flow.RequestBody
	if side == flow.ToClient {
		b = &it.Flow.ResponseBody
	}
	if body := it.Bodies[side]; body != nil {
		return body.Size()
	}
	return b.Sent
}

// headSize is what the head has on an HTTP/1 wire.
func headSize(fs flow.Fields, line int) int64 {
	n := line + 2
	for _, f := range fs {
		n += len(f.Name) + len(f.Value) + 4
	}
	return int64(n)
}

func (p *printer) fields(fs flow.Fields) *printer {
	p.raw("[")
	for i, f := range fs {
		p.comma(i).raw(`{"name":`).string(f.Name).raw(`,"value":`).string(f.Value).raw("}")
	}
	return p.raw("]")
}

func (p *printer) comma(i int) *printer {
	if i > 0 {
		p.raw(",")
	}
	return p
}

func (p *printer) query(path string) *printer {
	p.raw("[")
	if _, query, ok := strings.Cut(path, "?"); ok && query != "" {
		p.pairs(query)
	}
	return p.raw("]")
}

// pairs prints the parameters of a query or a form as objects.
func (p *printer) pairs(s string) {
	i := 0
	for part := range strings.SplitSeq(s, "&") {
		if part == "" {
			continue
		}
		name, val, _ := strings.Cut(part, "=")
		p.comma(i).raw(`{"name":`).string(unquote(name)).raw(`,"value":`).string(unquote(val)).raw("}")
		i++
	}
}

func unquote(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}

func requestCookies(fs flow.Fields) (list []cookie.Set) {
	for _, p := range cookie.Pairs(fs.Values("Cookie")) {
		list = append(list, cookie.Set{Pair: p})
	}
	return list
}

func responseCookies(fs flow.Fields) (list []cookie.Set) {
	for _, line := range fs.Values("Set-Cookie") {
		if c, ok := cookie.ParseSet(line); ok {
			list = append(list, c)
		}
	}
	return list
}

func (p *printer) cookies(list []cookie.Set) *printer {
	p.raw("[")
	for i, c := range list {
		p.comma(i).raw(`{"name":`).string(c.Name).raw(`,"value":`).string(c.Value)
		if c.Path != "" {
			p.raw(`,"path":`).string(c.Path)
		}
		if c.Domain != "" {
			p.raw(`,"domain":`).string(c.Domain)
		}
		if !c.Expires.IsZero() {
			p.raw(`,"expires":`).string(when(c.Expires))
		}
		if c.HTTPOnly {
			p.raw(`,"httpOnly":true`)
		}
		if c.Secure {
			p.raw(`,"secure":true`)
		}
		p.raw("}")
	}
	return p.raw("]")
}

func (p *printer) postData(body format.Body, fs flow.Fields) {
	c := measure(body, fs)
	mime := fs.Get("Content-Type")
	p.raw(`,"postData":{"mimeType":`).string(mime)
	p.content(&c, "_encoding")
	p.raw(`,"params":[`)
	if strings.HasPrefix(strings.ToLower(mime), "application/x-www-form-urlencoded") && c.text && c.size <= maxInline {
		var form []byte
		_ = c.each(func(piece []byte) error { form = append(form, piece...); return nil })
		p.pairs(string(form))
	}
	p.raw("]}")
}

func (p *printer) response(it *format.Item) (lost []string) {
	f := it.Flow
	r := f.Response
	failure := ""
	if f.Outcome.Kind != flow.Completed && f.Outcome.Kind != flow.Running {
		if failure = f.Outcome.Text; failure == "" {
			failure = f.Outcome.String()
		}
	}
	if r == nil {
		if failure == "" {
			failure = "no response has come"
		}
		p.raw(`{"status":0,"statusText":"","httpVersion":"","headers":[],"cookies":[],"content":{"size":0,"mimeType":"x-unknown"},"redirectURL":"","headersSize":-1,"bodySize":-1,"_transferSize":0,"_error":`)
		p.string(failure).raw("}")
		return nil
	}
	p.raw(`{"status":`).int(int64(r.Status)).raw(`,"statusText":`).string(r.Reason).raw(`,"httpVersion":`).string(r.Version.String())
	p.raw(`,"cookies":`).cookies(responseCookies(r.Fields)).raw(`,"headers":`).fields(r.Fields).raw(`,"content":{"size":`)
	switch body := it.Bodies[flow.ToClient]; {
	case body != nil && it.Closing == nil:
		c := measure(body, r.Fields)
		p.int(c.size).raw(`,"compression":`).int(c.size - body.Size()).raw(`,"mimeType":`).string(mimeType(r.Fields))
		p.content(&c, "encoding")
		if c.failed {
			lost = append(lost, "a response body that does not decode, which is given as it is")
		}
	case it.Closing != nil || f.ResponseBody.Disposition == flow.NoBody:
		p.raw(`0,"mimeType":`).string(mimeType(r.Fields)).raw(`,"text":""`)
	default:
		p.int(f.ResponseBody.Sent).raw(`,"mimeType":`).string(mimeType(r.Fields)).raw(`,"comment":"not recorded"`)
		lost = append(lost, "the content of the response, which was not recorded")
	}
	p.raw(`},"redirectURL":`).string(r.Fields.Get("Location")).raw(`,"headersSize":`).int(headSize(r.Fields, len(r.Reason)+14))
	p.raw(`,"bodySize":`).int(size(it, flow.ToClient))
	if failure != "" {
		p.raw(`,"_error":`).string(failure)
	}
	p.raw("}")
	return lost
}

// mimeType is the Content-Type, and what the standard asks for without one.
func mimeType(fs flow.Fields) string {
	if t := fs.Get("Content-Type"); t != "" {
		return t
	}
	return "x-unknown"
}

// webSocket writes the messages in the form of Chrome, and how the connection
// was closed in a member of our own.
func (p *printer) webSocket(it *format.Item) {
	p.raw(`,"_resourceType":"websocket"`)
	if c := it.Closing; c.Known || c.Code != 0 {
		p.raw(`,"_webSocketClose":{"code":`).int(int64(c.Code)).raw(`,"reason":`).string(c.Reason)
		if c.Known && c.ByClient {
			p.raw(`,"type":"send"`)
		} else if c.Known {
			p.raw(`,"type":"receive"`)
		}
		if !c.Time.IsZero() {
			p.raw(`,"time":`).float(float64(c.Time.UnixMicro()) / 1e6)
		}
		p.raw(`}`)
	}
	p.raw(`,"_webSocketMessages":[`)
	if it.Messages == nil {
		p.raw("]")
		return
	}
	i := 0
	for m, err := range it.Messages {
		if err != nil {
			break
		}
		way, opcode := "receive", int64(2)
		if m.FromClient {
			way = "send"
		}
		if m.Text {
			opcode = 1
		}
		p.comma(i).raw(`{"type":"` + way + `","time":`).float(float64(m.Time.UnixMicro()) / 1e6).raw(`,"opcode":`).int(opcode).raw(`,"data":"`)
		if c := (content{body: m.Content}); m.Text {
			p.text(&c)
		} else {
			p.base64(&c)
		}
		p.raw(`"}`)
		i++
	}
	p.raw("]")
}
