// Package tnet reads and writes tagged netstrings: LENGTH ":" PAYLOAD TAG, the
// notation of mitmproxy's flow files.
//
//	file      | 1270:...} | 911:...} | 88:...}     elements, one behind the other
//	element   id → text, request → {content → octets by reference, ...}, ...
//
// A Value holds small strings itself and of large ones only where they stand,
// so that reading a flow takes no more memory for a large body; a long list is
// read element by element. What is damaged or cut off is an error, beside what
// could be read before it.
//
// The package knows nothing of flows. A Value may be read by several goroutines
// at once when its source may be.
package tnet
