package api

import (
	"maps"
	"strconv"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/coding"
	"midstream/internal/format"
)

// Keys of metadata of a flow that is a copy of another.
const (
	// CopyOf has the ID of the flow that it was made of.
	CopyOf = "copy_of"
	// EditedParts names what is not as it is there, as "request, request body".
	EditedParts = "edited"
)

// Draft says how a copy of a recorded flow is to be other than it; what is nil
// stays.
type Draft struct {
	Request      *Head    `json:"request,omitempty"`
	RequestBody  *Content `json:"request_body,omitempty"`
	Response     *Head    `json:"response,omitempty"`
	ResponseBody *Content `json:"response_body,omitempty"`
}

// copyOf is an Item that can be changed without changing it: a flow of its own,
// with the same bodies.
func copyOf(it *format.Item) *format.Item {
	f := *it.Flow
	f.ID, f.Number = flow.NewID(), 0
	f.Request, f.Response = f.Request.Clone(), f.Response.Clone()
	f.Metadata = maps.Clone(f.Metadata)
	if f.Metadata == nil {
		f.Metadata = make(map[string]string)
	}
	delete(f.Metadata, EditedParts)
	f.Metadata[CopyOf] = it.Flow.ID.String()
	c := *it
	c.Flow = &f
	return &c
}

// apply changes a copy, and says what of it.
func (d *Draft) apply(it *format.Item) (parts []string, err error) {
	f := it.Flow
	if f.Kind != flow.HTTP || f.Request == nil {
		return nil, conflict("only requests of HTTP can be changed")
	}
	if it.Messages != nil && (d.RequestBody != nil || d.ResponseBody != nil) {
		return nil, conflict("the connection was upgraded: what passed on it are messages, and no bodies")
	}
	if (d.Response != nil || d.ResponseBody != nil) && f.Response == nil {
		return nil, conflict("the flow has no response")
	}
	if d.Request != nil {
		live := hook.NewRequest(*f.Request)
		if err := d.Request.ofRequest(live); err != nil {
			return nil, err
		}
		f.Request, parts = &live.Request, append(parts, "request")
	}
	if d.RequestBody != nil {
		if err := d.RequestBody.replace(&f.Request.Message, &f.RequestBody, &it.Bodies[flow.ToServer]); err != nil {
			return nil, err
		}
		parts = append(parts, "request body")
	}
	if d.Response != nil {
		live := hook.NewResponse(*f.Response)
		if err := d.Response.ofResponse(live); err != nil {
			return nil, err
		}
		f.Response, parts = &live.Response, append(parts, "response")
	}
	if d.ResponseBody != nil {
		if err := d.ResponseBody.replace(&f.Response.Message, &f.ResponseBody, &it.Bodies[flow.ToClient]); err != nil {
			return nil, err
		}
		parts = append(parts, "response body")
	}
	return parts, nil
}

// replace puts a body in the place of another, encoded as the head says; a coding
// that is not known goes. The length in the head follows.
func (c *Content) replace(m *flow.Message, facts *flow.Body, at *format.Body) error {
	p, err := c.octets()
	if err != nil {
		return err
	}
	if name := m.Fields.Joined("Content-Encoding"); name != "" {
		enc, err := coding.Encode(name, p)
		if err != nil {
			m.Fields.Del("Content-Encoding")
		} else {
			p = enc
		}
	}
	switch {
	case m.Fields.Has("Transfer-Encoding"):
	case len(p) > 0 || m.Fields.Has("Content-Length"):
		m.Fields.Set("Content-Length", strconv.Itoa(len(p)))
	}
	*facts = flow.Body{Reason: "a person has written it"}
	format.Kept(facts, int64(len(p)))
	*at = format.Octets(p)
	return nil
}
