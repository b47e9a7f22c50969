// Package message finds the messages inside bodies that are streams of them.
//
//	octets, cut anywhere ─Write─► Splitter ─Next─► Piece Piece Piece ...
//	                                               └ a message, or what lies between two
//
//	server-sent events   one block of lines up to its empty line
//	NDJSON               one line
//	JSON text sequence   a JSON text and LF, between them RS
//	gRPC, Connect        a prefix of five octets and a payload
//	AWS event stream     prelude, headers, payload, two checksums
//	multipart            delimiter line, fields, body
//
// A Splitter loses nothing: the octets of all pieces, in order, are those that
// were written, and the messages are the same wherever the octets were cut. It
// keeps at most one message, and of one that is larger than its limit nothing:
// that is handed out in parts.
//
// What is inside a message is read by the Parse functions (events by package
// sse). All is pure: no clock, no goroutine, no I/O. A Splitter belongs to one
// goroutine; the functions may be called at once.
package message
