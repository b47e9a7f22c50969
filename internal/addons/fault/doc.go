// Package fault breaks traffic on purpose: it delays, slows, stalls, cuts and
// corrupts what a rule means, to see how clients and servers take it.
//
//	stall:after=3 events,for=5s ──Parse──► Spec ──head hook──► transform of one body
//	                                          └─ delay, status, reset: at the head
//
// Every wait has an end and ends early with its exchange; nothing is queued while it
// lasts, so that the peer feels it. Each fault that was done is a finding of its
// flow. Chance comes from one seed. An Addon may be used from several goroutines at
// once.
package fault
