package query

import (
	"context"
	"errors"
	"fmt"
	"io"

	"midstream/flow"
	"midstream/internal/coding"
	"midstream/internal/message"
	"midstream/internal/ws"
)

// Bodies gives what was recorded of bodies.
type Bodies interface {
	// Open opens what is recorded of one side of f, content coding left. The
	// caller must close it. Where nothing is recorded it returns nil.
	Open(ctx context.Context, f *flow.Flow, side flow.Side) (io.ReadCloser, error)
}

// sides are the directions that an operator asks for.
func (a *Atom) sides() []flow.Side {
	switch a.Op {
	case RequestBody:
		return []flow.Side{flow.ToServer}
	case URL: // of DNS
		return []flow.Side{flow.ToServer}
	case ResponseBody:
		return []flow.Side{flow.ToClient}
	}
	return []flow.Side{flow.ToServer, flow.ToClient}
}

// bodyByHead answers a search of bodies where there are none: a message
// without body has empty content.
func (m *matcher) bodyByHead(a *Atom) Truth {
	t := No
	for _, side := range a.sides() {
		t = max(t, m.sideByHead(a, side))
	}
	return t
}

func (m *matcher) sideByHead(a *Atom, side flow.Side) Truth {
	f, b := m.f, m.body(side)
	if f.Kind == flow.HTTP && (side == flow.ToServer && f.Request == nil || side == flow.ToClient && f.Response == nil) {
		return No
	}
	switch {
	case f.Kind != flow.HTTP || IsWebSocket(f):
		if b.Sent == 0 && b.Recorded == 0 && !f.Live() {
			return No // there are no messages
		}
	case b.Disposition == flow.NoBody, b.Ended && b.Sent == 0 && b.Received == 0 && b.Disposition != flow.Pass:
		return TruthOf(a.Matches(""))
	}
	if b.Record == flow.Unrecorded && !f.Live() {
		return No // content is missing
	}
	return Unknown
}

func (m *matcher) body(side flow.Side) *flow.Body {
	if side == flow.ToServer {
		return &m.f.RequestBody
	}
	return &m.f.ResponseBody
}

func (m *matcher) message(side flow.Side) *flow.Message {
	switch {
	case side == flow.ToServer && m.f.Request != nil:
		return &m.f.Request.Message
	case side == flow.ToClient && m.f.Response != nil:
		return &m.f.Response.Message
	}
	return nil
}

// messages tells whether the response carries messages.
func (m *matcher) messages() bool {
	if m.f.Response == nil {
		return false
	}
	k, _ := message.Of(m.f.Response.Fields.Joined("Content-Type"))
	return IsWebSocket(m.f) || k != message.None
}

// search looks into bodies.
func (m *matcher) search(a *Atom) (found bool, err error) {
	var failed error
	for _, side := range a.sides() {
		if a.Op == Event && side == flow.ToServer && !IsWebSocket(m.f) {
			continue
		}
		if a.Op != Event && a.Op != URL {
			if t := m.sideByHead(a, side); t == Yes {
				return true, nil
			} else if t == No {
				continue
			}
		}
		found, err := m.searchSide(a, side)
		if found {
			return true, nil
		}
		failed = errors.Join(failed, err)
	}
	return false, failed
}

func (m *matcher) searchSide(a *Atom, side flow.Side) (bool, error) {
	if m.f.Kind == flow.DNS {
		return m.searchDNS(a, side)
	}
	src, err := m.bodies.Open(m.ctx, m.f, side)
	if err != nil {
		return false, fmt.Errorf("search the %s body of flow %d: %w", side, m.f.Number, err)
	}
	if src == nil {
		return false, nil
	}
	defer src.Close()
	var found bool
	r := stoppable{m.ctx, src}
	switch {
	case IsWebSocket(m.f):
		found, err = m.searchFrames(a, side, r)
	case m.f.Kind != flow.HTTP:
		found, err = a.octets.Search(r)
	default:
		found, err = m.searchContent(a, side, r)
	}
	if err != nil && !found {
		err = fmt.Errorf("search the %s body of flow %d: %w", side, m.f.Number, err)
	}
	return found, err
}

// stoppable ends with its context.
type stoppable struct {
	ctx context.Context
	r   io.Reader
}

func (s stoppable) Read(p []byte) (int, error) {
	if err := context.Cause(s.ctx); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}

// searchContent removes the content coding. Content that cannot be decoded is
// searched as it was sent.
func (m *matcher) searchContent(a *Atom, side flow.Side, r io.Reader) (bool, error) {
	coded := ""
	if msg := m.message(side); msg != nil {
		coded = msg.Fields.Joined("Content-Encoding")
	}
	if coding.Identity(coded) {
		return m.searchText(a, r)
	}
	d, err := coding.NewDecoder(coded, r)
	if err == nil {
		var found bool
		found, err = m.searchText(a, d)
		d.Close()
		if found || err == nil {
			return found, nil
		}
		if err := context.Cause(m.ctx); err != nil {
			return false, err
		}
	}
	again, err := m.bodies.Open(m.ctx, m.f, side)
	if err != nil || again == nil {
		return false, err
	}
	defer again.Close()
	return m.searchText(a, stoppable{m.ctx, again})
}

// searchText searches content, for ~event message by message.
func (m *matcher) searchText(a *Atom, r io.Reader) (bool, error) {
	if a.Op != Event {
		return a.octets.Search(r)
	}
	kind, boundary := message.Of(m.f.Response.Fields.Joined("Content-Type"))
	if kind == message.GRPCWebText {
		r = message.Base64(r)
	}
	split := message.New(kind, boundary, 0)
	buf := make([]byte, 16<<10)
	var parts []byte // of a message that comes in several, up to a bound
	for {
		n, err := r.Read(buf)
		split.Write(buf[:n])
		if err != nil {
			split.End()
		}
		for p, ok := split.Next(); ok; p, ok = split.Next() {
			if p.What == message.Gap || p.What == message.Lost {
				continue
			}
			raw := p.Raw
			if p.Part != message.Whole {
				if p.Part.Begins() {
					parts = parts[:0]
				}
				parts = append(parts, raw[:min(len(raw), message.DefaultLimit-len(parts))]...)
				raw = parts
			}
			if p.Part.Ends() && a.octets.Match(raw) {
				return true, nil
			}
		}
		if err == io.EOF {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// searchFrames searches the messages of one direction of a WebSocket
// connection, of one above 1 MiB its start.
func (m *matcher) searchFrames(a *Atom, side flow.Side, r io.Reader) (bool, error) {
	deflate, server, _ := ws.Agreed(m.f.Response.Fields.Joined("Sec-WebSocket-Extensions"))
	if side == flow.ToClient {
		deflate = server
	}
	s := ws.NewSplitter(deflate, message.DefaultLimit)
	defer s.Close()
	buf := make([]byte, 16<<10)
	for {
		n, err := r.Read(buf)
		s.Write(buf[:n])
		if err != nil {
			s.End()
		}
		for msg, ok := s.Next(); ok; msg, ok = s.Next() {
			if !msg.Opcode.Control() && a.octets.Match(msg.Payload) {
				return true, nil
			}
		}
		if err == io.EOF || s.Err() != nil {
			return false, nil // what is no WebSocket has no messages
		}
		if err != nil {
			return false, err
		}
	}
}
