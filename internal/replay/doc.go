// Package replay lets flows of earlier pass once more: as they were, to the
// server again, or to a client in place of the server.
//
//	file, HAR, session ─Item─► Reading ─► stored stream ─► engine ─► stored call    (-r: hooks, record, print)
//	                           Sending ─► stored stream ─► engine ─► the server     (-C, replay)
//	                           client  ─► engine ─► Answers ─► stored call, or on   (-S)
//
// Bodies are read from where they lie, a piece at a time, and with the pauses that
// message streams were recorded with where those are wanted.
//
// What files look like is left to capture, what hooks may do to engine. A Reading
// and a Sending run once; Answers may be used by any number of exchanges at once.
package replay
