package view

import "midstream/flow"

// InputOf is what the heads of a flow say of the body of a side; the body itself
// is for the caller to add.
func InputOf(f *flow.Flow, side flow.Side) Input {
	in := Input{Side: side, Flow: f.ID}
	if f.Request != nil {
		in.Authority, in.Path, in.Request = f.Request.Authority, f.Request.Path, f.Request.Fields
		if in.Authority == "" {
			in.Authority = f.Request.Host
		}
	}
	switch {
	case side == flow.ToServer:
		in.Fields = in.Request
	case f.Response != nil:
		in.Fields = f.Response.Fields
	}
	return in
}
