package har

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"midstream/flow"
	"midstream/internal/coding"
	"midstream/internal/format"
)

// item makes an Item of an entry.
func (r *Reader) item(e *value) (*format.Item, error) {
	q := e.key("request")
	if q == nil || q.kind != '{' {
		return nil, errors.New("it has no request")
	}
	it := &format.Item{Flow: &flow.Flow{ID: flow.NewID(), Kind: flow.HTTP, Comment: e.key("comment").str()}}
	f := it.Flow
	start, took := begin(e), took(e)
	f.Start, f.End = start, start.Add(took)
	f.Client = &flow.Conn{ID: flow.NewID(), Start: start, End: f.End}
	req, err := requestOf(q)
	if err != nil {
		return nil, err
	}
	f.Request = req
	f.Server = serverOf(e, req)
	body, err := r.requestBody(q, f)
	if err != nil {
		return nil, fmt.Errorf("request body: %w", err)
	}
	put(it, flow.ToServer, &f.RequestBody, body)
	decoded(f, &req.Fields, "request")
	if err := r.response(e, it); err != nil {
		return nil, err
	}
	timings(e, f, took)
	r.webSocket(e, it)
	return it, nil
}

// begin is when the exchange began; the zero time where the file does not say.
func begin(e *value) time.Time {
	s := e.key("startedDateTime").str()
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", time.RFC1123} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() > 0 && t.Year() < 10000 {
			return t.UTC()
		}
	}
	return time.Time{}
}

// took is how long the exchange took: its time, else the sum of its timings.
func took(e *value) time.Duration {
	if ms, ok := e.key("time").num(); ok && ms >= 0 {
		return millis(ms)
	}
	var sum time.Duration
	for _, k := range []string{"blocked", "dns", "connect", "send", "wait", "receive"} {
		sum += part(e, k)
	}
	return sum
}

// part is one of the timings, 0 where it does not apply.
func part(e *value, name string) time.Duration {
	if ms, ok := e.key("timings").key(name).num(); ok && ms > 0 {
		return millis(ms)
	}
	return 0
}

func millis(ms float64) time.Duration {
	if ms > 1e12 {
		ms = 1e12
	}
	return time.Duration(ms * float64(time.Millisecond))
}

func requestOf(q *value) (*flow.Request, error) {
	raw := strings.TrimSpace(q.key("url").str())
	if raw == "" {
		return nil, errors.New("its request has no url")
	}
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok && q.key("method").str() == "CONNECT" {
		return connectOf(q, raw)
	}
	if !ok {
		return nil, fmt.Errorf("its url %.80q is no absolute URL", raw)
	}
	scheme = strings.ToLower(scheme)
	switch scheme {
	case "ws":
		scheme = "http"
	case "wss":
		scheme = "https"
	}
	if flow.DefaultPort(scheme) == 0 {
		return nil, fmt.Errorf("its url %.80q is not of HTTP", raw)
	}
	authority, path := rest, "/"
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, path = rest[:i], rest[i:]
		if path[0] != '/' {
			path = "/" + path
		}
	}
	path, _, _ = strings.Cut(path, "#")
	path = printable(path)
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		authority = authority[i+1:]
	}
	u := url.URL{Host: authority}
	port := flow.DefaultPort(scheme)
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("its url %.80q has no port", raw)
		}
		port = uint16(n)
	}
	req := &flow.Request{Message: flow.Message{Version: versionOf(q), Fields: fieldsOf(q.key("headers"))}, Method: q.key("method").str(),
		Scheme: scheme, Host: u.Hostname(), Port: port, Path: path}
	if req.Method == "" {
		req.Method = "GET"
	}
	if req.Method == "OPTIONS" && !strings.ContainsAny(rest, "/?#") {
		req.Path, req.Form = "*", flow.AsteriskForm // RFC 9112 section 3.2.4
	}
	pseudo(req)
	if req.Version >= flow.HTTP2 && req.Authority == "" {
		req.Authority = flow.HostPort(scheme, req.Host, port)
	}
	if len(req.Fields) == 0 {
		req.Fields = cookiesOf(q.key("cookies"))
	}
	return req, nil
}

// connectOf reads a CONNECT, whose URL is the host and port that it asks for.
func connectOf(q *value, raw string) (*flow.Request, error) {
	host, p, err := net.SplitHostPort(raw)
	port, err2 := strconv.ParseUint(p, 10, 16)
	if err != nil || err2 != nil {
		return nil, fmt.Errorf("its url %.80q is no HOST:PORT, which CONNECT asks for", raw)
	}
	req := &flow.Request{Message: flow.Message{Version: versionOf(q), Fields: fieldsOf(q.key("headers"))}, Method: "CONNECT",
		Form: flow.AuthorityForm, Authority: raw, Host: host, Port: uint16(port)}
	pseudo(req)
	return req, nil
}

// printable escapes the white space and control characters of a path, which no
// request line can have.
func printable(path string) string {
	if strings.IndexFunc(path, func(c rune) bool { return c <= ' ' || c == 0x7f }) < 0 {
		return path
	}
	var b strings.Builder
	for i := range len(path) {
		if c := path[i]; c <= ' ' || c == 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// pseudo takes the pseudo-fields of HTTP/2 out of the fields.
func pseudo(req *flow.Request) {
	kept := req.Fields[:0]
	for _, f := range req.Fields {
		if !strings.HasPrefix(f.Name, ":") {
			kept = append(kept, f)
			continue
		}
		if req.Version < flow.HTTP2 {
			req.Version = flow.HTTP2
		}
		switch f.Name {
		case ":authority":
			req.Authority = f.Value
		case ":protocol":
			req.Protocol = f.Value
		}
	}
	req.Fields = kept
}

// cookiesOf is the Cookie field of a file that lists cookies and no fields.
func cookiesOf(v *value) flow.Fields {
	if v == nil || len(v.items) == 0 {
		return nil
	}
	var crumbs []string
	for i := range v.items {
		crumbs = append(crumbs, v.items[i].key("name").str()+"="+v.items[i].key("value").str())
	}
	return flow.Fields{{Name: "Cookie", Value: strings.Join(crumbs, "; ")}}
}

func versionOf(m *value) flow.Version {
	switch s := strings.ToLower(m.key("httpVersion").str()); {
	case strings.HasSuffix(s, "/1.0"):
		return flow.HTTP10
	case s == "h2" || s == "http/2" || strings.HasPrefix(s, "http/2."):
		return flow.HTTP2
	case s == "h3" || strings.HasPrefix(s, "http/3"), strings.HasPrefix(s, "h3-"), strings.Contains(s, "quic"):
		return flow.HTTP3
	}
	return flow.HTTP11
}

// fieldsOf reads objects with name and value, or pairs of them.
func fieldsOf(v *value) flow.Fields {
	if v == nil {
		return nil
	}
	fs := make(flow.Fields, 0, len(v.items))
	for i := range v.items {
		x := &v.items[i]
		name, val := x.key("name").str(), x.key("value").str()
		if x.kind == '[' && len(x.items) == 2 {
			name, val = x.items[0].str(), x.items[1].str()
		}
		if name == "" {
			continue
		}
		// Browsers join equal fields by line breaks, which no value can have.
		for line := range strings.SplitSeq(val, "\n") {
			fs = append(fs, flow.Field{Name: name, Value: flow.TrimSpace(strings.TrimSuffix(line, "\r"))})
		}
	}
	return fs
}

func serverOf(e *value, req *flow.Request) *flow.Conn {
	c := &flow.Conn{ID: flow.NewID(), Address: req.Address()}
	if ip := strings.Trim(e.key("serverIPAddress").str(), "[]"); net.ParseIP(ip) != nil {
		c.Peer = net.JoinHostPort(ip, strconv.Itoa(int(req.Port)))
	}
	return c
}

func (r *Reader) requestBody(q *value, f *flow.Flow) (format.Body, error) {
	var nothing format.Body = format.Octets(nil)
	if size, _ := q.key("bodySize").num(); size > 0 {
		nothing = nil // it had content that the program did not keep
	}
	p := q.key("postData")
	if p == nil || p.kind != '{' {
		return nothing, nil
	}
	if text := p.key("text"); text != nil && (text.ref != nil || text.text != "") {
		encoding := p.key("encoding").str()
		if encoding == "" {
			encoding = p.key("_encoding").str()
		}
		return r.bodyOf(text, encoding, f, "request")
	}
	if params := p.key("params"); params != nil && len(params.items) > 0 {
		return formOf(p.key("mimeType").str(), params), nil
	}
	return nothing, nil
}

func (r *Reader) response(e *value, it *format.Item) error {
	f := it.Flow
	p := e.key("response")
	failure := p.key("_error").str()
	if failure == "" {
		failure = e.key("_error").str()
	}
	status, _ := p.key("status").num()
	if status < 100 || status > 999 {
		if failure == "" {
			failure = "the file has no response"
		}
		f.Outcome = flow.Outcome{Kind: flow.Failed, Text: failure}
		return nil
	}
	res := &flow.Response{Message: flow.Message{Version: versionOf(p), Fields: fieldsOf(p.key("headers"))}, Status: int(status), Reason: p.key("statusText").str()}
	kept := res.Fields[:0]
	for _, x := range res.Fields {
		if !strings.HasPrefix(x.Name, ":") {
			kept = append(kept, x)
		} else if res.Version < flow.HTTP2 {
			res.Version = flow.HTTP2
		}
	}
	res.Fields = kept
	f.Response = res
	c := p.key("content")
	body, err := r.bodyOf(c.key("text"), c.key("encoding").str(), f, "response")
	if err != nil {
		return fmt.Errorf("response body: %w", err)
	}
	size, _ := c.key("size").num()
	if body.Size() == 0 && size > 0 && c.key("text") == nil && f.Request.Method != "HEAD" {
		body = nil // it had content that the program did not keep
	}
	put(it, flow.ToClient, &f.ResponseBody, body)
	decoded(f, &res.Fields, "response")
	f.Outcome.Kind = flow.Completed
	if failure != "" {
		f.Outcome = flow.Outcome{Kind: flow.ServerCut, Text: failure, Bytes: f.ResponseBody.Sent}
		f.ResponseBody.Ended = false
	}
	return nil
}

// bodyOf is content for a body: what is said to be base64 and is none is kept as it
// stands, as it is what some programs write for text.
func (r *Reader) bodyOf(text *value, encoding string, f *flow.Flow, side string) (format.Body, error) {
	body, err := r.content(text, encoding)
	if _, corrupt := errors.AsType[base64.CorruptInputError](err); !corrupt && !errors.Is(err, io.ErrUnexpectedEOF) {
		return body, err
	}
	f.Findings = append(f.Findings, flow.Finding{Code: "no-base64", Text: "the file says that the content of the " + side + " is base64, which it is not: it is kept as it stands there"})
	return r.content(text, "")
}

func put(it *format.Item, side flow.Side, b *flow.Body, body format.Body) {
	it.Bodies[side] = body
	if body == nil {
		format.Missing(b)
		b.Reason = "the file does not have it"
		return
	}
	format.Kept(b, body.Size())
	b.Reason = "as the file has it"
}

// decoded takes out a Content-Encoding that the body does not have any more.
func decoded(f *flow.Flow, fs *flow.Fields, side string) {
	name := fs.Joined("Content-Encoding")
	if name == "" || coding.Identity(name) {
		return
	}
	fs.Del("Content-Encoding")
	f.Findings = append(f.Findings, flow.Finding{Code: "decoded-by-file",
		Text: fmt.Sprintf("the file holds the decoded content of the %s; its Content-Encoding %s was taken out", side, flow.Quote(name))})
}

// timings spreads the times of the messages over the exchange.
func timings(e *value, f *flow.Flow, took time.Duration) {
	if f.Start.IsZero() {
		return
	}
	before := part(e, "blocked") + part(e, "dns") + part(e, "connect")
	send, wait := part(e, "send"), part(e, "wait")
	if before+send+wait > took {
		before, send, wait = 0, 0, 0
	}
	if connect := part(e, "connect"); connect > 0 {
		f.Server.Start = f.Start.Add(max(0, before-connect))
		f.Server.Connected = f.Start.Add(before - min(part(e, "ssl"), before))
		if part(e, "ssl") > 0 {
			f.Server.Secured = f.Start.Add(before)
		}
	}
	f.Request.Start, f.Request.End = f.Start, f.Start.Add(before+send)
	if f.Response != nil {
		f.Response.Start, f.Response.End = f.Request.End.Add(wait), f.End
	}
}

// webSocket reads the messages that Chrome and mitmproxy list.
func (r *Reader) webSocket(e *value, it *format.Item) {
	list := e.key("_webSocketMessages")
	if list == nil || list.kind != '[' {
		return
	}
	f := it.Flow
	// Chrome lists them, none, for a handshake that was refused, too.
	if len(list.items) == 0 && (f.Response == nil || f.Response.Status != 101 && flow.Switched(f.Request, f.Response) == "") {
		return
	}
	it.Bodies = [2]format.Body{}
	for _, b := range []*flow.Body{&it.Flow.RequestBody, &it.Flow.ResponseBody} {
		*b = flow.Body{Disposition: flow.Tee, Reason: "an upgraded connection", Declared: -1, Ended: true}
	}
	it.Closing = closing(e.key("_webSocketClose"))
	it.Messages = func(yield func(format.Message, error) bool) {
		for i := range list.items {
			if isMessage(&list.items[i]) && !yield(r.message(&list.items[i])) {
				return
			}
		}
	}
	if n := len(list.items); n > 0 {
		if last, ok := list.items[n-1].key("time").num(); ok && last > 0 {
			if at := stamp(last); at.After(it.Flow.End) {
				it.Flow.End = at
			}
		}
	}
	if at := it.Closing.Time; at.After(it.Flow.End) {
		it.Flow.End = at
	}
}

// closing reads what our own archives say of the end of a WebSocket.
func closing(v *value) *format.Closing {
	c := &format.Closing{Reason: v.key("reason").str()}
	if code, ok := v.key("code").num(); ok && code >= 1000 && code < 5000 {
		c.Code = int(code)
	}
	way := v.key("type").str()
	c.Known, c.ByClient = way == "send" || way == "receive", way == "send"
	if at, ok := v.key("time").num(); ok {
		c.Time = stamp(at)
	}
	return c
}

// isMessage leaves out what Chrome lists beside messages: control frames, and what
// it says of errors.
func isMessage(v *value) bool {
	opcode, ok := v.key("opcode").num()
	way := v.key("type").str()
	return (!ok || opcode >= 0 && opcode < 8) && (way == "send" || way == "receive" || way == "")
}

func (r *Reader) message(v *value) (format.Message, error) {
	opcode, _ := v.key("opcode").num()
	m := format.Message{FromClient: v.key("type").str() == "send", Text: opcode != 2}
	encoding := ""
	if !m.Text {
		encoding = "base64"
	}
	if at, ok := v.key("time").num(); ok {
		m.Time = stamp(at)
	}
	body, err := r.content(v.key("data"), encoding)
	if err != nil && encoding != "" {
		body, err = r.content(v.key("data"), "") // some programs write binary messages as they are
	}
	if err != nil {
		return m, fmt.Errorf("a message: %w", err)
	}
	m.Content = body
	return m, nil
}

// stamp is seconds since 1970; a number of today has room for microseconds.
func stamp(s float64) time.Time {
	if s != s || s < 0 || s > 253402300799 {
		return time.Time{}
	}
	return time.UnixMicro(int64(math.Round(s * 1e6))).UTC()
}
