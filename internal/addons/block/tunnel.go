package block

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/rule"
)

// TCPStart implements hook.TCPStartHook: what a client asks for by CONNECT and then
// uses for something else than HTTP is no way around a rule. A tunnel is judged as
// the CONNECT that asks for its server, for filters mean nothing of hosts in a flow of
// TCP, and their negation everything. Rules that ask for bodies mean none: there are
// no bodies of HTTP in it.
func (a *Addon) TCPStart(_ context.Context, x *hook.Exchange) error {
	f := &flow.Flow{ID: x.ID, Number: x.Number, Kind: flow.HTTP, Client: x.Client, Server: x.Server, Request: connect(x.Server),
		Marker: x.Marker, Comment: x.Comment, Metadata: x.Metadata}
	r, ok := a.catches(f)
	if !ok {
		return nil
	}
	r.Hit()
	x.Find("blocked", fmt.Sprintf("rule %q closed the tunnel", r.Name))
	return x.Kill()
}

// catches tells whether a rule means f by its head, and which is the first.
func (a *Addon) catches(f *flow.Flow) (first *rule.Rule, ok bool) {
	a.rules.Each(f, func(_ int, r *rule.Rule) rule.Step {
		if r.Late() {
			return rule.Next
		}
		if ok, _ = r.Catches(f); !ok {
			return rule.Next
		}
		first = r
		return rule.Stop
	})
	return first, ok
}

// connect is the request that asks for a server.
func connect(server *flow.Conn) *flow.Request {
	r := &flow.Request{Message: flow.Message{Version: flow.HTTP11}, Method: "CONNECT", Form: flow.AuthorityForm}
	if server == nil {
		return r
	}
	r.Authority, r.Host = server.Address, server.Address
	if host, port, err := net.SplitHostPort(server.Address); err == nil {
		r.Host = host
		if n, err := strconv.ParseUint(port, 10, 16); err == nil {
			r.Port = uint16(n)
		}
	}
	return r
}
