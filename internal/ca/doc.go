// Package ca has the certificate authority that clients of midstream trust: the
// root in its folder, the leaves signed by it, and the certificates that a
// person gives instead.
//
//	confdir/midstream-ca.pem ──Load──► Authority ◄── Certs (option certs)
//	                                      │
//	  SNI, address, server's leaf ──► names ──► cache ──► Leaf ──► crypto/tls
//
//	mitmproxy-ca.pem, any PEM or PKCS#12 ──Import──► confdir
//	Machine (what is installed) ──Plan──► Steps ──Run──► trust stores
//
// It opens no socket and knows nothing of TLS handshakes: it hands over a
// tls.Certificate. Everything that comes from a client, a server or a file is
// untrusted and bounded: names that cannot be written into a certificate are
// left out, and never stop a handshake.
//
// An Authority, Certs and ClientCerts may be used from several goroutines at
// once. Load may be called by several processes at once on one folder.
package ca
