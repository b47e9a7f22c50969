// Package dump prints flows for a person or a program that reads along: one
// line when a flow ends, one when it lives for more than a second, and as much
// of heads and content as is asked for.
//
//	engine ─Watch─► live (who has waited a second?) ─► queue ─► one goroutine ─► Out
//	                                                     └ full: counted, said later
//
// Watch never waits: the queue is bounded in octets, and a flow that finds it
// full is counted and not shown. Everything that came from a peer is escaped
// before it is printed, so that no octet of it can steer a terminal or turn the
// order of a line round.
//
// It also has the log handlers of the command line, which keep to the same
// rule. It does not decide what is recorded and keeps nothing itself; content
// comes from whoever records, through Content.
//
// Watch may be called at once. The functions are pure.
package dump
