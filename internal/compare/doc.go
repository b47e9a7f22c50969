// Package compare tells in what two recordings differ.
//
//	Recording A ─┐                                        ┌─► Same
//	             ├─ pair by method, URL, order ─► heads ──┼─► Different{what, A, B}
//	Recording B ─┘                                bodies ─┴─► OnlyA, OnlyB
//
// Fields are compared whatever their order, bodies with their content coding
// removed, JSON whatever the order of its keys, unless they must be the same
// exactly. Text and JSON of up to 4 MiB a side are compared in memory, so that it can
// be said what is different; anything larger as it is read.
//
// How flows are recorded is left to store and capture, printing to the caller. Run
// keeps the names of the flows and two flows; it may be called at once.
package compare
