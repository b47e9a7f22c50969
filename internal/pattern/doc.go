// Package pattern has regular expressions with the meaning of Python's re
// module, because that is what people wrote their host lists and filters for.
//
//	text ──parse──► one tree walk ──► RE2 spelling  ──► regexp    (linear time)
//	                              └─► .NET spelling ──► regexp2   (time limit)
//
// A pattern that RE2 can express runs on package regexp, in time linear in the
// subject. Lookaround, references, atomic groups, possessive quantifiers and
// conditionals run on a backtracking matcher under a time limit. Where one
// construct means something else in RE2 for a few subjects only ("$" before a
// final newline, "\b" beside letters outside ASCII), those subjects alone go to
// the backtracking matcher.
//
// It knows nothing of hosts, bodies or filters. A Pattern is immutable and may
// be used from several goroutines at once.
package pattern
