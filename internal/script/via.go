package script

import (
	"errors"

	"github.com/dop251/goja"

	"midstream/flow"
)

// beforeDial tells whether the way of a request can still be chosen in an event.
func (id eventID) beforeDial() bool {
	return id == httpConnect || id == requestHeaders || id == request
}

// planned is server_conn before there is one: where it will lead, and through what.
func (f *flowState) planned() goja.Value {
	if f.plan == nil {
		f.plan = connClass.wrap(f.e, f.e.ready.conn, &connection{c: &flow.Conn{ID: flow.NewID()}, plan: f})
	}
	return f.plan
}

// getVia shows a parent proxy as [scheme, [host, port]], null for none; credentials
// are not shown.
func getVia(e *engine, cn *connection) goja.Value {
	var v *flow.Via
	switch {
	case cn.plan != nil:
		v = cn.plan.x.Request.Via
	case cn.dial != nil:
		v = cn.dial.via
	case cn.c.Via != "":
		v, _ = flow.ParseVia(cn.c.Via)
	}
	if v == nil {
		return goja.Null()
	}
	return e.vm.NewArray(v.Scheme, e.vm.NewArray(v.Host, int64(v.Port)))
}

// setVia takes a URL, [scheme, [host, port]], or null for none.
func setVia(e *engine, cn *connection, value goja.Value) {
	if (cn.plan == nil || cn.plan.live == 0 || !cn.plan.event.beforeDial()) && cn.dial == nil {
		panic(e.failure(errors.New("RuntimeError: via can only be changed in http_connect, requestheaders, request and server_connect")))
	}
	via := e.via(value)
	if cn.dial != nil {
		cn.dial.via = via
		return
	}
	cn.plan.x.Request.Via = via
}

func (e *engine) via(value goja.Value) *flow.Via {
	if isNull(value) {
		return nil
	}
	if pair, ok := value.(*goja.Object); ok {
		scheme := e.mustLine(pair.Get("0"), "a scheme")
		at, ok := pair.Get("1").(*goja.Object)
		if !ok {
			panic(e.typeError("via takes a URL, [scheme, [host, port]], or null"))
		}
		v := &flow.Via{Scheme: "http", Host: e.mustLine(at.Get("0"), "a host"), Port: uint16(e.mustInt(at.Get("1"), "a port", 1, 65535))}
		if v.Scheme = scheme; scheme != "http" && scheme != "https" {
			panic(e.typeError("the scheme of via is http or https"))
		}
		return v
	}
	v, err := flow.ParseVia(e.mustLine(value, "via"))
	if err != nil {
		panic(e.failure(errors.New("ValueError: " + err.Error())))
	}
	return v
}
