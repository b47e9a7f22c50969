package mitm

import (
	"encoding/json"
	"fmt"
	"time"

	"midstream/flow"
	"midstream/internal/format"
	"midstream/internal/format/tnet"
)

// ownKey is the key of a flow's metadata under which stands, as JSON, what
// midstream saw and the format has no key for.
const ownKey = "midstream"

// own is that.
type own struct {
	Outcome  flow.Outcome
	Request  flow.Body
	Response flow.Body
	Findings []flow.Finding  `json:",omitempty"`
	Tries    []flow.Try      `json:",omitempty"`
	Interim  []flow.Response `json:",omitempty"`
	// NoClient and NoServer tell that nothing was connected on that side: the
	// format must have something there.
	NoClient bool `json:",omitempty"`
	NoServer bool `json:",omitempty"`

	End            time.Time
	Client, Server ownConn
	Asked          ownHead
	Answered       ownHead
	RPC            *flow.RPC `json:",omitempty"`
}

// ownConn is what a connection's state has no key for.
type ownConn struct {
	Connected time.Time
	HTTP2     *flow.Opening `json:",omitempty"`
	Resumed   bool          `json:",omitempty"`
	JA3       string        `json:",omitempty"`
	JA4       string        `json:",omitempty"`
	Mode      string        `json:",omitempty"`
	Via       string        `json:",omitempty"`
}

// ownHead is what the state of a head has no key for.
type ownHead struct {
	Wire     string         `json:",omitempty"`
	Form     flow.Form      `json:",omitempty"`
	Protocol string         `json:",omitempty"`
	Pseudos  string         `json:",omitempty"`
	Priority *flow.Priority `json:",omitempty"`
}

func ownConnOf(c *flow.Conn) (o ownConn) {
	if c == nil {
		return o
	}
	o = ownConn{Connected: c.Connected, HTTP2: c.HTTP2, Mode: c.Mode, Via: c.Via}
	if c.TLS != nil {
		o.Resumed, o.JA3, o.JA4 = c.TLS.Resumed, c.TLS.JA3, c.TLS.JA4
	}
	return o
}

func (o *ownConn) restore(c *flow.Conn) {
	if c == nil {
		return
	}
	if !o.Connected.IsZero() {
		c.Connected = o.Connected
	}
	if o.Mode != "" {
		c.Mode = o.Mode
	}
	c.HTTP2, c.Via = o.HTTP2, o.Via
	if c.TLS != nil {
		c.TLS.Resumed, c.TLS.JA3, c.TLS.JA4 = o.Resumed, o.JA3, o.JA4
	}
}

func ownOf(f *flow.Flow) own {
	o := own{Outcome: f.Outcome, Request: f.RequestBody, Response: f.ResponseBody, Findings: f.Findings, Tries: f.Tries, Interim: f.Interim,
		NoClient: f.Client == nil, NoServer: f.Server == nil,
		End: f.End, Client: ownConnOf(f.Client), Server: ownConnOf(f.Server), RPC: f.RPC}
	if r := f.Request; r != nil {
		o.Asked = ownHead{Wire: r.Wire, Form: r.Form, Protocol: r.Protocol, Pseudos: r.Pseudos, Priority: r.Priority}
	}
	if r := f.Response; r != nil {
		o.Answered = ownHead{Wire: r.Wire}
	}
	return o
}

// rounding is by how much a time may differ that was written as a number of
// seconds and read again.
const rounding = time.Microsecond

// settle takes times from theirs that differ by rounding alone.
func (o *own) settle(theirs *own) {
	for _, p := range [][2]*time.Time{{&o.End, &theirs.End}, {&o.Client.Connected, &theirs.Client.Connected}, {&o.Server.Connected, &theirs.Server.Connected}} {
		if p[0].Sub(*p[1]).Abs() <= rounding {
			*p[0] = *p[1]
		}
	}
}

// ownState is what stands under ownKey for a flow whose state is v: nothing where
// a reader would make the same flow of v alone.
func ownState(v *tnet.Value, it *format.Item) (string, error) {
	bare, err := item(v)
	if err != nil {
		return "", err
	}
	o, other := ownOf(it.Flow), ownOf(bare.Flow)
	mine, err := json.Marshal(o)
	if err != nil {
		return "", fmt.Errorf("write what midstream saw: %w", err)
	}
	other.settle(&o)
	if theirs, err := json.Marshal(other); err != nil || string(theirs) == string(mine) {
		return "", err
	}
	return string(mine), nil
}

// restoreOwn takes what midstream saw out of the metadata.
func restoreOwn(f *flow.Flow) {
	text, ok := f.Metadata[ownKey]
	if !ok {
		return
	}
	var o own
	if json.Unmarshal([]byte(text), &o) != nil || o.Outcome.Kind == flow.Running || o.Outcome.Kind > flow.Interrupt ||
		o.Request.Sent != f.RequestBody.Sent && f.RequestBody.Sent > 0 || o.Response.Sent != f.ResponseBody.Sent && f.ResponseBody.Sent > 0 {
		return // somebody else wrote it, or changed the flow since
	}
	if delete(f.Metadata, ownKey); len(f.Metadata) == 0 {
		f.Metadata = nil
	}
	f.Outcome, f.Findings, f.Tries, f.Interim = o.Outcome, o.Findings, o.Tries, o.Interim
	f.RequestBody, f.ResponseBody = o.Request, o.Response
	if !o.End.IsZero() {
		f.End = o.End
	}
	o.Client.restore(f.Client)
	o.Server.restore(f.Server)
	if f.RPC == nil {
		f.RPC = o.RPC
	}
	if r := f.Request; r != nil {
		r.Wire, r.Form, r.Protocol, r.Pseudos, r.Priority = o.Asked.Wire, o.Asked.Form, o.Asked.Protocol, o.Asked.Pseudos, o.Asked.Priority
	}
	if r := f.Response; r != nil {
		r.Wire = o.Answered.Wire
	}
	if o.NoClient {
		f.Client = nil
	}
	if o.NoServer {
		f.Server = nil
	}
}
