package store

import (
	"encoding/binary"

	"midstream/flow"
)

// The tags of how a client opened its HTTP/2 connection, of a setting, and of
// a priority. They are on disk and never change.
const (
	tagSettings      = 1 // pairs of varints: identifier, value
	tagWindow        = 2
	tagStreamPrior   = 3 // one for each PRIORITY frame
	tagPriorStream   = 1
	tagPriorDepends  = 2
	tagPriorExcludes = 3
	tagPriorWeight   = 4
)

func appendOpening(dst []byte, o *flow.Opening) []byte {
	dst, at := openNested(dst, tagOpening)
	if len(o.Settings) > 0 {
		var list int
		dst, list = openNested(dst, tagSettings)
		for _, s := range o.Settings {
			dst = binary.AppendUvarint(dst, uint64(s.ID))
			dst = binary.AppendUvarint(dst, uint64(s.Value))
		}
		dst = closeNested(dst, list)
	}
	dst = appendUint(dst, tagWindow, uint64(o.Window))
	for i := range o.Priorities {
		dst = appendPriority(dst, tagStreamPrior, &o.Priorities[i])
	}
	return closeNested(dst, at)
}

func appendPriority(dst []byte, tag uint64, p *flow.Priority) []byte {
	dst, at := openNested(dst, tag)
	dst = appendUint(dst, tagPriorStream, uint64(p.Stream))
	dst = appendUint(dst, tagPriorDepends, uint64(p.DependsOn))
	dst = appendBool(dst, tagPriorExcludes, p.Exclusive)
	dst = appendUint(dst, tagPriorWeight, uint64(p.Weight))
	return closeNested(dst, at)
}

func decodeOpening(p []byte) (*flow.Opening, error) {
	o := new(flow.Opening)
	err := values(p, func(v value) error {
		switch v.tag {
		case tagSettings:
			return decodeSettings(v.octets, o)
		case tagWindow:
			o.Window = uint32(v.number)
		case tagStreamPrior:
			prior, err := decodePriority(v.octets)
			if err == nil {
				o.Priorities = append(o.Priorities, *prior)
			}
			return err
		}
		return nil
	})
	return o, err
}

func decodeSettings(p []byte, o *flow.Opening) error {
	for len(p) > 0 {
		id, n := binary.Uvarint(p)
		if n <= 0 {
			return errMalformed
		}
		value, m := binary.Uvarint(p[n:])
		if m <= 0 {
			return errMalformed
		}
		o.Settings = append(o.Settings, flow.Setting{ID: uint16(id), Value: uint32(value)})
		p = p[n+m:]
	}
	return nil
}

func decodePriority(p []byte) (*flow.Priority, error) {
	out := new(flow.Priority)
	err := values(p, func(v value) error {
		switch v.tag {
		case tagPriorStream:
			out.Stream = uint32(v.number)
		case tagPriorDepends:
			out.DependsOn = uint32(v.number)
		case tagPriorExcludes:
			out.Exclusive = v.number == 1
		case tagPriorWeight:
			out.Weight = uint8(v.number)
		}
		return nil
	})
	return out, err
}
