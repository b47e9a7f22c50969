// Package block answers requests instead of the server, or closes the
// connection, where a rule forbids them.
//
//	request ──filter──► status, without a body
//	              └───► 444: closed without an answer
//
// A rule is asked twice: about the request as it came, and, where something has
// sent it elsewhere since, about the target that would be dialled. Raw tunnels are
// closed where a rule means the CONNECT that asks for their server. It is a guard:
// what a filter cannot tell in time is blocked. Both addons may be used from
// several goroutines at once.
package block
