// Package query has the filter language: which flows a person means.
//
//	"~d example & !~c 2xx"  ──Parse──►  Filter: And(~d, Not(~c))   or *Error with its place
//	flow.Flow + Bodies      ──Match──►  yes, no, or why it is not known
//	what is known already   ──Eval───►  Yes, No, Unknown   (a row of an index, a head)
//
// It is the language of mitmproxy: its operators, their precedence, quoting and
// case, and its meaning of regular expressions, with some operators more. There
// is one parser and one tree for every place that takes a filter. Eval lets
// others answer the leaves from what they have, in logic of three values; what
// they leave unknown is answered by Match, heads before bodies.
//
// Bodies are searched as streams, content codings removed, and only where
// nothing else has decided; messages of WebSocket connections one by one.
//
// A Filter is immutable and may be used from several goroutines at once. The
// package opens nothing itself and knows neither stores nor options.
package query
