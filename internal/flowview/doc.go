// Package flowview shows recorded flows to a person or a program: as a list, as
// a page about one flow, as JSON, and the octets of a body.
//
//	"4471", "last", "a1b2", "DIR#7" ──Resolve──► store.Reader, number
//	store.Summary ──List──► one line, or one JSON line
//	flow.Flow     ──Page──► text, or one JSON object
//	store.Body    ──Copy──► decoded or raw octets
//	              ──Messages──► lines, or JSON lines
//
// Nothing that came from the wire reaches a terminal unescaped, except the
// octets of a body that Copy was asked for. It chooses no session and parses
// no command line. Its functions keep nothing and may be called at once.
package flowview
