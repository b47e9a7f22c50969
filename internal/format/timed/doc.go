// Package timed reads and writes a response with its timing as text: JSON lines that
// a person can change.
//
//	{"timed":1,"status":200,"fields":[["Content-Type","text/event-stream"]],"at":210}
//	{"at":35.2,"event":"token","data":"Hel"}
//	{"at":61,"data":"lo"}
//	{"at":70,"end":true}
//	      └ milliseconds since the head
//
// Read makes a Recording of it, Item one of package format. What answers with it, and
// when, is not its matter. All is pure; the functions may be called at once.
package timed
