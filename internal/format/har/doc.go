// Package har reads and writes HTTP Archives (HAR 1.2), as browsers, proxies and
// API clients make them.
//
//	octets ──scan──► value, large strings by reference ──entry──► format.Item
//	octets ◄───────── Writer: entry by entry, bodies as streams ◄── format.Item
//
// A HAR holds content, not octets: bodies are text, or base64, with their codings
// undone. An Item that was read has no Content-Encoding, with a finding, and the
// pseudo-fields of HTTP/2 that some programs list are in its request line.
//
// Files that lack what the standard asks for are read as far as they go: only
// what is no JSON, or has no request, is an error. An export never fails because
// of what a flow has in it, and says what it has no place for.
//
// A Reader and a Writer belong to one goroutine.
package har
