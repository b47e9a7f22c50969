// Package capture opens and makes what holds flows: sessions, flow files, HTTP
// Archives, all by one pair of interfaces.
//
//	flow file ─┐                                ┌─► flow file
//	HAR, zHAR ─┼─ Open ─► Source ─Item─► Sink ◄─┼── HAR, zHAR
//	session  ──┘                      Create    └── session
//
// What a kind of file looks like is left to the packages under format, and how a
// session lies on disk to store. A Source and a Sink belong to one goroutine and
// must be closed; an Item is valid until the next one is asked for.
package capture
