// Package code writes the requests of flows as what sends them again: command
// lines, programs, and the octets of an exchange.
//
//	Item ──plan──► request{method, target, fields, body} ──► curl, httpie     (a line of POSIX shell)
//	 │                                                   └─► python, fetch, go (a program)
//	 └──────────────────────────────────────────────────────► raw              (as HTTP/1)
//
// Everything in a flow is hostile: whatever it holds becomes one word of a line
// or one literal of a program, and what a tool cannot send is left out and told.
// A line has no control characters and no invisible ones, so that it can be
// looked at and pasted. Which flows are written, and where to, is left to the
// caller. A Writer belongs to one goroutine.
package code
