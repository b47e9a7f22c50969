package proxy

// terms are what clients are served by from one change of the Config to the next.
type terms struct {
	Config
	tls    serverTLS
	spoken []string // see spokenBy
}

func newTerms(cfg Config) *terms {
	return &terms{Config: cfg, tls: newServerTLS(&cfg), spoken: spokenBy(&cfg)}
}

// Reconfigure serves clients from now on by Onboard, CA, Auth, Parents, TLS, HTTP,
// HTTP2, PingInterval and Upstream of cfg, of Upstream what upstream.Dialer.Change
// takes; the rest stays as New was given it. Connections that are there stay as they
// are, and so does what their next handshakes and requests do not ask again: the
// parents, the codec and what it takes to be let in by SOCKS. It may be called at any
// time.
func (p *Proxy) Reconfigure(cfg Config) {
	next := p.now().Config
	next.Onboard, next.CA, next.Auth, next.Parents = cfg.Onboard, cfg.CA, cfg.Auth, cfg.Parents
	next.TLS, next.HTTP, next.HTTP2, next.PingInterval = cfg.TLS, cfg.HTTP, cfg.HTTP2, cfg.PingInterval
	if next.TLS.HandshakeTimeout <= 0 {
		next.TLS.HandshakeTimeout = p.cfg.TLS.HandshakeTimeout
	}
	p.terms.Store(newTerms(next))
	up := cfg.Upstream
	up.HTTP2, up.PingInterval = cfg.HTTP2, cfg.PingInterval
	p.dialer.Change(up)
}

// now are the terms of now.
func (p *Proxy) now() *terms { return p.terms.Load() }
