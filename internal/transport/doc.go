// Package transport has what the sockets of both sides have in common: reading
// ahead below TLS, writing several TLS records in one system call, knowing
// whether a read would wait, and ending visibly broken.
//
//	http1 ──Read/Write──► Conn ──► crypto/tls ──► wire ──► net.Conn
//	                       │                       │
//	                     Ready                 read-ahead, cork
//
// It knows neither HTTP nor who dialled. A Conn is used by one reader and one
// writer at a time; Close, Reset and SetDeadline may be called from anywhere.
package transport
