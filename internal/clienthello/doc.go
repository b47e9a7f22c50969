// Package clienthello has the first message of a TLS client: what it says, the
// names by which lists know it, and connections to servers that begin with one
// like it.
//
//	first octets of a client ──Parse──► Hello ──JA3, JA4──► what it is known by
//	                                      │
//	                                    Client
//	                                      ▼
//	connection to a server ◄── a ClientHello of the same suites, extensions and order
//
// The certificate of the server is verified as crypto/tls does; whoever dials
// decides when a hello is repeated, and what to do when the server does not
// agree with one that promises more than can be kept.
//
// A Hello is immutable and may be used from several goroutines at once.
package clienthello
