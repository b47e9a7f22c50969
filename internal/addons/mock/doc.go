// Package mock answers requests from a timed file, as the server did that it was
// recorded from: pieces, events and messages come with their pauses.
//
//	request ──filter──► timed file, read anew when it has changed ──► a stand-in for the server
//
// The response passes through everything that one of a server does. An Addon may be
// used from several goroutines at once.
package mock
