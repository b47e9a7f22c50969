// Package intercept holds flows until somebody lets them go on: requests,
// responses, single events and messages.
//
//	head hook ──matches, body passes──► park ─┐
//	decide ──Wants──► Hold ──whole hook──────► park ──► Held: Do(look, change) ─► Go, Drop, Kill
//	message hook ──matches────────────────────► park ─┘        │
//	                          nobody attached for 10 s, timeout, client left ─► goes on, or ends
//
// A flow waits inside its hook, so that everything behind it waits by
// backpressure and no other flow does. What is done to a held flow is done by the
// goroutine of its hook: the exchange is nobody else's.
//
// Which flows are meant is left to package query, how they are shown to the front
// ends. An Intercept may be used from several goroutines at once.
package intercept
