// Package store keeps what passed: a session is a folder with append-only
// segments, which are the truth, and an index made from them.
//
//	Record.Piece ──copy──► block ─┐ byte-bounded     ┌► bodies/000001.seg   piece, map, drop records
//	Record.Head ───picture───────┼─queue──► writer ─┤
//	Record.Ask  ───picture───────┼─ asked by writer─┤
//	Record.End  ───picture───────┘                  └► heads/000001.seg    conn, head, end records
//	                                                       │ rows
//	                                              indexer ◄┘ ──► flows.db  one row a flow
//
//	Reader ──► flows.db (rows) + heads/ beyond its mark (replayed) ──► Summary, flow.Flow
//	       ──► bodies/ by the extents of the flow                  ──► Body, Follow
//
// Bodies and heads are two streams of segments, so that the bodies of old flows
// can go, a whole sealed segment at a time, while their heads stay listed. In
// every batch bodies are written before heads: an end record on disk means
// that its body is there too.
//
// A session keeps within its size: the oldest segment goes, after what marked
// flows have in it was copied behind the newest records. While the disk fails,
// the writer keeps what it has in hand, cuts what passes, and tries again.
//
// One process writes a session (it holds a lock); any number may read it
// meanwhile. A Store and the Records it gives out may be used from several
// goroutines at once; a Reader too; a Body and a Follower belong to one.
//
// The package knows nothing of protocols, hooks, or content codings, and it
// prints nothing: what a person should know goes to the logger once.
package store
