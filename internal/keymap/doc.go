// Package keymap is which key does what in every front end: a verb has an id, keys
// mean one verb each.
//
//	keys.json (the verbs) ─┐
//	                       ├─► Load ──► []Verb ──► front ends
//	confdir/keys.yaml ─────┘
//
// What a verb does is left to the front ends. The functions may be called at once.
package keymap
