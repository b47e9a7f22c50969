// Package proxy is where clients come in: listeners and modes, CONNECT, looking
// at the first octets, and TLS to both sides.
//
//	listener ► client ─ first octets ─┬─ TLS to the proxy itself ──┐
//	                                  └─ HTTP ◄────────────────────┘
//	       HTTP/1 or 2 ─┬─ request ─────────────► engine.Serve ► upstream.Pool
//	                    └─ CONNECT ► 200, dial beside it ► tunnel
//	  tunnel ─┬─ ignored: passed on undecrypted, octet for octet
//	          ├─ server speaks first, or neither TLS nor HTTP ► engine.Tunnel
//	          ├─ HTTP ────────────────────────────► HTTP loop, scheme http
//	          └─ ClientHello ► server's handshake ► leaf ► client's handshake
//	                           └► HTTP loop, scheme https, or engine.Tunnel
//
// It decides who talks to whom over what. What an exchange is and does it leaves
// to package engine, octets of HTTP to package http1, dialling to package
// upstream, certificates to package ca.
//
// Every client connection has one goroutine here, one more while both ends of a
// tunnel are watched for the first octet, and none once it is closed. A Proxy's
// methods may be called at once.
package proxy
