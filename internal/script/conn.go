package script

import (
	"crypto/tls"
	"errors"
	"net"
	"strconv"

	"github.com/dop251/goja"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/format/mitm"
)

// maxConns bounds the connections whose objects an engine remembers.
const maxConns = 20_000

// connection is flow.client_conn or flow.server_conn.
type connection struct {
	c       *flow.Conn
	refused string
	dial    *dial // while server_connect runs
	// plan is the flow whose connection this will be; nil once there is one.
	plan *flowState
}

// dial is the argument of the server events.
type dial struct {
	d       *hook.Dial
	conn    *connection
	address string // as a script changed it
	via     *flow.Via
}

// conn returns the object of c, the same for all flows of the connection.
func (e *engine) conn(c *flow.Conn) goja.Value {
	if c == nil {
		return goja.Null()
	}
	if o, ok := e.conns[c]; ok {
		return o
	}
	if len(e.conns) >= maxConns {
		clear(e.conns)
	}
	o := connClass.wrap(e, e.ready.conn, &connection{c: c})
	e.conns[c] = o
	return o
}

func (e *engine) connOf(c *flow.Conn) *connection {
	cn, _ := unwrap[*connection](e.conn(c))
	return cn
}

// forgetConn lets go of c's objects.
func (v *version) forgetConn(c *flow.Conn) {
	if c == nil {
		return
	}
	for _, e := range v.engines {
		e.post(func() { delete(e.conns, c) })
	}
}

func (e *engine) dial(d *hook.Dial) goja.Value {
	_, v := e.dialling(d)
	return v
}

func (e *engine) dialling(d *hook.Dial) (*dial, goja.Value) {
	data := &dial{d: d, address: d.Address, via: d.Via}
	o := e.vm.NewObject()
	o.Set("client", e.conn(d.Client))
	var server goja.Value
	if d.Server != nil {
		server = e.conn(d.Server)
		data.conn, _ = unwrap[*connection](server)
	} else {
		data.conn = &connection{c: &flow.Conn{Address: d.Address}}
		server = connClass.wrap(e, e.ready.conn, data.conn)
	}
	data.conn.dial = data
	if d.Err != nil {
		data.conn.refused = d.Err.Error()
	}
	o.Set("server", server)
	return data, o
}

// apply hands over what server_connect changed.
func (d *dial) apply(name string) {
	d.conn.dial = nil
	d.d.Address, d.d.Via = d.address, d.via
	if d.conn.refused != "" && d.d.Err == nil {
		d.d.Err = errors.New("script " + name + ": " + d.conn.refused)
	}
}

// hostPort shows an address as [host, port], null for none.
func (e *engine) hostPort(s string) goja.Value {
	h, p, err := net.SplitHostPort(s)
	if err != nil {
		return goja.Null()
	}
	n, _ := strconv.Atoi(p)
	return e.vm.NewArray(h, n)
}

func textOrNull(e *engine, s string) goja.Value {
	if s == "" {
		return goja.Null()
	}
	return e.wireText(s)
}

func ofTLS(get func(e *engine, t *flow.TLS) goja.Value) attr[*connection] {
	return attr[*connection]{get: func(e *engine, cn *connection) goja.Value {
		if cn.c.TLS == nil {
			return goja.Null()
		}
		return get(e, cn.c.TLS)
	}}
}

var connClass = &class[*connection]{
	name:  "connection",
	text:  func(cn *connection) string { return "<Connection " + cn.c.Peer + ">" },
	order: []string{"id", "peername", "sockname", "address", "tls", "tls_version", "cipher", "sni", "alpn", "timestamp_start", "timestamp_end"},
	attrs: map[string]attr[*connection]{
		"id":       {get: func(e *engine, cn *connection) goja.Value { return e.vm.ToValue(cn.c.ID.String()) }},
		"peername": {get: func(e *engine, cn *connection) goja.Value { return e.hostPort(cn.c.Peer) }},
		"sockname": {get: func(e *engine, cn *connection) goja.Value { return e.hostPort(cn.c.Local) }},
		"address": {
			get: func(e *engine, cn *connection) goja.Value {
				switch {
				case cn.plan != nil:
					r := cn.plan.x.Request
					return e.vm.NewArray(r.Host, int64(r.Port))
				case cn.dial != nil:
					return e.hostPort(cn.dial.address)
				case cn.c.Address != "":
					return e.hostPort(cn.c.Address)
				}
				return e.hostPort(cn.c.Peer)
			},
			set: func(e *engine, cn *connection, v goja.Value) {
				if cn.dial == nil {
					panic(e.failure(errors.New("RuntimeError: the address of a connection can only be changed in server_connect")))
				}
				pair, ok := v.(*goja.Object)
				if !ok {
					panic(e.typeError("address takes [host, port]"))
				}
				host := e.mustLine(pair.Get("0"), "a host")
				port := e.mustInt(pair.Get("1"), "a port", 1, 65535)
				cn.dial.address = net.JoinHostPort(host, strconv.FormatInt(port, 10))
			},
		},
		"via": {get: getVia, set: setVia},
		"error": {
			get: func(e *engine, cn *connection) goja.Value { return textOrNull(e, cn.refused) },
			set: func(e *engine, cn *connection, v goja.Value) {
				cn.refused = ""
				if !isNull(v) {
					cn.refused = v.String()
				}
			},
		},
		"tls":                 {get: func(e *engine, cn *connection) goja.Value { return e.vm.ToValue(cn.c.TLS != nil) }},
		"tls_established":     {get: func(e *engine, cn *connection) goja.Value { return e.vm.ToValue(cn.c.TLS != nil) }},
		"tls_version":         ofTLS(func(e *engine, t *flow.TLS) goja.Value { return e.vm.ToValue(mitm.TLSVersion(t.Version)) }),
		"cipher":              ofTLS(func(e *engine, t *flow.TLS) goja.Value { return e.vm.ToValue(tls.CipherSuiteName(t.Cipher)) }),
		"sni":                 ofTLS(func(e *engine, t *flow.TLS) goja.Value { return textOrNull(e, t.SNI) }),
		"alpn":                ofTLS(func(e *engine, t *flow.TLS) goja.Value { return textOrNull(e, t.ALPN) }),
		"alpn_offers":         ofTLS(func(e *engine, t *flow.TLS) goja.Value { return e.textList(t.Offered) }),
		"proxy_mode":          {get: func(e *engine, cn *connection) goja.Value { return textOrNull(e, cn.c.Mode) }},
		"connected":           {get: func(e *engine, cn *connection) goja.Value { return e.vm.ToValue(cn.c.End.IsZero()) }},
		"timestamp_start":     {get: func(e *engine, cn *connection) goja.Value { return e.seconds(cn.c.Start) }},
		"timestamp_end":       {get: func(e *engine, cn *connection) goja.Value { return e.seconds(cn.c.End) }},
		"timestamp_tcp_setup": {get: func(e *engine, cn *connection) goja.Value { return e.seconds(cn.c.Connected) }},
		"timestamp_tls_setup": {get: func(e *engine, cn *connection) goja.Value { return e.seconds(cn.c.Secured) }},
	},
}
