// Package sse reads and writes server-sent events (WHATWG HTML section 9.2).
//
//	: ping            comment
//	event: delta      field, value
//	id: 7
//	data: {"a":       two lines of data,
//	data: 1}          joined with LF
//	                  the empty line ends the block
//
// Parse reads a block, Append writes one, and Patch writes a changed one with
// the lines that were not changed as they came. Decoder keeps what lasts from
// one event to the next, as a browser does. Where blocks begin and end is for
// package message to say.
//
// All is pure. A Decoder belongs to one goroutine; the functions may be called
// at once.
package sse
