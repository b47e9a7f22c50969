// Package striph3 keeps clients from leaving for HTTP/3, which this proxy would not
// see: it takes alternatives of that kind out of responses.
//
//	Alt-Svc: h3=":443", h2="alt:443"  ──►  Alt-Svc: h2="alt:443"
//	Alt-Svc: h3=":443"                ──►  Alt-Svc: clear   (what was learnt before is forgotten)
//
// An Addon may be used from several goroutines at once.
package striph3
