// Package hook is what addons see: the live, mutable Exchange, the one-method
// interfaces of the events, and the ordered Set that runs them.
//
//	addon values ──NewSet──► Set ──RequestHeaders(ctx, ex)──► each addon in order
//	                                     │
//	                   Exchange{Request, Response, Client, Server}
//
// An addon is any value that has one or more of the event methods; the methods
// are named as mitmproxy's events are. The Set is built once and never changes:
// to load another addon, build another Set. An exchange keeps the Set it began
// with.
//
// An Exchange belongs to one goroutine at a time: to the hook that is running,
// for as long as it runs. Kill and Killed may be called from anywhere. How
// a body is handled (which of the three dispositions it gets) is decided by
// package engine from what the head hooks wished, never by a hook itself.
package hook
