package pyhost

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"strconv"
	"strings"
	"sync"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/format/mitm"
)

// picture is what one process was told of a flow. But for late it belongs to the
// hook that runs.
type picture struct {
	p     *process
	x     *hook.Exchange
	id    string
	known bool

	client, server *flow.Conn
	request        flow.Request
	response       flow.Response
	message        *hook.Response // whose picture response is
	bodies         [2]bodyState
	marker         string
	comment        string
	meta           map[string]string
	failed         bool

	mu      sync.Mutex // guards the rest
	late    []func(*hook.Exchange)
	inlet   inlet           // once there is one
	waiting []hook.Injected // to be sent, in this order
	sending bool            // somebody sends them
}

// bodyState is what was told of a body.
type bodyState struct {
	told    bool
	access  hook.Access
	length  int64
	changed bool
}

// maxLate bounds the changes that wait for a hook.
const maxLate = 1000

// change keeps a change that comes while no hook runs.
func (f *picture) change(set func(*hook.Exchange)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.late) < maxLate {
		f.late = append(f.late, set)
	}
}

func (f *picture) applyLate() {
	f.mu.Lock()
	late := f.late
	f.late = nil
	f.mu.Unlock()
	for _, set := range late {
		set(f.x)
	}
}

// describe appends to the head of an event what the script does not know of the
// flow yet, and to raw the octets that belong to it.
func (f *picture) describe(head, raw []byte) ([]byte, []byte) {
	x := f.x
	head = append(head, `,"f":"`...)
	head = append(head, f.id...)
	head = append(head, '"')
	if !f.known {
		f.known = true
		if x.TCP != nil {
			head = append(head, `,"tcp":1`...)
		}
	}
	if x.Client != f.client && x.Client != nil {
		f.client = x.Client
		f.p.shown.note(x.Client)
		head = appendConn(append(head, `,"cl":`...), x.Client, "")
	}
	server := x.Server
	if server == nil {
		server = x.Expected
	}
	if server != nil && server != f.server {
		f.server = server
		f.p.shown.note(server)
		head = appendConn(append(head, `,"sv":`...), server, "")
	}
	if x.TCP == nil {
		head, raw = f.describeRequest(head, raw)
		head, raw = f.describeResponse(head, raw)
	}
	if x.Marker != f.marker {
		f.marker = x.Marker
		head = appendText(append(head, `,"m":`...), x.Marker)
	}
	if x.Comment != f.comment {
		f.comment = x.Comment
		head = appendText(append(head, `,"co":`...), x.Comment)
	}
	if changed := changedMeta(f.meta, x.Metadata); changed != nil {
		f.meta = make(map[string]string, len(x.Metadata))
		for k, v := range x.Metadata {
			f.meta[k] = v
		}
		if p, err := json.Marshal(changed); err == nil {
			head = append(append(head, `,"md":`...), p...)
		}
	}
	if x.Err != nil && !f.failed {
		f.failed = true
		head = appendText(append(head, `,"er":`...), strings.ToValidUTF8(x.Err.Error(), "\uFFFD"))
	}
	return head, raw
}

func changedMeta(old, now map[string]string) map[string]string {
	var changed map[string]string
	for k, v := range now {
		if was, ok := old[k]; !ok || was != v {
			if changed == nil {
				changed = make(map[string]string)
			}
			changed[k] = v
		}
	}
	return changed
}

func (f *picture) describeRequest(head, raw []byte) ([]byte, []byte) {
	r := f.x.Request
	if r == nil {
		return head, raw
	}
	if f.bodies[0].told && sameRequest(&f.request, &r.Request) {
		return f.describeBody(head, 0, &r.Body), raw
	}
	fresh := f.request.Method == "" && f.request.Fields == nil
	f.request = *r.Request.Clone()
	head = appendOctets(append(head, `,"q":[`...), r.Method)
	head = appendText(append(head, ','), r.Scheme)
	head = appendText(append(head, ','), r.Host)
	head = strconv.AppendUint(append(head, ','), uint64(r.Port), 10)
	authority := r.Authority
	if !toldAuthority(&r.Request) {
		authority = ""
	}
	head = appendOctets(append(head, ','), authority)
	head = appendOctets(append(head, ','), r.Path)
	head, raw = appendRest(head, raw, &r.Message)
	head = append(head, ']')
	if fresh && r.Stream.Wish == hook.DoNotWait {
		head = append(head, `,"st":{"q":true}`...)
	}
	return f.describeBody(head, 0, &r.Body), raw
}

// toldAuthority tells whether a script sees the authority of a request: of HTTP/1 only
// that of CONNECT is not what Host and address say, too.
func toldAuthority(r *flow.Request) bool {
	return r.Form == flow.AuthorityForm || r.Version >= flow.HTTP2
}

func (f *picture) describeResponse(head, raw []byte) ([]byte, []byte) {
	r := f.x.Response
	if r == nil {
		if f.message != nil {
			f.message = nil
			head = append(head, `,"s0":1`...)
		}
		return head, raw
	}
	if f.message == r && sameResponse(&f.response, &r.Response) {
		return f.describeBody(head, 1, &r.Body), raw
	}
	fresh := f.message != r
	f.message, f.response = r, *r.Response.Clone()
	head = strconv.AppendInt(append(head, `,"s":[`...), int64(r.Status), 10)
	head = appendOctets(append(head, ','), r.Reason)
	head, raw = appendRest(head, raw, &r.Message)
	head = append(head, ']')
	if fresh {
		head = append(head, `,"sn":1`...)
		f.bodies[1] = bodyState{}
		if r.Stream.Wish == hook.DoNotWait {
			head = append(head, `,"st":{"s":true}`...)
		}
	}
	return f.describeBody(head, 1, &r.Body), raw
}

// appendRest appends version, times, and the sizes of fields and trailers, which
// go to raw.
func appendRest(head, raw []byte, m *flow.Message) ([]byte, []byte) {
	head = appendText(append(head, ','), m.Version.String())
	head = appendTime(append(head, ','), m.Start)
	head = appendTime(append(head, ','), m.End)
	before := len(raw)
	raw = appendFields(raw, m.Fields)
	head = strconv.AppendInt(append(head, ','), int64(len(raw)-before), 10)
	if len(m.Trailers) == 0 {
		return append(head, `,-1`...), raw
	}
	before = len(raw)
	raw = appendFields(raw, m.Trailers)
	return strconv.AppendInt(append(head, ','), int64(len(raw)-before), 10), raw
}

// appendFields writes names and values with line feeds between: neither can have
// one in it (RFC 9110 section 5.5); where one has, it becomes a space.
func appendFields(raw []byte, fields flow.Fields) []byte {
	for i, f := range fields {
		if i > 0 {
			raw = append(raw, '\n')
		}
		from := len(raw)
		raw = append(raw, f.Name...)
		blank(raw[from:])
		raw = append(raw, '\n')
		from = len(raw)
		raw = append(raw, f.Value...)
		blank(raw[from:])
	}
	return raw
}

func blank(p []byte) {
	for i := bytes.IndexByte(p, '\n'); i >= 0; i = bytes.IndexByte(p, '\n') {
		p[i] = ' '
	}
}

// Codes of what a script is told of a body.
const (
	bodyMissing = '0'
	bodySame    = '1'
	bodyOther   = '2'
)

func (f *picture) describeBody(head []byte, side int, b *hook.Body) []byte {
	now := stateOf(b)
	was := f.bodies[side]
	if now == was {
		return head
	}
	f.bodies[side] = now
	code := byte(bodyOther)
	switch {
	case now.access == hook.NotYet || now.access == hook.Missing:
		code = bodyMissing
	case was.told && was.length == now.length && was.changed == now.changed:
		code = bodySame
	}
	head = append(append(head, `,"`+sides[side]+`b":`...), code)
	if code == bodyOther {
		head = strconv.AppendInt(append(head, `,"`+sides[side]+`l":`...), now.length, 10)
	}
	return head
}

func stateOf(b *hook.Body) bodyState {
	return bodyState{told: true, access: b.Access(), length: b.Len(), changed: b.Changed()}
}

var sides = [2]string{"q", "s"}

func sameRequest(a, b *flow.Request) bool {
	return a.Method == b.Method && a.Scheme == b.Scheme && a.Host == b.Host && a.Port == b.Port &&
		a.Authority == b.Authority && a.Path == b.Path && sameMessage(&a.Message, &b.Message)
}

func sameResponse(a, b *flow.Response) bool {
	return a.Status == b.Status && a.Reason == b.Reason && sameMessage(&a.Message, &b.Message)
}

func sameMessage(a, b *flow.Message) bool {
	return a.Version == b.Version && a.Fields.Equal(b.Fields) && a.Trailers.Equal(b.Trailers) && a.End.Equal(b.End) && a.Start.Equal(b.Start)
}

// appendConn appends a connection. address is where a dial is about to go.
func appendConn(head []byte, c *flow.Conn, address string) []byte {
	m := map[string]any{"id": c.ID.String()}
	for name, s := range map[string]string{"peername": c.Peer, "sockname": c.Local} {
		if host, port, ok := split(s); ok {
			m[name] = []any{host, port}
		}
	}
	if address == "" {
		address = c.Address
	}
	if host, port, ok := split(address); ok {
		m["address"] = []any{host, port}
	}
	if v, err := flow.ParseVia(c.Via); c.Via != "" && err == nil {
		m["via"] = []any{v.Scheme, []any{v.Host, v.Port}}
	}
	if c.Mode != "" {
		m["mode"] = c.Mode
	}
	for name, t := range map[string]json.RawMessage{
		"timestamp_start": appendTime(nil, c.Start), "timestamp_tcp_setup": appendTime(nil, c.Connected),
		"timestamp_tls_setup": appendTime(nil, c.Secured), "timestamp_end": appendTime(nil, c.End),
	} {
		m[name] = t
	}
	m["tls"] = c.TLS != nil
	if c.Start.IsZero() && c.Connected.IsZero() {
		m["planned"] = true // nobody has dialled it
	}
	if t := c.TLS; t != nil {
		if t.Version != 0 {
			m["tls_version"], m["cipher"] = mitm.TLSVersion(t.Version), tls.CipherSuiteName(t.Cipher)
		}
		if t.SNI != "" {
			m["sni"] = t.SNI
		}
		m["alpn"], m["certs"] = t.ALPN, len(t.Certificates) > 0
		if len(t.Offered) > 0 {
			m["offers"] = t.Offered
		}
		if c.Secured.IsZero() && t.Version != 0 {
			m["timestamp_tls_setup"] = json.RawMessage(appendTime(nil, c.Start))
		}
	}
	p, err := json.Marshal(m)
	if err != nil {
		return append(head, `null`...)
	}
	return append(head, p...)
}

func split(address string) (host string, port int, ok bool) {
	host, p, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, false
	}
	port, err = strconv.Atoi(p)
	return host, port, err == nil
}

// content reads a body of the flow for the script.
func (f *picture) content(ctx context.Context, side string) ([]byte, bool, error) {
	var b *hook.Body
	switch {
	case side == "q" && f.x.Request != nil:
		b = &f.x.Request.Body
	case side == "s" && f.x.Response != nil:
		b = &f.x.Response.Body
	default:
		return nil, false, nil
	}
	if b.Access() == hook.NotYet || b.Access() == hook.Missing {
		return nil, false, nil
	}
	p, err := b.Raw()
	return p, err == nil, err
}
