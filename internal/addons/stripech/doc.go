// Package stripech keeps clients from hiding the name of the server from this proxy:
// it takes the keys for Encrypted Client Hello out of answers of DNS over HTTPS.
//
//	HTTPS 1 . alpn=h2 ech=AEX+...  ──►  HTTPS 1 . alpn=h2
//
// An Addon may be used from several goroutines at once.
package stripech
