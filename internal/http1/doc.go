// Package http1 is midstream's own HTTP/1 codec (RFC 9112), both directions:
// octets of a connection on one side, heads and bodies on the other.
//
//	            ┌─ head ─► ParseRequestHead ─► *flow.Request, findings
//	Conn ► source                                    └─► RequestFraming ─► reader (chunk decoder)
//	            └─ body octets ───────────────────────────────────────────────┘
//	Conn ◄ AppendResponseHead ◄─ *flow.Response          Conn ◄ sink (chunk encoder) ◄─ pieces
//
//	Server: Next ► Stream ► Next ► Stream ...   one client connection, requests in order
//	Client: Open ► Call ► Close ► Open ...      one server connection, one call at a time
//
// Parsing and printing are pure functions. A head that nobody changed leaves as
// it came, byte for byte: names, case, order, white space, target. What is
// repaired is noted as a flow.Finding; what could be read in two ways is refused.
//
// It knows nothing of hooks, dispositions or policy: which fields go on, how a
// body is framed and when to give up is the caller's decision. It dials nothing
// and pools nothing.
//
// A Server and a Client belong to one goroutine at a time. Of a Stream and a
// Call, the request's side and the response's side may each be used by a
// goroutine of its own, and Abort and Cancel by any.
package http1
