package proxy

// Manner is how connections of clients are treated. It may change while the proxy
// runs: what it says counts for what is decided afterwards.
type Manner struct {
	// Hosts says what is not intercepted.
	Hosts Hosts
	// ShowIgnored records as raw tunnels what Hosts ignores.
	ShowIgnored bool
	// Strategy says when servers are connected to.
	Strategy Strategy
	// PlainLeaf leaves the names of the server's certificate out of leaves
	// (option upstream_cert=false).
	PlainLeaf bool
	// KeepHost leaves the Host of requests in reverse mode (option
	// keep_host_header), and the client's server name.
	KeepHost bool
	// Block refuses clients by their address.
	Block Block
}

// SetManner changes how connections are treated from now on. It may be called at any
// time.
func (p *Proxy) SetManner(m Manner) { p.way.Store(&m) }

// manner is how connections are treated now.
func (p *Proxy) manner() *Manner { return p.way.Load() }

// dialsFirst tells whether a tunnel to host is dialled before anything is asked in
// it.
func (p *Proxy) dialsFirst(host string) bool {
	page := &p.now().Onboard
	return p.manner().Strategy == Eager && (page.Answers == nil || !page.Answers(host))
}
