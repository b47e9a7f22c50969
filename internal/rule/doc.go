// Package rule is the list of rules: what a rule is, how one is written in a
// file or as an option of mitmproxy, in which order rules stand, and how often
// each has changed something.
//
//	rules.yaml ──Parse──┐
//	                    ├─► []*Rule{name, when: filter, do: kind, params} ──► addons/<kind>
//	-B '/~s/foo/bar' ─Spec──┘            │
//	                                     └─ Hits, kept over a reload
//
// It does not know what a kind does: the folders of package addons do, and tell
// it the names of their parameters by a Kind. A Rule is immutable but for its
// count, and may be used from several goroutines at once.
package rule
