package pyhost

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"midstream/flow"
	"midstream/hook"
)

// octetsOf takes pieces off the octets of an answer.
type octetsOf struct {
	left []byte
	bad  bool
}

func (o *octetsOf) take(n int) []byte {
	if n == -1 { // there is none
		return nil
	}
	if n < 0 || n > len(o.left) {
		o.bad = true
		return nil
	}
	p := o.left[:n:n]
	o.left = o.left[n:]
	return p
}

// apply does to the exchange what the script has done to its flow.
func (f *picture) apply(r *ret, raw []byte, event string) error {
	x := f.x
	o := &octetsOf{left: raw}
	if h := r.Request; h != nil && x.Request != nil {
		if err := f.applyRequest(h, o); err != nil {
			return err
		}
	}
	if r.NoAnswer != 0 && x.Response != nil {
		if !x.Response.Made || event == "response" || event == "responseheaders" {
			return errors.New("flow.response cannot be taken away; flow.kill() ends the flow")
		}
		x.Response, f.message = nil, nil
	}
	var answer *hook.Response
	if h := r.Response; h != nil {
		var err error
		if answer, err = f.applyResponse(h, o, r.New != 0); err != nil {
			return err
		}
	}
	if r.ReqBody != nil && x.Request != nil {
		p := o.take(*r.ReqBody)
		if !o.bad {
			_ = x.Request.SetRaw(p) // a refusal is on the flow
		}
	}
	if r.RespBody != nil {
		p := o.take(*r.RespBody)
		switch {
		case o.bad:
		case answer != nil:
			fields := answer.Fields
			made := hook.MakeResponse(answer.Status, fields, p)
			if n := fields.Get("Content-Length"); n != "" && len(p) == 0 && (answer.Status == 304 || x.Request != nil && x.Request.Method == "HEAD") {
				made.Fields.Set("Content-Length", n) // it is that of what was not asked for
			}
			made.Version, made.Reason, made.Trailers = answer.Version, answer.Reason, answer.Trailers
			x.Response = made
			f.message, f.response = made, *made.Response.Clone()
		case x.Response != nil:
			_ = x.Response.SetRaw(p)
		}
	}
	f.applyWishes(r)
	if err := f.applyNotes(r, event); err != nil {
		return err
	}
	if err := f.applyMessage(r, o); err != nil {
		return err
	}
	if o.bad {
		return errFrame
	}
	if x.Request != nil {
		f.bodies[0] = stateOf(&x.Request.Body)
	}
	if x.Response != nil {
		f.bodies[1] = stateOf(&x.Response.Body)
	}
	if r.Kill != 0 {
		_ = x.Kill() // it may have ended by itself
	}
	return nil
}

func (f *picture) applyRequest(h *requestHead, o *octetsOf) error {
	r := f.x.Request
	fields, err := fieldsOf(o.take(h.fields), r.Fields)
	if err != nil {
		return err
	}
	trailers, err := fieldsOf(o.take(h.trailers), r.Trailers)
	if err != nil {
		return err
	}
	method, path, authority, scheme := octets(h.method), octets(h.path), octets(h.authority), strings.ToLower(h.scheme)
	switch {
	case method == "" || strings.ContainsAny(method, " \t\r\n\x00"):
		return fmt.Errorf("flow.request.method %q is no method", method)
	case strings.ContainsAny(path, " \t\r\n\x00"):
		return fmt.Errorf("flow.request.path %q has a space or a line end in it; write %%20", path)
	case strings.ContainsAny(authority, " \t\r\n\x00/"):
		return fmt.Errorf("flow.request.authority %q is none", authority)
	case h.host != r.Host && (h.host == "" && r.Form != flow.AuthorityForm || strings.ContainsAny(h.host, " \t\r\n\x00/?#@")):
		return fmt.Errorf("flow.request.host %q is no host", h.host)
	case h.port < 0 || h.port > 65535:
		return fmt.Errorf("flow.request.port %d is no port", h.port)
	case scheme != r.Scheme && scheme != "http" && scheme != "https":
		return fmt.Errorf("flow.request.scheme %q is neither http nor https", h.scheme)
	}
	r.Method, r.Path, r.Scheme, r.Host, r.Port = method, path, scheme, strings.Trim(h.host, "[]"), uint16(h.port)
	told := f.request.Authority
	if !toldAuthority(&f.request) {
		told = ""
	}
	if authority != told {
		r.Authority = authority
	}
	r.Fields, r.Trailers = fields, trailers
	if v, ok := versionOf(h.proto); ok {
		r.Version = v
	}
	f.request = *r.Request.Clone()
	return nil
}

// applyResponse changes the response, or returns the head of one that is to take
// its place.
func (f *picture) applyResponse(h *responseHead, o *octetsOf, other bool) (*hook.Response, error) {
	var old flow.Response
	if f.x.Response != nil {
		old = f.x.Response.Response
	}
	fields, err := fieldsOf(o.take(h.fields), old.Fields)
	if err != nil {
		return nil, err
	}
	trailers, err := fieldsOf(o.take(h.trailers), old.Trailers)
	if err != nil {
		return nil, err
	}
	reason := octets(h.reason)
	if h.status < 100 || h.status > 999 {
		return nil, fmt.Errorf("flow.response.status_code %d is no status", h.status)
	}
	if strings.ContainsAny(reason, "\r\n\x00") {
		return nil, fmt.Errorf("flow.response.reason %q has a line end in it", reason)
	}
	r := f.x.Response
	if other || r == nil {
		r = hook.NewResponse(flow.Response{Message: flow.Message{Version: flow.HTTP11}})
	}
	r.Status, r.Reason, r.Fields, r.Trailers = h.status, reason, fields, trailers
	if v, ok := versionOf(h.proto); ok {
		r.Version = v
	}
	if other || f.x.Response == nil {
		return r, nil
	}
	f.response = *r.Response.Clone()
	return nil, nil
}

func versionOf(s string) (flow.Version, bool) {
	for _, v := range []flow.Version{flow.HTTP10, flow.HTTP11, flow.HTTP2, flow.HTTP3} {
		if v.String() == s {
			return v, true
		}
	}
	return 0, false
}

// fieldsOf reads what appendFields writes. Lines that stand in old keep the octets
// that they came as.
func fieldsOf(p []byte, old flow.Fields) (flow.Fields, error) {
	if len(p) == 0 {
		return nil, nil
	}
	parts := strings.Split(string(p), "\n")
	if len(parts)%2 != 0 {
		return nil, errFrame
	}
	fields := make(flow.Fields, 0, len(parts)/2)
	at := 0
	for i := 0; i < len(parts); i += 2 {
		name, value := parts[i], parts[i+1]
		if name == "" || strings.ContainsAny(name, "\r\x00 \t:") || strings.ContainsAny(value, "\r\x00") {
			return nil, fmt.Errorf("the header field %q: %q would break the message: it has an empty name, or a line end, NUL or colon where there must be none", name, value)
		}
		f := flow.Field{Name: name, Value: flow.TrimSpace(value)}
		for j := at; j < len(old); j++ {
			if old[j].Name == name && old[j].Value == value {
				f, at = old[j], j+1
				break
			}
		}
		fields = append(fields, f)
	}
	return fields, nil
}

func (f *picture) applyWishes(r *ret) {
	for side, wish := range r.Streams {
		var b *hook.Body
		switch {
		case side == "q" && f.x.Request != nil:
			b = &f.x.Request.Body
		case side == "s" && f.x.Response != nil:
			b = &f.x.Response.Body
		default:
			continue
		}
		switch wish {
		case 1:
			b.Stream = hook.Stream{Wish: hook.DoNotWait}
		case 2:
			b.Stream = hook.Stream{Wish: hook.KeepAsIs}
		case 3:
			b.Stream = hook.Stream{Bulk: true, Transform: func() hook.Transform { return &chunks{f: f, side: side} }}
		}
	}
}

func (f *picture) applyNotes(r *ret, event string) error {
	x := f.x
	if r.Marker != nil {
		x.Marker, f.marker = *r.Marker, *r.Marker
	}
	if r.Comment != nil {
		x.Comment, f.comment = *r.Comment, *r.Comment
	}
	if r.Metadata != nil {
		meta := make(map[string]string, len(r.Metadata))
		for k, v := range r.Metadata {
			if s, ok := v.(string); ok {
				meta[k] = s
			} else if p, err := json.Marshal(v); err == nil {
				meta[k] = string(p)
			}
		}
		x.Metadata, f.meta = meta, meta
	}
	if len(r.Via) > 0 && x.Request != nil && (event == "request" || event == "requestheaders" || event == "http_connect") {
		via, err := viaOf(r.Via)
		if err != nil {
			return err
		}
		x.Request.Via = via
	}
	return nil
}

// viaOf reads [scheme, host, port], or null for none.
func viaOf(p json.RawMessage) (*flow.Via, error) {
	if string(p) == "null" {
		return nil, nil
	}
	v := &flow.Via{}
	if err := list(p, &v.Scheme, &v.Host, &v.Port); err != nil {
		return nil, fmt.Errorf("server_conn.via: %w", err)
	}
	if v.Scheme != "http" && v.Scheme != "https" {
		return nil, fmt.Errorf("server_conn.via: the scheme of a parent proxy is http or https, not %q", v.Scheme)
	}
	return v, nil
}

func (f *picture) applyMessage(r *ret, o *octetsOf) error {
	x := f.x
	switch {
	case r.Content == nil:
	case x.TCP != nil && x.TCP.Message != nil:
		x.TCP.Message.Content = o.take(*r.Content)
	case x.WebSocket != nil && x.WebSocket.Message != nil:
		if p := o.take(*r.Content); string(p) != string(x.WebSocket.Message.Content) {
			x.WebSocket.Message.Content = p
		}
	default:
		o.take(*r.Content)
	}
	if r.Drop != 0 && x.WebSocket != nil && x.WebSocket.Message != nil {
		x.WebSocket.Message.Drop()
	}
	for _, m := range r.Injected {
		p := o.take(m.size)
		to := inletOf(x)
		if to == nil || o.bad {
			continue
		}
		if err := to.Inject(hook.Injected{ToClient: m.toClient, Text: m.text, Content: p}); err != nil {
			return err
		}
	}
	return nil
}
