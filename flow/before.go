package flow

// Before is what the messages of a flow were before hooks changed them: scripts,
// rules, addons, or a person. A part is nil where it was not changed, or where that
// is not known.
type Before struct {
	// By names the addons that changed something, in the order of their first change.
	By []string

	Request  *Request
	Response *Response
	// RequestBody and ResponseBody are there for bodies that were held, once the flow
	// has ended.
	RequestBody, ResponseBody *Original
}

// Original is a body before it was changed, its content coding as it came.
type Original struct {
	Size   int64
	Octets []byte // nil where it had more than MaxOriginal
	SHA256 []byte // of all of it; nil where that is not known
}

// MaxOriginal is how many octets of a body are kept as they were.
const MaxOriginal = 256 << 10

// Heads are those that the bodies of f came with before they were changed, nil where
// there is none.
func (b *Before) Heads(f *Flow) (request, response *Message) {
	if r := f.Request; r != nil {
		request = &r.Message
	}
	if b.Request != nil {
		request = &b.Request.Message
	}
	if r := f.Response; r != nil {
		response = &r.Message
	}
	if b.Response != nil {
		response = &b.Response.Message
	}
	return request, response
}

// Kept is how many octets of bodies b holds in memory; b may be nil.
func (b *Before) Kept() int {
	n := 0
	if b != nil {
		for _, o := range []*Original{b.RequestBody, b.ResponseBody} {
			if o != nil {
				n += len(o.Octets)
			}
		}
	}
	return n
}

// Light is f without the octets of bodies that were changed: for those who keep
// pictures and do not look at these.
func (f *Flow) Light() *Flow {
	if f.Before.Kept() == 0 {
		return f
	}
	c, b := *f, *f.Before
	for _, o := range []**Original{&b.RequestBody, &b.ResponseBody} {
		if *o != nil {
			*o = &Original{Size: (*o).Size, SHA256: (*o).SHA256}
		}
	}
	c.Before = &b
	return &c
}
