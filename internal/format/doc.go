// Package format has the nouns that files of flows share. Each format is a
// package of its own below it and turns octets into Items and Items into octets.
//
//	mitm/  flow files of mitmproxy, every version   ┐
//	har/   HTTP Archive 1.2                         ├──► Item{Flow, bodies, messages} ──► the same
//	                                                ┘
//
// An Item refers to its bodies where they lie, so that a large one costs no
// memory. What an Item holds is valid as long as the source it came from is
// open. Files are untrusted: lengths, counts and depths are bounded, and damage
// is an error that says where.
package format
