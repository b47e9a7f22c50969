package mitm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"midstream/flow"
	"midstream/internal/format"
	"midstream/internal/format/tnet"
)

// A DNS message is kept as on the wire (RFC 1035 section 4.1), names
// uncompressed. The sections of records, in their order:
var dnsSections = []string{"answers", "authorities", "additionals"}

// maxRecords bounds the records of one section.
const maxRecords = 1 << 12

func (r *reader) dns(v *tnet.Value, it *format.Item) {
	for side, key := range []string{"request", "response"} {
		m := v.Key(key)
		b := &it.Flow.RequestBody
		if side == int(flow.ToClient) {
			b = &it.Flow.ResponseBody
		}
		if m.Tag() != tnet.Dict {
			continue
		}
		wire, err := r.dnsWire(m)
		r.fail(key, err)
		it.Bodies[side] = format.Octets(wire)
		format.Kept(b, int64(len(wire)))
		b.Reason = "a DNS message"
		later(&it.Flow.End, r.time(m, "timestamp"))
	}
}

// flags are the bits of the header's second word with their keys.
var dnsFlags = []struct {
	key string
	bit uint16
}{{"authoritative_answer", 1 << 10}, {"truncation", 1 << 9}, {"recursion_desired", 1 << 8}, {"recursion_available", 1 << 7}}

func (r *reader) dnsWire(m *tnet.Value) ([]byte, error) {
	var word uint16
	if query, _ := m.Key("query").Bool(); !query {
		word |= 1 << 15
	}
	word |= uint16(r.number(m, "op_code")&15)<<11 | uint16(r.number(m, "reserved")&7)<<4 | uint16(r.number(m, "response_code")&15)
	for _, f := range dnsFlags {
		if on, _ := m.Key(f.key).Bool(); on {
			word |= f.bit
		}
	}
	wire := binary.BigEndian.AppendUint16(nil, uint16(r.number(m, "id")))
	wire = binary.BigEndian.AppendUint16(wire, word)
	wire = append(wire, make([]byte, 8)...)
	questions, err := m.Key("questions").Items(maxRecords)
	if err != nil {
		return nil, fmt.Errorf("questions: %w", err)
	}
	binary.BigEndian.PutUint16(wire[4:], uint16(len(questions)))
	for _, q := range questions {
		if wire, err = r.dnsNamed(wire, q); err != nil {
			return nil, fmt.Errorf("questions: %w", err)
		}
	}
	for i, key := range dnsSections {
		records, err := m.Key(key).Items(maxRecords)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		binary.BigEndian.PutUint16(wire[6+2*i:], uint16(len(records)))
		for _, rr := range records {
			if wire, err = r.dnsNamed(wire, rr); err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
			data, err := rr.Key("data").Bytes(65535)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
			wire = binary.BigEndian.AppendUint32(wire, uint32(r.number(rr, "ttl")))
			wire = binary.BigEndian.AppendUint16(wire, uint16(len(data)))
			wire = append(wire, data...)
		}
	}
	return wire, nil
}

// dnsNamed appends what questions and records begin with: name, type, class.
func (r *reader) dnsNamed(wire []byte, v *tnet.Value) ([]byte, error) {
	name := strings.TrimSuffix(r.text(v, "name"), ".")
	if len(name) > 253 {
		return nil, fmt.Errorf("a name of %d octets", len(name))
	}
	if name != "" {
		for label := range strings.SplitSeq(name, ".") {
			if label == "" || len(label) > 63 {
				return nil, fmt.Errorf("the name %.80q has a label of %d octets", name, len(label))
			}
			wire = append(append(wire, byte(len(label))), label...)
		}
	}
	wire = append(wire, 0)
	wire = binary.BigEndian.AppendUint16(wire, uint16(r.number(v, "type")))
	return binary.BigEndian.AppendUint16(wire, uint16(r.number(v, "class_"))), nil
}

var errDNS = errors.New("no DNS message")

// dnsState is the state of a message on the wire.
func dnsState(wire []byte, at time.Time) (tnet.Value, error) {
	if len(wire) < 12 {
		return tnet.Value{}, errDNS
	}
	word := binary.BigEndian.Uint16(wire[2:])
	v := tnet.NewDict(
		tnet.Entry{Key: "id", Value: tnet.NewInt(int64(binary.BigEndian.Uint16(wire)))},
		tnet.Entry{Key: "query", Value: tnet.NewBool(word>>15 == 0)},
		tnet.Entry{Key: "op_code", Value: tnet.NewInt(int64(word >> 11 & 15))},
	)
	for _, f := range dnsFlags {
		v.Set(f.key, tnet.NewBool(word&f.bit != 0))
	}
	v.Set("reserved", tnet.NewInt(int64(word>>4&7)))
	v.Set("response_code", tnet.NewInt(int64(word&15)))
	d := dnsReader{wire: wire, at: 12}
	var questions []tnet.Value
	for range binary.BigEndian.Uint16(wire[4:]) {
		q, err := d.named()
		if err != nil {
			return v, err
		}
		questions = append(questions, q)
	}
	v.Set("questions", tnet.NewList(questions...))
	for i, key := range dnsSections {
		var records []tnet.Value
		for range binary.BigEndian.Uint16(wire[6+2*i:]) {
			rr, err := d.record()
			if err != nil {
				return v, err
			}
			records = append(records, rr)
		}
		v.Set(key, tnet.NewList(records...))
	}
	v.Set("timestamp", stamp(at))
	return v, nil
}

type dnsReader struct {
	wire []byte
	at   int
}

func (d *dnsReader) take(n int) []byte {
	if d.at+n > len(d.wire) {
		return nil
	}
	p := d.wire[d.at : d.at+n]
	d.at += n
	return p
}

// name reads labels up to the root; pointers lead only backwards.
func (d *dnsReader) name() (string, error) {
	var labels []string
	at, back, total := d.at, -1, 0
	for {
		if at >= len(d.wire) {
			return "", errDNS
		}
		n := int(d.wire[at])
		switch {
		case n == 0:
			if d.at = at + 1; back >= 0 {
				d.at = back
			}
			return strings.Join(labels, "."), nil
		case n >= 0xc0:
			if at+1 >= len(d.wire) {
				return "", errDNS
			}
			to := n&0x3f<<8 | int(d.wire[at+1])
			if to >= at {
				return "", errDNS
			}
			if back < 0 {
				back = at + 2
			}
			at = to
		case n > 63 || at+1+n > len(d.wire) || total+n > 255:
			return "", errDNS
		default:
			labels = append(labels, string(d.wire[at+1:at+1+n]))
			at, total = at+1+n, total+n+1
		}
	}
}

func (d *dnsReader) named() (tnet.Value, error) {
	name, err := d.name()
	if err != nil {
		return tnet.Value{}, err
	}
	p := d.take(4)
	if p == nil {
		return tnet.Value{}, errDNS
	}
	return tnet.NewDict(tnet.Entry{Key: "name", Value: tnet.NewText(name)},
		tnet.Entry{Key: "type", Value: tnet.NewInt(int64(binary.BigEndian.Uint16(p)))},
		tnet.Entry{Key: "class_", Value: tnet.NewInt(int64(binary.BigEndian.Uint16(p[2:])))}), nil
}

func (d *dnsReader) record() (tnet.Value, error) {
	v, err := d.named()
	if err != nil {
		return v, err
	}
	p := d.take(6)
	if p == nil {
		return v, errDNS
	}
	data := d.take(int(binary.BigEndian.Uint16(p[4:])))
	if data == nil {
		return v, errDNS
	}
	v.Set("ttl", tnet.NewInt(int64(binary.BigEndian.Uint32(p))))
	v.Set("data", tnet.NewOctets(string(data)))
	return v, nil
}
