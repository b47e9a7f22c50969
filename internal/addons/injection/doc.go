// Package injection puts messages into connections that are open: WebSocket, and raw
// tunnels. Scripts do that by themselves; this is for front ends.
//
//	websocket_start, tcp_start ─► by number ◄─ Send(number, message) ─► behind what is under way
//	websocket_end, tcp_end ─────► forgotten
//
// A connection that began while the addon was not loaded is not known, and nothing can
// be put into it. What is sent goes past the hooks and is recorded like what has come.
// How front ends ask is left to package api. A Sender may be used from several
// goroutines at once.
package injection
