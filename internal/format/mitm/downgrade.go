package mitm

import (
	"fmt"

	"midstream/internal/format/tnet"
)

// Older is the version that mitmproxy 8 reads and writes.
const Older = 17

// ParseVersion tells whether flows can be written in a version of the format.
func ParseVersion(n int64) error {
	if n != Version && n != Older {
		return fmt.Errorf("flow files are written in version %d, and in version %d for mitmproxy 8; %d is neither", Version, Older, n)
	}
	return nil
}

// downgrade makes a flow of version 21 one of version 17, and tells what that
// version has no place for.
func downgrade(v *tnet.Value) (lost []string) {
	v.Set("version", tnet.NewInt(Older))
	v.Remove("backup")
	for _, k := range []string{"client_conn", "server_conn"} {
		c := v.Key(k)
		if c.Tag() != tnet.Dict {
			continue
		}
		if text(c, "transport_protocol") == "udp" {
			lost = append(lost, k+".transport_protocol")
		}
		c.Remove("transport_protocol")
		secured := !c.Key("timestamp_tls_setup").IsNull()
		c.Set("tls_established", tnet.NewBool(secured))
		c.Set("state", tnet.NewInt(0))
		rename(c, "cipher", "cipher_name")
		if text(c, "tls_version") == "QUICv1" {
			c.Set("tls_version", tnet.Value{})
			lost = append(lost, k+".tls_version")
		}
	}
	if c := v.Key("client_conn"); c.Tag() == tnet.Dict {
		rename(c, "peername", "address")
		c.Set("tls_extensions", tnet.NewList())
		if mode := c.Remove("proxy_mode"); mode != nil {
			if p, _ := mode.Bytes(maxText); string(p) != "regular" {
				lost = append(lost, "client_conn.proxy_mode")
			}
		}
	}
	if c := v.Key("server_conn"); c.Tag() == tnet.Dict {
		rename(c, "peername", "ip_address")
		rename(c, "sockname", "source_address")
		rename(c, "via", "via2")
	}
	if k := text(v, "type"); k == "udp" {
		lost = append(lost, "a flow of type udp")
	}
	return lost
}
