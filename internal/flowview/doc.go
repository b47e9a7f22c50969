// Package flowview shows recorded flows to a person or a program: as a list, as
// a page about one flow, as JSON, and the octets of a body.
//
//	"4471", "last", "a1b2", "DIR#7" ──Resolve──► store.Reader, number
//	store.Summary ──List──► one line, or one JSON line
//	flow.Flow     ──Page──► text, or one JSON object
//	store.Body    ──Copy──► decoded or raw octets
//	              ──Messages──► lines, or JSON lines
//	              ──View──► a window of lines by a view, for a front end
//	              ──Answer──► what a language model has answered, with its timing
//
// A front end asks View(ctx, reader, ViewQuery{Number, Side, View, Window}) for the
// lines of a window: it costs what the window needs, and may be asked of a body that
// still grows. Answer(ctx, reader, flow) is the same for the answer of a model.
//
// Nothing that came from the wire reaches a terminal unescaped, except the
// octets of a body that Copy was asked for. It chooses no session and parses
// no command line. Its functions keep nothing and may be called at once.
package flowview
