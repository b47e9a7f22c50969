package redaction

import (
	"slices"
	"strings"
	"sync"

	"midstream/flow"
	"midstream/internal/engine"
)

// The codes of findings: of the one that says what was replaced on a flow, and of
// the one that says that a body was coded anew.
const (
	Finding = "redacted"
	Recoded = "redaction-recoded"
)

// Flow is the redaction of one flow; it is an engine.Redaction. Its methods may be
// called at once.
type Flow struct {
	r *Redactor

	mu     sync.Mutex // guards the rest
	own    memory     // credentials of this flow
	places []string   // where some were replaced, in the order of their appearance
	body   [2]bool    // it was looked into: its record may have another length
	coded  [2]bool    // it was decoded for that, and coded anew

	// back takes what tags stand for; nil for a flow that nobody changes.
	back map[string]string

	// The heads that were shown last, and what was made of them: most pictures share
	// them with the one before.
	request, seenRequest   *flow.Request
	response, seenResponse *flow.Response
}

var (
	_ engine.Redaction = (*Flow)(nil)
	_ engine.Redactor  = (*Redactor)(nil)
)

// Begin begins the redaction of a flow.
func (r *Redactor) Begin() engine.Redaction { return r.Flow() }

// Flow is Begin with its own type.
func (r *Redactor) Flow() *Flow { return &Flow{r: r} }

// mostPlaces bounds the places that are told of.
const mostPlaces = 16

// found notes that a credential was replaced.
func (f *Flow) found(place, secret, tag string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.foundIn(place, secret, tag)
}

func (f *Flow) foundIn(place, secret, tag string) {
	f.own.add(secret, tag)
	if f.back != nil {
		f.back[tag] = secret
	}
	f.place(place)
}

// place notes where a credential was replaced. mu is held.
func (f *Flow) place(place string) {
	if len(f.places) < mostPlaces && !slices.Contains(f.places, place) {
		f.places = append(f.places, place)
	}
}

// hand is for texts of the flow at a place. mu is held.
func (f *Flow) hand(place string) *hand {
	return &hand{r: f.r, hit: func(secret, tag string) { f.foundIn(place, secret, tag) }}
}

// Picture returns f as it may be seen.
func (f *Flow) Picture(p *flow.Flow) *flow.Flow {
	c := *p
	c.Before = f.before(p)
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.Request != nil && p.Request != f.request {
		f.request, f.seenRequest = p.Request, f.requestHead(p.Request)
	}
	if p.Response != nil && p.Response != f.response {
		f.response, f.seenResponse = p.Response, f.responseHead(p.Response, "the response head")
	}
	if p.Request != nil {
		c.Request = f.seenRequest
	}
	if p.Response != nil {
		c.Response = f.seenResponse
	}
	if len(p.Interim) > 0 {
		c.Interim = make([]flow.Response, len(p.Interim))
		for i := range p.Interim {
			c.Interim[i] = *f.responseHead(&p.Interim[i], "an interim response")
		}
	}
	f.texts(&c)
	if !c.Live() {
		f.lengths(&c)
	}
	c.Findings = f.findings(&c)
	return &c
}

// Interim returns an interim response as it may be seen.
func (f *Flow) Interim(head *flow.Response) *flow.Response {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.responseHead(head, "an interim response")
}

// requestHead is a request head as it may be seen.
func (f *Flow) requestHead(r *flow.Request) *flow.Request {
	h := f.hand("the request head")
	c := *r
	c.Fields, c.Trailers = h.fields(r.Fields), h.fields(r.Trailers)
	c.Path = h.address(r.Path)
	c.Authority = h.authority(r.Authority)
	c.Method, c.Host, c.Protocol = h.patterns(r.Method), h.patterns(r.Host), h.patterns(r.Protocol)
	f.known(&c.Message)
	c.Path = f.own.hide(c.Path)
	if c.Wire != h.text(c.Wire) || c.Path != r.Path || c.Authority != r.Authority || c.Method != r.Method {
		c.Wire = ""
	}
	if v := r.Via; v != nil && v.User+v.Password != "" {
		h.remember(v.Password)
		via := *v
		via.User, via.Password = "", ""
		c.Via = &via
	}
	return &c
}

// authority replaces user and password in the authority of a target.
func (h *hand) authority(s string) string {
	if at := strings.LastIndexByte(s, '@'); at > 0 {
		s = h.user(s[:at]) + s[at:]
	}
	return h.patterns(s)
}

// responseHead is a response head as it may be seen.
func (f *Flow) responseHead(r *flow.Response, place string) *flow.Response {
	h := f.hand(place)
	c := *r
	c.Fields, c.Trailers = h.fields(r.Fields), h.fields(r.Trailers)
	c.Reason = f.own.hide(h.text(r.Reason))
	f.known(&c.Message)
	if c.Reason != r.Reason {
		c.Wire = ""
	}
	return &c
}

// known replaces credentials of this flow where they stand in other fields, too.
func (f *Flow) known(m *flow.Message) {
	for _, fields := range [...]flow.Fields{m.Fields, m.Trailers} {
		for i := range fields {
			if v := f.own.hide(fields[i].Value); v != fields[i].Value {
				fields[i].Value, fields[i].Wire = v, ""
			}
		}
	}
}

// fields are those of a head, as they may be seen; always a copy.
func (h *hand) fields(fields flow.Fields) flow.Fields {
	c := fields.Clone()
	for i := range c {
		g := &c[i]
		if v := h.value(g.Name, g.Value); v != g.Value {
			g.Value, g.Wire = v, ""
		} else if g.Wire != "" && g.Wire != g.Line() {
			g.Wire = "" // it says something else, and is printed nowhere
		}
		if n := h.patterns(g.Name); n != g.Name {
			g.Name, g.Wire = n, ""
		}
	}
	return c
}

// value is the value of a field as it may be seen.
func (h *hand) value(name, value string) string {
	if value == "" {
		return ""
	}
	if h.r.rules.field(name) {
		h.parts(name, value)
		return string(h.replace([]byte(value)))
	}
	if flow.EqualFold(name, "Sec-WebSocket-Protocol") {
		value = h.protocols(value)
	}
	return h.address(value)
}

// parts remembers what a credential is made of: it may stand elsewhere alone.
func (h *hand) parts(name, value string) {
	switch name = strings.ToLower(name); {
	case name == "cookie" || name == "set-cookie":
		for pair := range strings.SplitSeq(value, ";") {
			if _, v, ok := strings.Cut(pair, "="); ok && (name == "cookie" || len(v) > 0) {
				h.remember(strings.Trim(flow.TrimSpace(v), `"`))
			}
			if name == "set-cookie" {
				return // attributes follow
			}
		}
	default:
		scheme, rest, ok := strings.Cut(value, " ")
		if ok && slices.Contains(schemes[:], strings.ToLower(scheme)) {
			h.remember(flow.TrimSpace(rest))
		}
	}
}

// protocols replaces keys that browsers must send as the name of a protocol of
// WebSocket, behind a word and a point.
func (h *hand) protocols(value string) string {
	items := strings.Split(value, ",")
	for i, item := range items {
		low := strings.ToLower(item)
		for _, word := range [...]string{"api-key.", "api_key.", "apikey.", "access_token.", "token.", "authorization.k8s.io.", "bearer.", "jwt."} {
			if k := strings.LastIndex(low, word); k >= 0 && k+len(word) < len(item) {
				at := k + len(word)
				items[i] = item[:at] + string(h.replace([]byte(item[at:])))
				break
			}
		}
	}
	return strings.Join(items, ",")
}

// looked notes that a body is looked into, coded that it is decoded for that.
func (f *Flow) looked(side flow.Side, coded bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.body[side], f.coded[side] = true, coded
}

// Message is a message of a WebSocket as it may be seen.
func (f *Flow) Message(p []byte) []byte {
	h := hand{r: f.r, own: &f.own, hit: func(secret, tag string) { f.found("messages", secret, tag) }}
	return h.content(p, socketText)
}

// learn remembers what the heads of the flow have.
func (f *Flow) learn(request *flow.Request, response *flow.Response) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if request != nil {
		f.requestHead(request)
	}
	if response != nil {
		f.responseHead(response, "the response head")
	}
}
