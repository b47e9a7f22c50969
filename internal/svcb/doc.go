// Package svcb changes what DNS says of services (RFC 9460) where it passes as HTTP
// (RFC 8484): the records by which clients learn of HTTP/3 and of keys for
// Encrypted Client Hello.
//
//	application/dns-message ──unpack──► HTTPS and SVCB records ──change──► pack
//
// A message is packed anew only where a record was changed. Which ones, and what for,
// is for addons to say. Its functions may be called at once.
package svcb
