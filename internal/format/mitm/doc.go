// Package mitm reads and writes flow files of mitmproxy.
//
//	octets ──tnet──► Value ──upgrade──► Value of the newest version ──item──► format.Item
//	octets ◄──tnet── Value ◄─downgrade─ Value of the newest version ◄──state── format.Item
//
// A Reader takes every version from 0.11 (and the still older layout of 0.10,
// which is the same) to 21 and makes one shape of them; a Writer writes version
// 21, and 17, which mitmproxy 8 reads. What a file says that an Item has no
// place for goes into Flow.Carried and comes back when the flow is written, so
// that reading and writing a file is the identity.
//
// A file that is cut off or damaged gives the flows before the damage, what is
// whole of the one inside it, and an error that says where.
//
// A Reader belongs to one goroutine, as does a Writer.
package mitm
