package api

import (
	"encoding/base64"
	"net/http"
	"time"
	"unicode/utf8"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/addons/intercept"
	"midstream/internal/redaction"
)

// attach tells that a front end is there; the function returned, that it has left.
func (s *Server) attach() (leave func()) { return s.control.Attach() }

func (s *Server) interceptState() InterceptState {
	filter, _ := s.control.Options().OptionalString("intercept")
	st := InterceptState{Filter: filter, Active: s.control.Intercept().Active(), Held: s.control.Intercept().Len()}
	switch only, spent := s.control.Intercept().OnlyNext(); {
	case spent:
		st.Next = "caught"
	case only:
		st.Next = "waiting"
	}
	return st
}

// Held is a flow that waits.
type Held struct {
	Number   uint64     `json:"number"`
	ID       string     `json:"id"`
	Stage    string     `json:"stage"`
	Since    time.Time  `json:"since"`
	Deadline *time.Time `json:"deadline"`
	Method   string     `json:"method"`
	URL      string     `json:"url"`
	Status   int        `json:"status"`
	Message  *int64     `json:"message,omitempty"`
	Side     string     `json:"side,omitempty"`
}

func (s *Server) heldOf(h intercept.Held) Held {
	if r := s.control.Redactor(); r != nil {
		h.URL, h.Method = r.Text(h.URL), r.Text(h.Method)
	}
	out := Held{Number: h.Number, ID: h.ID.String(), Stage: string(h.Stage), Since: h.Since.UTC(), Method: h.Method, URL: h.URL, Status: h.Status}
	if at := h.Deadline.UTC(); !h.Deadline.IsZero() {
		out.Deadline = &at
	}
	if m := h.Message; m != nil {
		out.Message, out.Side = &m.Index, m.Side.String()
	}
	return out
}

// Queue is what is held.
type Queue struct {
	Filter   string   `json:"filter"`
	Active   bool     `json:"active"`
	Next     string   `json:"next"`
	Timeout  *float64 `json:"timeout_seconds"`
	Attached bool     `json:"attached"`
	Held     []Held   `json:"held"`
}

// getIntercept is GET /intercept.
func (s *Server) getIntercept(w http.ResponseWriter, r *http.Request) error {
	st := s.interceptState()
	q := Queue{Filter: st.Filter, Active: st.Active, Next: st.Next, Attached: s.control.Intercept().Attached(), Held: []Held{}}
	if t := s.control.Options().Duration("intercept_timeout").Seconds(); t > 0 {
		q.Timeout = &t
	}
	for _, h := range s.control.Intercept().List() {
		q.Held = append(q.Held, s.heldOf(h))
	}
	writeJSON(w, http.StatusOK, q)
	return nil
}

// putNext is PUT /intercept/next.
func (s *Server) putNext(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Only *bool `json:"only"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if in.Only == nil {
		return badRequest("say only: true or false")
	}
	s.control.Intercept().Next(*in.Only)
	s.tellState(w, r)
	return nil
}

// Head is the head of a request or a response, as it can be changed: what is nil
// stays.
type Head struct {
	Method   *string      `json:"method,omitempty"`
	URL      *string      `json:"url,omitempty"`
	Status   *int         `json:"status,omitempty"`
	Reason   *string      `json:"reason,omitempty"`
	Fields   *[][2]string `json:"fields,omitempty"`
	Trailers *[][2]string `json:"trailers,omitempty"`
}

// Content is octets: text, or base64 where they are none.
type Content struct {
	Text   *string `json:"text,omitempty"`
	Base64 *string `json:"base64,omitempty"`
}

func contentOf(p []byte) Content {
	if s := string(p); utf8.ValidString(s) {
		return Content{Text: &s}
	}
	s := base64.StdEncoding.EncodeToString(p)
	return Content{Base64: &s}
}

// octets reads it; nil where neither is there.
func (c *Content) octets() ([]byte, error) {
	switch {
	case c.Text != nil && c.Base64 != nil:
		return nil, badRequest("text and base64 exclude each other")
	case c.Text != nil:
		return []byte(*c.Text), nil
	case c.Base64 != nil:
		p, err := base64.StdEncoding.DecodeString(*c.Base64)
		if err != nil {
			return nil, badRequest("base64: %v", err)
		}
		return append([]byte{}, p...), nil
	}
	return nil, nil
}

// HeldMessage is a message that is held.
type HeldMessage struct {
	Kind    string  `json:"kind,omitempty"`
	Event   *string `json:"event,omitempty"`
	ID      *string `json:"id,omitempty"`
	Retry   *string `json:"retry,omitempty"`
	Comment *string `json:"comment,omitempty"`
	Content
}

// HeldBody tells about the body that is held.
type HeldBody struct {
	Size     int64  `json:"size"`
	Editable bool   `json:"editable"`
	Reason   string `json:"reason,omitempty"`
}

// HeldDetail is what a flow is held at, with what can be changed.
type HeldDetail struct {
	Held     Held         `json:"held"`
	Request  *Head        `json:"request"`
	Response *Head        `json:"response"`
	Body     HeldBody     `json:"body"`
	Message  *HeldMessage `json:"message"`
}

func pairs(fields flow.Fields) *[][2]string {
	list := make([][2]string, 0, len(fields))
	for _, f := range fields {
		list = append(list, [2]string{f.Name, f.Value})
	}
	return &list
}

// getHeld is GET /intercept/{id}.
func (s *Server) getHeld(w http.ResponseWriter, r *http.Request) error {
	n, err := s.flowNumber(r)
	if err != nil {
		return err
	}
	var out HeldDetail
	for _, h := range s.control.Intercept().List() {
		if h.Number == n {
			out.Held = s.heldOf(h)
		}
	}
	err = s.control.Intercept().Do(r.Context(), n, func(p *intercept.Parked) error {
		out.describe(p, s.control.Redactor())
		return nil
	})
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

func (d *HeldDetail) describe(p *intercept.Parked, r *redaction.Redactor) {
	live, f := seenOf(p, r)
	if f.Request != nil {
		url := f.Request.DisplayURL()
		d.Request = &Head{Method: new(f.Request.Method), URL: &url, Fields: pairs(f.Request.Fields), Trailers: pairs(f.Request.Trailers)}
		if f.Response != nil {
			d.Response = &Head{Status: new(f.Response.Status), Reason: new(f.Response.Reason), Fields: pairs(f.Response.Fields), Trailers: pairs(f.Response.Trailers)}
		}
	}
	d.Body = HeldBody{Reason: "the body passes when it is let go: --stream, or its messages are held one by one"}
	if p.Body != nil {
		d.Body = HeldBody{Size: max(p.Body.Len(), 0), Editable: true}
	}
	if m := p.Message; m != nil {
		content, text := m.Content(), func(s string) string { return s }
		if live != nil {
			content, text = live.Message(content), live.Text
		}
		d.Message = &HeldMessage{Kind: m.Kind, Content: contentOf(content)}
		d.Body.Reason = "a message is held, and not the body"
		if e := m.Event(); e != nil {
			d.Message.Event, d.Message.ID, d.Message.Retry, d.Message.Comment = new(text(e.Event)), new(text(e.ID)), new(text(e.Retry)), new(text(e.Comment))
		}
	}
}

// getHeldBody is GET /intercept/{id}/body.
func (s *Server) getHeldBody(w http.ResponseWriter, r *http.Request) error {
	n, err := s.flowNumber(r)
	if err != nil {
		return err
	}
	var content []byte
	err = s.control.Intercept().Do(r.Context(), n, func(p *intercept.Parked) error {
		if p.Body == nil {
			return conflict("the body of flow %d is not held: it passes when the flow goes on", n)
		}
		var err error
		if content, err = p.Body.Content(); err != nil {
			return conflict("read the body: %v", err)
		}
		content = seenBody(p, s.control.Redactor(), content)
		return nil
	})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", "attachment")
	w.Header().Set("Content-Security-Policy", sandbox)
	_, _ = w.Write(content) // the client has left
	return nil
}

// Edit is what is to be changed of a held flow; what is nil stays.
type Edit struct {
	Request  *Head        `json:"request"`
	Response *Head        `json:"response"`
	Body     *Content     `json:"body"`
	Message  *HeldMessage `json:"message"`
	// Until has the messages pass that come before the one of this index.
	Until *int64 `json:"until"`
}

// postContinue is POST /intercept/{id}/continue.
func (s *Server) postContinue(w http.ResponseWriter, r *http.Request) error {
	var in Edit
	if err := readJSON(w, r, &in); err != nil && r.ContentLength != 0 {
		return err
	}
	return s.let(w, r, func(p *intercept.Parked) error {
		in.back(p, s.control.Redactor())
		if err := in.apply(p); err != nil {
			return err
		}
		if in.Until != nil {
			p.Until(*in.Until)
		}
		p.Go()
		return nil
	})
}

// let does something to a held flow.
func (s *Server) let(w http.ResponseWriter, r *http.Request, do func(*intercept.Parked) error) error {
	n, err := s.flowNumber(r)
	if err != nil {
		return err
	}
	if err := s.control.Intercept().Do(r.Context(), n, do); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// postDrop is POST /intercept/{id}/drop.
func (s *Server) postDrop(w http.ResponseWriter, r *http.Request) error {
	return s.let(w, r, (*intercept.Parked).Drop)
}

// postTouch is POST /intercept/{id}/touch.
func (s *Server) postTouch(w http.ResponseWriter, r *http.Request) error {
	n, err := s.flowNumber(r)
	if err != nil {
		return err
	}
	if err := s.control.Intercept().Touch(n); err != nil {
		return err
	}
	out := struct {
		Deadline *time.Time `json:"deadline"`
	}{}
	if t := s.control.Options().Duration("intercept_timeout"); t > 0 {
		out.Deadline = new(time.Now().Add(t).UTC())
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

// Answer is a response in the place of the server's.
type Answer struct {
	Status int         `json:"status"`
	Fields [][2]string `json:"fields"`
	Body   Content     `json:"body"`
}

// postAnswer is POST /intercept/{id}/answer.
func (s *Server) postAnswer(w http.ResponseWriter, r *http.Request) error {
	var in Answer
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if in.Status < 200 || in.Status > 599 {
		return badRequest("status %d: an answer has one from 200 to 599", in.Status)
	}
	fields, err := fieldsOf(in.Fields)
	if err != nil {
		return err
	}
	body, err := in.Body.octets()
	if err != nil {
		return err
	}
	return s.let(w, r, func(p *intercept.Parked) error {
		if p.Message != nil {
			return conflict("a message is held: the response has begun, and cannot be another one any more")
		}
		p.Exchange.Response = hook.MakeResponse(in.Status, fields, body)
		p.Go()
		return nil
	})
}

// postResume is POST /flows/resume.
func (s *Server) postResume(w http.ResponseWriter, r *http.Request) error {
	numbers, err := s.which(w, r)
	if err != nil {
		return err
	}
	held := make(map[uint64]bool)
	for _, h := range s.control.Intercept().List() {
		held[h.Number] = true
	}
	var some []uint64
	for _, n := range numbers {
		if held[n] {
			some = append(some, n)
		}
	}
	d := each(r.Context(), some, func(n uint64) error {
		return s.control.Intercept().Do(r.Context(), n, func(p *intercept.Parked) error {
			p.Go()
			return nil
		})
	})
	writeJSON(w, http.StatusOK, d)
	return nil
}
