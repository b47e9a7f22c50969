// Package http2 is midstream's own HTTP/2 connection (RFC 9113), both sides:
// frames of a connection on one side, heads and bodies on the other. Frames and
// field compression are those of golang.org/x/net's Framer and hpack; streams,
// windows, limits and the rules for fields are this package's own.
//
//	          read loop                                   inbox       reader
//	Conn ─► source ─┬─ HEADERS ─► block ─► request/response ─┐  ┌─► body.Reader
//	                ├─ DATA ───────────────────────────────► stream
//	                └─ SETTINGS, WINDOW_UPDATE, ... ─► windows   └─◄ body.Sink
//	Conn ◄─ writer ◄─ one buffer of frames ◄─ heads, DATA within the windows, credit
//
//	Server: Serve ─► handler(*Stream), a goroutine a stream
//	Client: Open ─► *Call, many at once
//
// A connection has one goroutine that reads and one that writes. Nothing is
// queued without a bound: what a peer sends is bounded by the windows that it
// was given, what is sent to it by one buffer, and who fills that waits. Credit
// of the connection is returned when DATA comes, credit of a stream when its
// reader has taken the bytes, so that one that is not read does not stop others.
//
// It knows nothing of hooks, dispositions or policy: which fields go on, how a
// body is framed and when to give up is the caller's decision. It dials nothing
// and pools nothing.
//
// Server and Client may be used by any goroutine. Of a Stream and a Call, the
// request's side and the response's side may each be used by a goroutine of its
// own, and Abort and Cancel by any.
package http2
