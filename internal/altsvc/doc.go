// Package altsvc reads and changes what servers say of alternative services in the
// field Alt-Svc (RFC 7838): by it a client learns that the same origin is to be had at
// another address, or in HTTP/3.
//
//	Alt-Svc: h3=":443"; ma=1, h2="b.test:443"
//	         └─ Alternative ┘ └─ Alternative ┘ ──change──► Alt-Svc: h2=":8080"
//
// Which alternatives are changed, and what for, is for its callers to say. Its functions
// may be called at once.
package altsvc
