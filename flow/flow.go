package flow

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"
)

// ID identifies a flow everywhere and for ever: a version 4 UUID.
type ID [16]byte

// NewID returns a fresh random ID.
func NewID() ID {
	var id ID
	rand.Read(id[:])
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

// String returns the 36 characters of the UUID.
func (id ID) String() string {
	var b [36]byte
	hex.Encode(b[:8], id[:4])
	b[8] = '-'
	hex.Encode(b[9:13], id[4:6])
	b[13] = '-'
	hex.Encode(b[14:18], id[6:8])
	b[18] = '-'
	hex.Encode(b[19:23], id[8:10])
	b[23] = '-'
	hex.Encode(b[24:], id[10:])
	return string(b[:])
}

// ParseID reads what String wrote.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return id, fmt.Errorf("parse flow id %q: not a UUID", s)
	}
	h := s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	if _, err := hex.Decode(id[:], []byte(h)); err != nil {
		return id, fmt.Errorf("parse flow id %q: %w", s, err)
	}
	return id, nil
}

// Kind is what sort of traffic a flow is.
type Kind uint8

// The kinds. The numbers are on disk and never change.
const (
	HTTP Kind = 0 // one request and its response
	TCP  Kind = 1 // a raw tunnel; its two directions are the two bodies
	UDP  Kind = 2 // datagrams; its two directions are the two bodies
	DNS  Kind = 3 // a query and its answer; the two bodies hold them as on the wire (RFC 1035 section 4)
)

func (k Kind) String() string {
	switch k {
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	case DNS:
		return "dns"
	}
	return "http"
}

// Flow is a picture of an exchange (or of a raw tunnel) at one moment. It is
// immutable: whoever gets one may keep it and must not change it.
type Flow struct {
	ID     ID
	Number uint64 // in its session, from 1; 0 before it has one
	Kind   Kind

	Client *Conn
	Server *Conn // nil when nothing was dialled

	Request  *Request
	Response *Response // nil until its head has come
	Interim  []Response

	RequestBody, ResponseBody Body
	Before                    *Before // nil where no hook changed anything

	Tries    []Try
	Findings []Finding
	Outcome  Outcome
	RPC      *RPC // how the call ended, nil where it is none or that is not known

	Start time.Time
	End   time.Time // zero while it lives

	Marker   string
	Comment  string
	Metadata map[string]string
	Replayed Replayed

	// Carried is what a file that the flow came from said beyond all this, in the
	// words of that file's format, so that nothing of it is lost on the way out.
	Carried []byte
}

// Replayed tells which side of a flow was not there when it passed.
type Replayed uint8

// The values. The numbers are on disk and never change.
const (
	NotReplayed     Replayed = 0
	RequestReplayed Replayed = 1 // the request was sent again by midstream
	ServerReplayed  Replayed = 2 // the response was answered from a recording
)

// Live tells whether the exchange has not ended yet.
func (f *Flow) Live() bool { return f.Outcome.Kind == Running }

// A Try is one attempt to send the request to a server.
type Try struct {
	Address string
	Start   time.Time
	Reused  bool   // on a connection that had served before
	Error   string // empty for the one that worked
}

// A Finding is something on a flow that a person should see: a repaired fault,
// a refused change, a reason for a failure.
type Finding struct {
	// Code is a stable word for filters and tests, as "both-length-and-chunked".
	Code string
	// Text says what was seen and what was done about it.
	Text string
}

// Conn tells about one connection, to the client or to a server.
type Conn struct {
	ID ID
	// Address is the host:port that was asked for (servers only).
	Address string
	// Peer and Local are the addresses of both ends, as host:port.
	Peer, Local string
	TLS         *TLS // nil without TLS
	// HTTP2 is how the client opened it (clients only); nil where it speaks
	// something else, and before its first request.
	HTTP2 *Opening
	Mode  string
	// Via is the URL of the parent proxy that the connection goes through, without
	// credentials; "" for none (servers only).
	Via string
	// Start is when it was accepted or its dial began, Connected when TCP was
	// up, Secured when the TLS handshake was done, End when it closed.
	Start, Connected, Secured, End time.Time
}

// TLS tells about a TLS connection.
type TLS struct {
	Version      uint16
	Cipher       uint16
	SNI          string
	ALPN         string
	Offered      []string // ALPN names that were offered
	Resumed      bool
	Certificates [][]byte // the peer's chain, DER; for a client, the leaf that we showed
	// JA3 and JA4 are the fingerprints of a client's hello, as lists of known
	// clients have them; "" where none was seen.
	JA3, JA4 string
}
