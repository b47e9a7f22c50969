package mitm

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"midstream/flow"
	"midstream/internal/format"
	"midstream/internal/format/tnet"
)

// The bounds of what an Item holds in memory.
const (
	maxText   = 1 << 20 // octets of one text, as a path or a field value
	maxFields = 1 << 14 // field lines of a message
	maxCerts  = 1 << 10 // certificates of a chain
)

// item makes an Item of a flow of the newest version. One whose messages are damaged
// comes with an error, and with those before the damage.
func item(v *tnet.Value) (*format.Item, error) {
	r := reader{}
	it := &format.Item{Flow: &flow.Flow{}}
	f := it.Flow
	r.identify(v, f)
	f.Client = r.conn(v.Key("client_conn"), "client_conn")
	f.Server = r.conn(v.Key("server_conn"), "server_conn")
	switch kind := text(v, "type"); kind {
	case "http":
		r.http(v, it)
	case "tcp", "udp":
		f.Kind = flow.TCP
		if kind == "udp" {
			f.Kind = flow.UDP
		}
		r.tunnel(v, it)
	case "dns":
		f.Kind = flow.DNS
		r.dns(v, it)
	case "":
		return nil, errors.New("it has no type: it is no flow")
	default:
		return nil, fmt.Errorf("its type %.20q is none that is known (http, tcp, udp, dns)", kind)
	}
	r.outcome(v, it)
	restoreOwn(f)
	if r.err != nil {
		return nil, r.err
	}
	if r.cut != nil {
		f.Outcome = flow.Outcome{Kind: flow.Interrupt, Text: r.cut.Error()}
	}
	return it, r.cut
}

// reader reads the parts of a flow and keeps the first error; cut is that of its
// messages.
type reader struct{ err, cut error }

func (r *reader) fail(where string, err error) {
	if r.err == nil && err != nil {
		r.err = fmt.Errorf("%s: %w", where, err)
	}
}

// text is the octets under key; null and absent are "".
func (r *reader) text(v *tnet.Value, key string) string {
	x := v.Key(key)
	if x.IsNull() {
		return ""
	}
	p, err := x.Bytes(maxText)
	r.fail(key, err)
	return string(p)
}

func (r *reader) number(v *tnet.Value, key string) int64 {
	x := v.Key(key)
	if x.IsNull() {
		return 0
	}
	n, err := x.Int()
	r.fail(key, err)
	return n
}

// time is the time under key; null and absent are the zero time.
func (r *reader) time(v *tnet.Value, key string) time.Time {
	x := v.Key(key)
	if x.IsNull() {
		return time.Time{}
	}
	at, err := x.Float()
	r.fail(key, err)
	return fromStamp(at)
}

// latest is the last time that a stamp may say, in the year 9999.
const latest = 253402300799

// fromStamp reads seconds since 1970 to the nanosecond. A number that stands for
// a whole microsecond, as near as a float64 comes to it, is read as that.
func fromStamp(at float64) time.Time {
	if at != at || at < -latest || at > latest {
		return time.Time{}
	}
	whole := int64(at)
	t := time.Unix(whole, int64((at-float64(whole))*1e9+0.5)).UTC()
	if micro := t.Round(time.Microsecond); float64(micro.Unix())+float64(micro.Nanosecond())/1e9 == at {
		return micro
	}
	return t
}

func (r *reader) identify(v *tnet.Value, f *flow.Flow) {
	f.ID = idOf(text(v, "id"))
	f.Start = r.time(v, "timestamp_created")
	f.Marker, f.Comment = r.text(v, "marked"), r.text(v, "comment")
	switch r.text(v, "is_replay") {
	case "request":
		f.Replayed = flow.RequestReplayed
	case "response":
		f.Replayed = flow.ServerReplayed
	}
	for _, e := range v.Key("metadata").Entries() {
		if f.Metadata == nil {
			f.Metadata = map[string]string{}
		}
		if e.Value.Tag() != tnet.Text { // what it is itself is carried
			if s, ok := written(&e.Value); ok {
				f.Metadata[e.Key] = s
			}
			continue
		}
		p, err := e.Value.Bytes(maxText)
		r.fail("metadata", err)
		f.Metadata[e.Key] = string(p)
	}
}

// idOf reads an ID; one that is no UUID is carried, and a new one stands for it.
func idOf(s string) flow.ID {
	id, err := flow.ParseID(s)
	if err != nil {
		return flow.NewID()
	}
	return id
}

func (r *reader) http(v *tnet.Value, it *format.Item) {
	f := it.Flow
	if q := v.Key("request"); q.Tag() == tnet.Dict {
		f.Request = r.request(q)
		it.Bodies[flow.ToServer] = r.body(q, &f.RequestBody, "request")
	}
	if p := v.Key("response"); p.Tag() == tnet.Dict {
		f.Response = &flow.Response{Message: r.message(p), Status: int(r.number(p, "status_code")), Reason: r.text(p, "reason")}
		it.Bodies[flow.ToClient] = r.body(p, &f.ResponseBody, "response")
	}
	ws := v.Key("websocket")
	if ws.Tag() != tnet.Dict {
		return
	}
	it.Messages = r.whole(messages(ws.Key("messages"), webSocketMessage))
	c := &format.Closing{Code: int(r.number(ws, "close_code")), Reason: r.text(ws, "close_reason"), Time: r.time(ws, "timestamp_end")}
	if by := ws.Key("closed_by_client"); !by.IsNull() {
		c.Known = true
		var err error
		c.ByClient, err = by.Bool()
		r.fail("closed_by_client", err)
	}
	it.Closing = c
	for side, b := range it.Bodies {
		if b != nil && b.Size() > 0 {
			it.Lost = append(it.Lost, flow.Side(side).String()+".content beside the messages of a WebSocket")
		}
	}
	it.Bodies = [2]format.Body{}
	f.RequestBody.Disposition, f.ResponseBody.Disposition = flow.Tee, flow.Tee
	f.RequestBody.Reason, f.ResponseBody.Reason = "an upgraded connection", "an upgraded connection"
}

func (r *reader) request(q *tnet.Value) *flow.Request {
	out := &flow.Request{Message: r.message(q), Method: r.text(q, "method"), Scheme: r.text(q, "scheme"), Host: r.text(q, "host"),
		Authority: r.text(q, "authority"), Path: r.text(q, "path")}
	port := r.number(q, "port")
	if port < 0 || port > 65535 {
		r.fail("request.port", fmt.Errorf("%d is no port", port))
	}
	out.Port = uint16(port)
	switch {
	case out.Method == "CONNECT":
		out.Form = flow.AuthorityForm
	case out.Path == "*":
		out.Form = flow.AsteriskForm
	case out.Authority != "" && out.Version < flow.HTTP2:
		out.Form = flow.AbsoluteForm
	}
	return out
}

func (r *reader) message(m *tnet.Value) flow.Message {
	out := flow.Message{Fields: r.fields(m.Key("headers"), "headers"), Trailers: r.fields(m.Key("trailers"), "trailers"),
		Start: r.time(m, "timestamp_start"), End: r.time(m, "timestamp_end"), Version: flow.HTTP11}
	switch r.text(m, "http_version") {
	case "HTTP/1.0":
		out.Version = flow.HTTP10
	case "HTTP/2.0", "HTTP/2":
		out.Version = flow.HTTP2
	case "HTTP/3":
		out.Version = flow.HTTP3
	}
	return out
}

func (r *reader) fields(v *tnet.Value, where string) flow.Fields {
	if v.IsNull() {
		return nil
	}
	lines, err := v.Items(maxFields)
	r.fail(where, err)
	fs := make(flow.Fields, 0, len(lines))
	for _, line := range lines {
		pair, err := line.Items(2)
		if err == nil && len(pair) != 2 {
			err = errors.New("a field has a name and a value")
		}
		if err != nil {
			r.fail(where, err)
			continue
		}
		name, err1 := pair[0].Bytes(maxText)
		value, err2 := pair[1].Bytes(maxText)
		r.fail(where, errors.Join(err1, err2))
		fs = append(fs, flow.Field{Name: string(name), Value: string(value)})
	}
	return fs
}

func (r *reader) body(m *tnet.Value, b *flow.Body, where string) format.Body {
	content := m.Key("content")
	if content.IsNull() {
		format.Missing(b)
		b.Reason = "the file does not have it"
		return nil
	}
	section, err := content.Section()
	if err != nil {
		r.fail(where+".content", err)
		return nil
	}
	format.Kept(b, section.Size())
	b.Reason = "as the file has it"
	return section
}

func (r *reader) tunnel(v *tnet.Value, it *format.Item) {
	it.Messages = r.whole(messages(v.Key("messages"), tunnelMessage))
	for _, b := range []*flow.Body{&it.Flow.RequestBody, &it.Flow.ResponseBody} {
		b.Disposition, b.Reason, b.Declared, b.Ended = flow.Tee, "a tunnel", -1, true
	}
}

// messages reads a list when it is asked for, one message at a time.
func messages(list *tnet.Value, one func(*tnet.Value) (format.Message, error)) iter.Seq2[format.Message, error] {
	return func(yield func(format.Message, error) bool) {
		if list.IsNull() {
			return
		}
		for e, err := range list.Each() {
			var m format.Message
			if err == nil {
				m, err = one(e)
			}
			if !yield(m, err) || err != nil {
				return
			}
		}
	}
}

// whole are the messages before the first that is damaged.
func (r *reader) whole(all iter.Seq2[format.Message, error]) iter.Seq2[format.Message, error] {
	n := 0
	for _, err := range all {
		if err != nil {
			r.cut = fmt.Errorf("message %d: %w", n+1, err)
			break
		}
		n++
	}
	if r.cut == nil {
		return all
	}
	return func(yield func(format.Message, error) bool) {
		left := n
		for m, err := range all {
			if left == 0 || !yield(m, err) {
				return
			}
			left--
		}
	}
}

func webSocketMessage(e *tnet.Value) (m format.Message, err error) {
	parts, err := e.Items(8)
	if err == nil && len(parts) < 4 {
		err = errors.New("a message has a type, a sender, content and a time")
	}
	if err != nil {
		return m, err
	}
	r := reader{}
	kind, err := parts[0].Int()
	r.fail("type", err)
	m.Text = kind == 1
	r.common(&m, parts[1], parts[2], parts[3])
	if len(parts) > 4 {
		m.Dropped, err = parts[4].Bool()
		r.fail("dropped", err)
	}
	if len(parts) > 5 {
		m.Injected, err = parts[5].Bool()
		r.fail("injected", err)
	}
	return m, r.err
}

func tunnelMessage(e *tnet.Value) (m format.Message, err error) {
	parts, err := e.Items(4)
	if err == nil && len(parts) < 3 {
		err = errors.New("a message has a sender, content and a time")
	}
	if err != nil {
		return m, err
	}
	r := reader{}
	r.common(&m, parts[0], parts[1], parts[2])
	return m, r.err
}

func (r *reader) common(m *format.Message, from, content, at *tnet.Value) {
	var err error
	m.FromClient, err = from.Bool()
	r.fail("from_client", err)
	section, err := content.Section()
	r.fail("content", err)
	if err != nil {
		section = io.NewSectionReader(format.Octets(nil), 0, 0)
	}
	m.Content = section
	stamp, err := at.Float()
	r.fail("timestamp", err)
	m.Time = fromStamp(stamp)
}
