package upstream

import (
	"context"
	"net"
	"strconv"
	"strings"
	"time"

	"midstream/flow"
	"midstream/hook"
)

// connectFields lets hooks change the fields of a CONNECT to a parent proxy. What they
// break is left out: a name or a value that would end the line.
func connectFields(ctx context.Context, hooks *hook.Set, dial *hook.Dial, fields flow.Fields) flow.Fields {
	head := flow.Request{Method: "CONNECT", Form: flow.AuthorityForm, Authority: dial.Address}
	host, port, _ := net.SplitHostPort(dial.Address)
	n, _ := strconv.ParseUint(port, 10, 16)
	head.Host, head.Port = host, uint16(n)
	head.Version, head.Fields, head.Start = flow.HTTP11, fields, time.Now()
	head.End = head.Start
	client := dial.Client
	if client == nil {
		client = &flow.Conn{}
	}
	x, control := hook.NewExchange(head, client, hooks, nil)
	x.Server = dial.Server
	defer hooks.Finished(x)
	defer control.Finish()
	if hooks.HTTPConnectUpstream(ctx, x) != nil {
		return fields
	}
	var sent flow.Fields
	for _, f := range x.Request.Fields {
		if f.Name != "" && !strings.ContainsAny(f.Name, "\r\n\x00: ") && !strings.ContainsAny(f.Value, "\r\n\x00") {
			sent.Add(f.Name, f.Value)
		}
	}
	return sent
}
