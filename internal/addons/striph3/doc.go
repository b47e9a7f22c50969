// Package striph3 keeps clients from leaving for HTTP/3, which this proxy would not
// see: it takes alternatives of that kind out of responses, and out of answers of DNS
// over HTTPS.
//
//	Alt-Svc: h3=":443", h2="alt:443"  ──►  Alt-Svc: h2="alt:443"
//	Alt-Svc: h3=":443"                ──►  Alt-Svc: clear   (what was learnt before is forgotten)
//	HTTPS 1 . alpn=h3,h2              ──►  HTTPS 1 . alpn=h2
//
// An Addon may be used from several goroutines at once.
package striph3
