package store

import (
	"encoding/binary"
	"errors"
	"strings"

	"midstream/flow"
	"midstream/internal/query"
)

// facts is what of a flow answers most filters. Texts are numbers of words, 0
// for none. The facts of 512 flows stand together in a row of blocks, so that a
// filter over a million flows reads a few megabytes and no row of flows.
type facts struct {
	number   uint64
	start    int64 // microseconds since 1970
	duration int64 // microseconds
	size     int64 // of both bodies
	method   int64
	host     int64 // as the client named it
	target   int64 // where the request is sent; 0 where host names the same
	asked    int64 // Content-Type of the request
	answered int64 // Content-Type of the response
	status   int64
	kind     flow.Kind
	outcome  flow.OutcomeKind
	disposed uint8 // a bit for each disposition of a body
	traits   uint64
}

// The traits. The numbers are on disk and never change.
const (
	traitRequest     = 1 << 0 // has a request
	traitResponse    = 1 << 1 // has a response
	traitWebSocket   = 1 << 2
	traitAsset       = 1 << 3
	traitMarked      = 1 << 4
	traitComment     = 1 << 5
	traitMetadata    = 1 << 6
	traitFindings    = 1 << 7
	traitResent      = 1 << 8
	traitReplayed    = 1 << 9 // got a recorded response
	traitTypesCut    = 1 << 10
	traitFromClient  = 1 << 11
	traitFromServer  = 1 << 12
	traitVersion     = 13 // two bits: 1, 2 or 3
	traitEventStream = 1 << 15
	traitGRPC        = 1 << 16
	traitOdd         = 1 << 17 // its host as listed is not quite what the client named
)

// factTexts are the texts that facts have as numbers.
type factTexts struct{ target, asked, answered string }

// maxTypeWord is how much of a Content-Type becomes a word: those with a
// boundary differ from flow to flow.
const maxTypeWord = 120

// traitsOf finds the traits of f, and its texts.
func traitsOf(f *flow.Flow) (t uint64, texts factTexts) {
	set := func(yes bool, trait uint64) {
		if yes {
			t |= trait
		}
	}
	set(f.Marker != "", traitMarked)
	set(f.Comment != "", traitComment)
	set(len(f.Metadata) > 0, traitMetadata)
	set(len(f.Findings) > 0, traitFindings)
	set(f.Replayed == flow.RequestReplayed, traitResent)
	set(f.Replayed == flow.ServerReplayed, traitReplayed)
	set(size(&f.RequestBody) > 0, traitFromClient)
	set(size(&f.ResponseBody) > 0, traitFromServer)
	if r := f.Request; r != nil {
		set(true, traitRequest)
		t |= uint64(r.Version/10&3) << traitVersion
		shown := query.Named(r)
		if shown != r.Host {
			texts.target = cutText(r.Host)
		}
		set(cutText(query.WithoutPort(displayHost(r))) != shown, traitOdd)
		set(grpcType(r.Fields), traitGRPC)
		var cut bool
		texts.asked, cut = typeWord(r.Fields)
		set(cut, traitTypesCut)
	}
	if r := f.Response; r != nil {
		set(true, traitResponse)
		set(query.IsWebSocket(f), traitWebSocket)
		for i := range r.Fields {
			g := &r.Fields[i]
			set(flow.EqualFold(g.Name, "Content-Type") && query.IsAsset(g.Value), traitAsset)
		}
		set(grpcType(r.Fields), traitGRPC)
		set(mediaType(r.Fields.Get("Content-Type")) == "text/event-stream", traitEventStream)
		var cut bool
		texts.answered, cut = typeWord(r.Fields)
		set(cut, traitTypesCut)
	}
	return t, texts
}

func grpcType(fields flow.Fields) bool {
	return strings.HasPrefix(mediaType(fields.Get("Content-Type")), "application/grpc")
}

// typeWord is the Content-Type of a message, several with line ends between
// them; cut tells that it is not the whole of it.
func typeWord(fields flow.Fields) (word string, cut bool) {
	first, more := "", 0
	for i := range fields {
		if g := &fields[i]; flow.EqualFold(g.Name, "Content-Type") {
			if word = g.Value; more == 0 {
				first = word
			}
			more++
		}
	}
	if more == 0 {
		return "", false
	}
	if more > 1 {
		word = strings.Join(fields.Values("Content-Type"), "\n")
	}
	if len(word) <= maxTypeWord && !strings.Contains(word, "boundary") {
		return word, false
	}
	return cutText(mediaType(first)), true
}

// blockBits is how many bits of a number count inside a block.
const blockBits = 9

func blockOf(number uint64) int64 { return int64((number - 1) >> blockBits) }

// mostInBlock is how many flows a block has.
const mostInBlock = 1 << blockBits

const factsVersion = 1

var errFacts = errors.New("the facts of a block are damaged")

// appendFacts writes the facts of a block, in the order of their numbers.
func appendFacts(dst []byte, list []facts) []byte {
	dst = append(dst, factsVersion)
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	var number uint64
	var start int64
	for i := range list {
		f := &list[i]
		dst = binary.AppendUvarint(dst, f.number-number)
		dst = binary.AppendVarint(dst, f.start-start)
		number, start = f.number, f.start
		dst = append(dst, byte(f.kind), byte(f.outcome), f.disposed)
		for _, v := range [...]int64{f.duration, f.size, f.method, f.host, f.target, f.asked, f.answered, f.status} {
			dst = binary.AppendUvarint(dst, uint64(max(0, v)))
		}
		dst = binary.AppendUvarint(dst, f.traits)
	}
	return dst
}

// parseFacts reads what appendFacts wrote, into list.
func parseFacts(p []byte, list []facts) ([]facts, error) {
	list = list[:0]
	if len(p) == 0 || p[0] != factsVersion {
		return list, errFacts
	}
	d := factsReader{p: p[1:]}
	n := d.uint()
	if n > mostInBlock {
		return list, errFacts
	}
	var number uint64
	var start int64
	for range n {
		var f facts
		number += d.uint()
		start += d.int()
		f.number, f.start = number, start
		f.kind, f.outcome, f.disposed = flow.Kind(d.octet()), flow.OutcomeKind(d.octet()), d.octet()
		f.duration, f.size, f.method, f.host = int64(d.uint()), int64(d.uint()), int64(d.uint()), int64(d.uint())
		f.target, f.asked, f.answered, f.status = int64(d.uint()), int64(d.uint()), int64(d.uint()), int64(d.uint())
		f.traits = d.uint()
		list = append(list, f)
	}
	if d.bad {
		return list[:0], errFacts
	}
	return list, nil
}

type factsReader struct {
	p   []byte
	bad bool
}

func (d *factsReader) uint() uint64 {
	if len(d.p) > 0 && d.p[0] < 0x80 {
		v := d.p[0]
		d.p = d.p[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(d.p)
	if n <= 0 {
		d.p, d.bad = nil, true
		return 0
	}
	d.p = d.p[n:]
	return v
}

func (d *factsReader) int() int64 {
	v, n := binary.Varint(d.p)
	if n <= 0 {
		d.p, d.bad = nil, true
		return 0
	}
	d.p = d.p[n:]
	return v
}

func (d *factsReader) octet() uint8 {
	if len(d.p) == 0 {
		d.bad = true
		return 0
	}
	v := d.p[0]
	d.p = d.p[1:]
	return v
}
