// Package upstream reaches servers on behalf of clients: it dials, shakes hands
// and keeps the connections of each client apart.
//
//	                   ┌ server_connect ► Dial ► server_connected ► Secure ┐
//	Pool (one client) ─┤                                                   ├─► client codec ─► Call
//	  ▲                └ idle: same scheme, host, port, server name ───────┘                    │
//	  └──────────────────────────── Close gives it back ◄───────────────────────────────────────┘
//
//	Dialer (all clients): settings, TLS sessions, ALPN memory
//
// A connection belongs to the client connection that it was made for, so that
// nothing a server binds to a connection reaches somebody else; what is shared
// is TLS sessions and the memory of which protocol a server chose, both bounded.
// On the way to a server there may be a parent proxy: a tunnel through it by
// CONNECT, or requests in absolute form. Its 407 is answered here, and credentials
// for it are in no request that anybody else sees. Name resolution of its own and
// HTTP itself are left to others.
//
// A Dialer may be used from several goroutines at once, and so may a Pool; a
// Conn belongs to one goroutine until it is adopted by a Pool.
package upstream
