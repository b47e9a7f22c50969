// Package coding has content codings (RFC 9110 section 8.4) and charsets: what
// stands between the octets of a body and its content.
//
//	octets ─NewDecoder─► content ─DecodeText─► text
//	octets ◄─NewEncoder─ content ◄─EncodeText─ text
//
// Known codings are identity (or none), gzip (x-gzip), deflate, br and zstd,
// and comma-separated lists of up to eight of them in the order in which they
// were applied. Decode and Encode work on whole bodies; NewDecoder and
// NewEncoder on bodies that pass: what a sender has flushed can be read at
// once, and Flush sends at once what was written.
//
// Text that has undecodable octets keeps them as they are: a Go string may hold
// octets that are not UTF-8, and UTF16 and FromUTF16 carry them as lone
// surrogates U+DC80 to U+DCFF, so that nothing is lost on the way there and back.
//
// The package knows no messages and no field but the two values it is given.
// All functions may be called at once; a decoder or encoder belongs to one
// goroutine. Idle compressors are kept, four of a kind at most.
package coding
