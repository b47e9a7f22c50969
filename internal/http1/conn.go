package http1

import (
	"crypto/tls"
	"net"
)

// Conn is a connection as the codec needs it. One goroutine reads and one
// writes at a time; Close, Reset and the deadlines may come from anywhere.
type Conn interface {
	net.Conn
	// Ready tells that a Read would return at once. False is always allowed.
	Ready() bool
	// Cork allows to keep what is written until Uncork sends it.
	Cork()
	Uncork() error
	// CloseWrite ends the writing direction: close_notify with TLS, then FIN.
	CloseWrite() error
	// Reset closes so that the peer sees a failure: TCP reset, no close_notify.
	Reset() error
}

// secured is what a Conn may have to tell that its writes become TLS records.
type secured interface {
	TLS() *tls.ConnectionState
}

// unnotified is what a Conn may have to tell that its peer ended the
// connection without the close_notify that TLS asks for.
type unnotified interface {
	Unnotified() bool
}

func isSecured(c Conn) bool {
	s, ok := c.(secured)
	return ok && s.TLS() != nil
}

func endedUnnotified(c Conn) bool {
	u, ok := c.(unnotified)
	return ok && u.Unnotified()
}

// remote is the peer's address for error texts.
func remote(c Conn) string {
	if a := c.RemoteAddr(); a != nil {
		return a.String()
	}
	return "unknown address"
}
