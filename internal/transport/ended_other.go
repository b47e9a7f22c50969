//go:build !linux

package transport

// Ended is for systems that tell how the peer's half of the connection stands;
// this one does not.
func (c *Conn) Ended() (reset, ended bool, unread int) { return false, false, 0 }
