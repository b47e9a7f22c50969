// Package redirect makes the firewall of a Linux machine bring clients to midstream,
// and takes that back.
//
//	Plan ──Script──► nft -f - ──► table inet midstream: output │ prerouting ──redirect──► :PORT
//	                                      ▲
//	                  Down, Status ───────┘   all rules are in this one table
//
// Nothing else of the firewall is touched, so that taking the table away takes back
// everything, whatever has happened to midstream meanwhile. Who listens, and whether
// that is a midstream, is left to the caller. Functions may be called at once; the
// firewall makes each change whole or not at all.
package redirect
