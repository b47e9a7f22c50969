package upstream

import (
	"strings"

	"midstream/flow"
	"midstream/internal/engine"
)

// site is a server as requests name it.
type site struct {
	tls  bool
	host string // folded to lower case
	port uint16
}

func siteOf(req *flow.Request) site {
	return site{secured(req.Scheme), strings.ToLower(req.Host), req.Port}
}

// secured tells whether requests of a scheme go over TLS.
func secured(scheme string) bool { return scheme == "https" || scheme == "wss" }

var _ engine.Versioned = (*Pool)(nil)

// Version implements engine.Versioned: HTTP/1.0 for a server whose last response
// was of that version, so that it is sent no chunked body (RFC 9112 section 6.1);
// HTTP/2 where a connection speaks that; 0 for all others.
func (p *Pool) Version(req *flow.Request) flow.Version {
	switch {
	case req.Protocol != "":
		return flow.HTTP2 // openSwitching makes of it what the server takes
	case upgradesToWebSocket(req):
		return 0
	}
	pl := p.placeOf(req)
	if p.sharesWith(pl) || p.dialer.isAlone(pl.port()) || p.prior(pl) {
		return flow.HTTP2
	}
	if _, old := p.dialer.old.get(siteOf(req)); old {
		return flow.HTTP10
	}
	return 0
}

// learn notes the version of a response head from s.
func (d *Dialer) learn(s site, v flow.Version) {
	if v == flow.HTTP10 {
		d.old.put(s, struct{}{})
		return
	}
	d.old.forget(s)
}
