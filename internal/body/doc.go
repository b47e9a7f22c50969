// Package body moves bodies: the loop that blocks when the receiver does, held
// bodies, and transforms on the way.
//
//	wire ─Reader─► Decoded ► Transformed ► Encoded ─► Relay ─► Sink ─ wire
//	                                                    └─► Tap (recorder, after the receiver)
//	Hold:  Reader ─► Spool (memory, then a file) ─► hooks ─► Replay ─► Relay
//
// Everything is pulled: a Read at the end of the row reaches, in the same
// goroutine, the Read at its beginning. No stage has a queue, so a receiver
// that does not take stalls the sender with one piece between them, and what a
// sender flushed leaves before anything waits for more. Replace, NewRewrite and
// Lines are transforms that work across pieces and hold back only what they
// must.
//
// What many bodies share has a stated bound and is given by the caller: Buffers
// (large pieces, 2 MiB) and Budget (held bodies, memory and disk).
//
// It knows bytes, pieces and ends; it knows no HTTP version, no hook order and
// no policy: which way a body takes is decided by package engine.
//
// A Reader or a Sink belongs to one goroutine, except Cancel and Abort; a
// Buffers, Budget or Rewrite may be used by many at once.
package body
