package http2

import (
	"log/slog"
	"time"

	"midstream/flow"
)

// Profile is how faults in fields are met.
type Profile uint8

// The profiles. What could be read in two ways is refused in both.
const (
	Tolerant Profile = iota // what browsers tolerate is repaired and noted as a finding
	Strict                  // faults break the stream
)

// Limits bound what a peer can make a connection keep. Zero means the default.
type Limits struct {
	Head     int // octets of names and values of a head, and 32 for each field (RFC 9113 section 10.5.1)
	Trailers int // the same for a trailer section
	Fields   int // fields of a head or trailer section
	Streams  int // streams that a client may have open at once
}

// The default limits.
const (
	DefaultHead     = 256 << 10 // what Chromium accepts of a server
	DefaultTrailers = 64 << 10  // far above what gRPC sends in details
	DefaultFields   = 1000      // ten times what servers allow
	DefaultStreams  = 100       // what RFC 9113 section 6.5.2 asks for at least
)

// The default times.
const (
	DefaultIdleTimeout    = 600 * time.Second // a client connection without a stream
	DefaultOpeningTimeout = 60 * time.Second  // until the peer's SETTINGS have come
	DefaultPingInterval   = 58 * time.Second  // of silence while a stream is open
)

const (
	answerTime = 15 * time.Second // that a peer may take to answer PING
	tickTime   = 15 * time.Second // how often a connection is looked after, at least
)

const (
	initialWindow    = 64 << 10 // of a stream, RFC 9113 section 6.9.2
	maxWindow        = 8 << 20  // of a stream whose reader keeps up: 160 MB/s at 50 ms
	grownWindows     = 16 << 20 // by which those of a connection together have grown
	connWindow       = 16 << 20 // of a connection: its credit is returned when DATA comes
	protocolWindow   = 65535    // what every connection begins with
	largestWindow    = 1<<31 - 1
	maxFrame         = 16 << 10 // the largest frame that is taken, the protocol's smallest limit
	maxTable         = 4096     // of compressed fields, both ways
	maxInterims      = 5000     // interim responses of a call; one every ten seconds is usual for 102
	maxQueuedHeads   = 64       // interim responses that nobody has asked for yet
	closedMemory     = 256      // streams that have ended whose end is remembered
	lingerOctets     = 256 << 10
	lingerTime       = time.Second
	settingsInOneGo  = 64 // parameters in one SETTINGS frame that are looked at
	continuationSlop = 64 // CONTINUATION frames of a block beyond one for each KiB
)

// ServerConfig says how a Server serves. The zero value has the defaults.
type ServerConfig struct {
	Profile Profile
	Limits  Limits
	// IdleTimeout is how long a client may have no stream open; 0 means
	// DefaultIdleTimeout.
	IdleTimeout time.Duration
	// OpeningTimeout is how long the client may take with its preface and
	// SETTINGS; 0 means DefaultOpeningTimeout.
	OpeningTimeout time.Duration
	// PingInterval is how long a peer with open streams may be silent before it
	// is asked for a sign of life; 0 means DefaultPingInterval, less never asks.
	// One that does not answer within 15 s is dead.
	PingInterval time.Duration
	// ConnectProtocol allows extended CONNECT (RFC 8441).
	ConnectProtocol bool
	// Budget counts unread bytes; nil means one for the connection alone.
	Budget *Budget
	// Opened is called once, before the first request is served or soon after the
	// client's SETTINGS, with how the client opened the connection, which may be
	// kept. It must not wait.
	Opened func(*flow.Opening)
	// Log takes what is a fault of the handler; nil discards it.
	Log *slog.Logger
}

// ClientConfig says how a Client talks to its server. The zero value has the
// defaults.
type ClientConfig struct {
	Profile Profile
	Limits  Limits
	// OpeningTimeout and PingInterval are as in ServerConfig.
	OpeningTimeout time.Duration
	PingInterval   time.Duration
	// Server is what Call.Server returns.
	Server *flow.Conn
	// Name is how errors call the server; empty means its address.
	Name string
	// Like is how a client opened the connection for whose requests this one is:
	// it is opened likewise, as far as that can be kept. nil is midstream's own way.
	Like *flow.Opening
	// Budget counts unread bytes; nil means one for the connection alone.
	Budget *Budget
	// OnDead is called once, from a goroutine of the Client, when the connection
	// can take no further call; calls may still run. It must not wait for the
	// Client.
	OnDead func(c *Client)
}

func (l Limits) withDefaults() Limits {
	def := func(n *int, d int) {
		if *n <= 0 {
			*n = d
		}
	}
	def(&l.Head, DefaultHead)
	def(&l.Trailers, DefaultTrailers)
	def(&l.Fields, DefaultFields)
	def(&l.Streams, DefaultStreams)
	return l
}

func pingAfter(d time.Duration) time.Duration {
	if d == 0 {
		return DefaultPingInterval
	}
	return d
}

func orElse(d, other time.Duration) time.Duration {
	if d <= 0 {
		return other
	}
	return d
}
