// Package modifyheaders sets, replaces and removes fields of heads.
//
//	head ──filters asked of the head as it came──► fields named by rules go
//	     ──► those with a value come, in the order of the rules ──► head
//
// A rule runs on requests and on responses, whichever its filter means. An Addon
// may be used from several goroutines at once.
package modifyheaders
