package http1

// duplex is a connection that carries something else than HTTP from now on. It
// gives the octets first that had been read ahead. It implements body.Duplex.
type duplex struct {
	Conn
	src *source
}

// Read reads what was read ahead, then from the connection.
func (d *duplex) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	return d.src.read(p, len(p))
}

// Ready tells that a Read would return at once.
func (d *duplex) Ready() bool { return d.src.ready() }

// Buffered takes the octets out that had been read ahead. After it, whoever owns
// the connection below may use that directly.
func (d *duplex) Buffered() []byte {
	b := append([]byte(nil), d.src.buffered()...)
	d.src.consume(len(b))
	d.src.shed()
	return b
}
