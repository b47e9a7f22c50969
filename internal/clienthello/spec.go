package clienthello

import (
	"encoding/binary"
	"errors"
	"slices"

	utls "github.com/refraction-networking/utls"
)

// Extensions that are not repeated as they are.
const (
	extEarlyData  = 42
	recordsHeader = 5
)

// spec says how a hello like h for serverName looks that offers protocols.
func (h *Hello) spec(serverName string, protocols []string) (*utls.ClientHelloSpec, error) {
	if len(h.Body) > 1<<14-4 {
		return nil, errors.New("the hello does not fit into one record")
	}
	raw := make([]byte, recordsHeader+4, recordsHeader+4+len(h.Body))
	raw[0], raw[1], raw[2], raw[recordsHeader] = 22, 3, 1, 1
	binary.BigEndian.PutUint16(raw[3:], uint16(4+len(h.Body)))
	raw[6], raw[7], raw[8] = byte(len(h.Body)>>16), byte(len(h.Body)>>8), byte(len(h.Body))
	spec := &utls.ClientHelloSpec{}
	if err := spec.FromRaw(append(raw, h.Body...), true, true); err != nil {
		return nil, err
	}
	spec.Extensions = slices.DeleteFunc(spec.Extensions, func(e utls.TLSExtension) bool { return left(e, serverName, protocols) })
	named, offered := false, false
	for _, e := range spec.Extensions {
		switch e := e.(type) {
		case *utls.SNIExtension:
			e.ServerName, named = hostname(serverName), true
		case *utls.ALPNExtension:
			e.AlpnProtocols, offered = protocols, true
		case *utls.KeyShareExtension:
			e.KeyShares = slices.DeleteFunc(e.KeyShares, func(s utls.KeyShare) bool { return !makes(s.Group) })
		}
	}
	if !named && hostname(serverName) != "" {
		spec.Extensions = slices.Insert(spec.Extensions, 0, utls.TLSExtension(&utls.SNIExtension{ServerName: hostname(serverName)}))
	}
	if !offered && len(protocols) > 0 {
		at := len(spec.Extensions)
		if at > 0 {
			if _, last := spec.Extensions[at-1].(utls.PreSharedKeyExtension); last {
				at-- // it must stay the last
			}
		}
		spec.Extensions = slices.Insert(spec.Extensions, at, utls.TLSExtension(&utls.ALPNExtension{AlpnProtocols: protocols}))
	}
	return spec, nil
}

// left tells of an extension that is not repeated: the name and the protocols
// where there are none, early data, which is the client's own, and settings of
// a protocol that is not offered.
func left(e utls.TLSExtension, serverName string, protocols []string) bool {
	switch e := e.(type) {
	case *utls.SNIExtension:
		return hostname(serverName) == ""
	case *utls.ALPNExtension:
		return len(protocols) == 0
	case *utls.ApplicationSettingsExtension, *utls.ApplicationSettingsExtensionNew:
		return !slices.Contains(protocols, "h2")
	case *utls.GenericExtension:
		return e.Id == extEarlyData
	}
	return false
}

// makes tells of the groups that a key share can be made for; the others are
// offered all the same, and cost a round trip where a server insists.
func makes(group utls.CurveID) bool {
	switch group {
	case utls.X25519, utls.CurveP256, utls.CurveP384, utls.CurveP521, utls.X25519MLKEM768, utls.X25519Kyber768Draft00, utls.GREASE_PLACEHOLDER:
		return true
	}
	return false
}
