// Package engine runs one exchange of any HTTP version: the order of the
// hooks, what happens to each body, how each message is framed on its way out,
// and how the exchange ends.
//
//	         requestheaders ► decide ► [hold ► request] ──► Upstream.Open ──► Call
//	Stream ─►                                                                  │
//	  ▲      ── upload: Body ► transform ► relay ──────────► Call.Body         │
//	  └───── relay ◄ transform ◄ [response ◄ hold] ◄ decide ◄ responseheaders ◄┘
//	              └─► Record, after the peer
//
// An exchange has at most two goroutines, the caller's (the response) and one
// for the upload; both have ended when Serve returns. Its hooks run one at a
// time. Framing, hop-by-hop fields and the decision are pure functions.
//
// The package has no sockets and knows no protocol: a protocol server hands in
// a Stream, Upstream opens a Call, a Recorder keeps what passed. An Engine may
// be used by any number of exchanges at once.
package engine
