// Package strip takes out of responses what would lead clients past this proxy, or keep
// from it which server they want.
//
//	strip_h3    Alt-Svc: h3=":443", h2="alt:443"  ──►  Alt-Svc: h2="alt:443"
//	            Alt-Svc: h3=":443"                ──►  Alt-Svc: clear   (what was learnt before is forgotten)
//	            HTTPS 1 . alpn=h3,h2              ──►  HTTPS 1 . alpn=h2
//	strip_ech   HTTPS 1 . alpn=h2 ech=AEX+...     ──►  HTTPS 1 . alpn=h2
//
// HTTPS records are those in answers of DNS over HTTPS, which are held for it; package
// svcb changes them, and package altsvc the field. The addons may be used from several
// goroutines at once.
package strip
