package upstream

// unopened is a connection with HTTP/2 that waits to be opened as the client
// opens its own: what that looks like is not known before it has.
type unopened struct {
	conn  *Conn
	place place
}

// wait keeps a connection until the client has opened its own; false where there
// is nothing to wait for.
func (p *Pool) wait(c *Conn, pl place) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	client := p.client
	if p.closed || client == nil || client.HTTP2 != nil || client.TLS == nil || client.TLS.ALPN != h2Name {
		return false
	}
	p.adopted = append(p.adopted, unopened{c, pl})
	return true
}

// begin opens the connections that have waited.
func (p *Pool) begin() {
	p.mu.Lock()
	list := p.adopted
	p.adopted = nil
	p.mu.Unlock()
	for _, u := range list {
		p.share(u.conn, u.place) // if not, the next request says why
	}
}
