package http1

import "time"

// Profile is how faults on the wire are met.
type Profile uint8

// The profiles. Framing that can be read in two ways is refused in both.
const (
	Tolerant Profile = iota // what browsers tolerate is repaired and noted as a finding
	Strict                  // faults are refused: 400 to a client, 502 for a server
)

func (p Profile) String() string {
	if p == Strict {
		return "strict"
	}
	return "tolerant"
}

// Limits bound what a peer can make the codec keep. Zero means the default.
type Limits struct {
	Line     int // octets of a start line or field line
	Head     int // octets of a head
	Trailers int // octets of a trailer section
	Fields   int // field lines of a head or trailer section
}

// The default limits.
const (
	// DefaultLine lets a cookie or a token of the sizes that browsers and
	// servers still accept pass, and a target of that length.
	DefaultLine = 64 << 10
	// DefaultHead is what Chromium accepts of a server; requests are smaller.
	DefaultHead = 256 << 10
	// DefaultTrailers is far above what gRPC sends in details.
	DefaultTrailers = 64 << 10
	// DefaultFields is ten times what servers allow (Apache: 100). A field costs
	// 48 octets of memory whatever its size on the wire.
	DefaultFields = 1000
)

// The default times of a server connection.
const (
	DefaultIdleTimeout = 600 * time.Second // between two requests
	DefaultHeadTimeout = 60 * time.Second  // from the first octet of a head to its last
)

const (
	// bufferSize is what a connection reads at a time outside large bodies. An
	// idle connection holds one such buffer, so it is small.
	bufferSize = 4 << 10
	// aheadStart is the first buffer of a reader that watches for the end of a
	// connection, where nothing more is expected.
	aheadStart = 1 << 10
	// aheadLimit is how far a connection is read ahead while a response is
	// awaited or sent.
	aheadLimit = 64 << 10
	// watchDelay is how long a reader waits before it watches a connection: an
	// exchange that is over sooner costs no second goroutine. It must stay well
	// below the second within which an end has to be noticed.
	watchDelay = 100 * time.Millisecond
	// idleWatchDelay is watchDelay for idle connections to servers.
	idleWatchDelay = 20 * time.Millisecond
	// drainLimit and drainTime bound what is read and thrown away so that no
	// reset destroys a response that the client has not read yet.
	drainLimit = 256 << 10
	drainTime  = 2 * time.Second
	// corkedLimit is what a sink lets the connection keep before it is sent.
	corkedLimit = 64 << 10
	// joinLimit is up to where a chunk is copied to leave in one write. It is
	// one TLS record; larger ones leave in several writes under a cork.
	joinLimit = 16 << 10
	// chunkLineLimit bounds the line before a chunk, extensions included.
	chunkLineLimit = 4 << 10
	// chunkSlack bounds all extensions of a body beyond 16 octets a chunk.
	chunkSlack = 16 << 10
)

func (l Limits) withDefaults() Limits {
	def := func(n *int, d int) {
		if *n <= 0 {
			*n = d
		}
	}
	def(&l.Line, DefaultLine)
	def(&l.Head, DefaultHead)
	def(&l.Trailers, DefaultTrailers)
	def(&l.Fields, DefaultFields)
	return l
}
