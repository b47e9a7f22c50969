package redaction

import (
	"encoding/json"
	"net/url"
	"strings"

	"midstream/flow"
	"midstream/internal/engine"
)

// Live is what may be seen of a flow that is held and may be changed, and the way
// back: what a person has left as it was shown becomes what it stands for. It
// belongs to one goroutine.
type Live struct {
	f    *Flow
	tags map[string]string // what they stand for
}

// Live begins with a flow as it is; seen is what may be seen of its heads.
func (r *Redactor) Live(f *flow.Flow) (l *Live, seen *flow.Flow) {
	l = &Live{f: r.Flow(), tags: make(map[string]string)}
	l.f.back = l.tags
	return l, l.f.Picture(f)
}

// Content is what may be seen of a body, decoded, that is sent with these fields.
func (l *Live) Content(side flow.Side, fields flow.Fields, p []byte) []byte {
	fields = fields.Clone()
	fields.Del("Content-Encoding")
	by := l.f.Body(engine.Content{Side: side, Fields: fields})
	if by == nil {
		return p
	}
	var out []byte
	keep := func(p []byte) { out = append(out, p...) }
	by.Write(p, keep)
	by.End(true, keep)
	if err := by.Err(); err != nil {
		return append(out, "[redacted: "+err.Error()+"]"...)
	}
	return out
}

// Message is what may be seen of a message.
func (l *Live) Message(p []byte) []byte { return l.f.Message(p) }

// Text is what may be seen of a text.
func (l *Live) Text(s string) string {
	if s == "" {
		return s
	}
	l.f.mu.Lock()
	defer l.f.mu.Unlock()
	return l.f.own.hide(l.f.hand("what is said of it").text(s))
}

// Spelling is how credentials are written at a place.
type Spelling uint8

// The spellings.
const (
	AsItIs  Spelling = iota
	InURL            // percent-encoded, also in forms
	InJSON           // in a string of JSON
	Guessed          // as the text looks
)

// Back puts what tags stand for in their place; those that the flow does not have
// stay.
func (l *Live) Back(s string, as Spelling) string {
	if !strings.Contains(s, tagBegin) {
		return s
	}
	if as == Guessed {
		if as = AsItIs; looksLikeJSON([]byte(s)) {
			as = InJSON
		}
	}
	for tag, secret := range l.tags {
		switch as {
		case InURL:
			secret = url.QueryEscape(secret)
		case InJSON:
			if text, err := json.Marshal(secret); err == nil {
				secret = string(text[1 : len(text)-1])
			}
		}
		s = strings.ReplaceAll(s, tag, secret)
	}
	return s
}

// Fields puts back what the fields shown stand for: one that was left as it was is
// the live one again.
func (l *Live) Fields(edited, live, shown flow.Fields) flow.Fields {
	out := make(flow.Fields, len(edited))
	for i, e := range edited {
		out[i] = e
		if !strings.Contains(e.Value, tagBegin) {
			continue
		}
		out[i].Value = l.Back(e.Value, AsItIs)
		for k := range min(len(live), len(shown)) {
			if shown[k].Name == e.Name && shown[k].Value == e.Value {
				out[i] = live[k]
				break
			}
		}
	}
	return out
}
