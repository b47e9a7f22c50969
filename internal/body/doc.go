// Package body moves bodies: the loop that blocks when the receiver does, held
// bodies, and transforms on the way.
//
//	wire ─Reader─► [decode ► transform ► encode] ─► Relay ─► Sink ─ wire
//	                                                  └─► tap (recorder, after the client)
//	Hold:  Reader ─► Spool (memory, then a file) ─► hooks ─► Sink
//
// It knows bytes, pieces and ends; it knows no HTTP version, no hook order and
// no policy: which way a body takes is decided by package engine.
package body
