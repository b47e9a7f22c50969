// Package flow has the nouns of midstream: what a proxy saw, as values.
//
//	Flow ── Client, Server   (*Conn: who talked, over what)
//	     ── Request, Response, Interim   (heads: ordered Fields, as on the wire)
//	     ── RequestBody, ResponseBody   (Body: what happened to the bytes, and why)
//	     ── Tries, Findings, Outcome   (how it went)
//
// A Flow is a picture of an exchange at one moment: it is never changed once it
// has been handed to somebody, so it needs no lock and may be kept. The live,
// mutable side of an exchange is hook.Exchange. Package flow does no I/O and
// knows no protocol code; everything else in midstream may import it.
//
// All functions may be called at once from several goroutines as long as
// nobody changes the values they work on.
package flow
