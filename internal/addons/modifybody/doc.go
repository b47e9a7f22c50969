// Package modifybody replaces the matches of patterns in bodies, as they pass.
//
//	body ─► content coding off ─► pattern run across pieces ─► coding on ─► receiver
//	                              holds back only what may begin a match
//
// Patterns are those of Python over octets, with DOTALL. What only the whole
// text can tell (lookaround, a reference, "$" before a final newline) holds the
// body: the flow says so. A rule runs on requests and on responses, whichever its
// filter means. An Addon may be used from several goroutines at once.
package modifybody
