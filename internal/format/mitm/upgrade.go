package mitm

import (
	"errors"
	"fmt"

	"midstream/internal/format/tnet"
)

// Version is the newest version of the format that is known.
const Version = 21

// versionOf reads the version of a flow; the triples before version 4 count as
// what their second number says, or their first where that is not 0.
func versionOf(v *tnet.Value) (int64, string, error) {
	version := v.Key("version")
	switch version.Tag() {
	case tnet.Int:
		n, err := version.Int()
		if err == nil && n > Version {
			err = fmt.Errorf("it has version %d of the format and %d is the newest that is known: a newer midstream may read it", n, Version)
		}
		return n, fmt.Sprint(n), err
	case tnet.List:
		parts, err := version.Items(4)
		if err != nil || len(parts) < 2 {
			return 0, "", errors.New("its version is no number")
		}
		major, err1 := parts[0].Int()
		minor, err2 := parts[1].Int()
		if err := errors.Join(err1, err2); err != nil {
			return 0, "", errors.New("its version is no number")
		}
		return 0, fmt.Sprintf("%d.%d", major, minor), nil
	case tnet.Null:
		return 0, "", errors.New("it has no version: it is no flow")
	}
	return 0, "", errors.New("its version is no number")
}

// upgrade makes v, a flow of any version, one of the newest. Keys are taken by
// their names and not by the version, as files of versions between two releases
// exist with some of both. It returns what there is no place for any more.
func upgrade(v *tnet.Value) (lost []string, err error) {
	if v.Tag() != tnet.Dict {
		return nil, fmt.Errorf("%s is no flow", v.Tag())
	}
	number, _, err := versionOf(v)
	if err != nil {
		return nil, err
	}
	v.Set("version", tnet.NewInt(Version))
	textOf(v, "type", "id")
	if e := v.Key("error"); e.Tag() == tnet.Dict {
		textOf(e, "msg")
	}
	v.Remove("mode")
	if m := v.Key("marked"); m.Tag() == tnet.Bool || m.IsNull() {
		if on, _ := m.Bool(); on {
			v.Set("marked", tnet.NewText(":default:"))
		} else {
			v.Set("marked", tnet.NewText(""))
		}
	}
	replay := replayOf(v.Key("request"), "request")
	if replay.IsNull() {
		replay = replayOf(v.Key("response"), "response")
	}
	if v.Key("is_replay") == nil {
		v.Set("is_replay", replay)
	}
	if text(v, "type") != "dns" {
		upgradeRequest(v.Key("request"))
		upgradeResponse(v.Key("response"), v.Key("request"))
	}
	upgradeConn(v.Key("client_conn"))
	upgradeConn(v.Key("server_conn"))
	if c := v.Key("client_conn"); c.Tag() == tnet.Dict {
		rename(c, "address", "peername")
		ensure(c, "sockname", tnet.NewList(tnet.NewText(""), tnet.NewInt(0)))
		ensure(c, "mitmcert", tnet.Value{})
		ensure(c, "proxy_mode", tnet.NewText("regular"))
		if c.Key("timestamp_start").IsNull() {
			c.Set("timestamp_start", tnet.NewFloat(0))
		}
	}
	if c := v.Key("server_conn"); c.Tag() == tnet.Dict {
		rename(c, "ip_address", "peername")
		rename(c, "peer_address", "peername")
		rename(c, "source_address", "sockname")
		if c.Key("via2") != nil {
			c.Remove("via")
			rename(c, "via2", "via")
		}
		if via := c.Key("via"); via.Tag() == tnet.Dict { // a connection in place, up to version 9
			c.Set("via", tnet.Value{})
		}
		ensure(c, "via", tnet.Value{})
	}
	if ws := v.Key("websocket"); ws.Tag() == tnet.Dict && number < 15 {
		if err := addInjected(ws); err != nil {
			return nil, err
		}
	}
	ensure(v, "intercepted", tnet.NewBool(false))
	ensure(v, "metadata", tnet.NewDict())
	ensure(v, "comment", tnet.NewText(""))
	ensure(v, "error", tnet.Value{})
	ensure(v, "backup", tnet.Value{})
	created := v.Key("request").Key("timestamp_start")
	if created == nil {
		created = v.Key("client_conn").Key("timestamp_start")
	}
	if created != nil {
		ensure(v, "timestamp_created", *created)
	}
	if text(v, "type") == "http" {
		ensure(v, "websocket", tnet.Value{})
	}
	return strip(v, ""), nil
}

func replayOf(message *tnet.Value, name string) tnet.Value {
	if on, _ := message.Key("is_replay").Bool(); on {
		return tnet.NewText(name)
	}
	return tnet.Value{}
}

func upgradeRequest(r *tnet.Value) {
	if r.Tag() != tnet.Dict {
		return
	}
	upgradeMessage(r)
	for _, gone := range []string{"first_line_format", "form_in", "form_out", "is_replay", "stickyauth", "stickycookie"} {
		r.Remove(gone)
	}
	textOf(r, "host")
	ensure(r, "authority", tnet.NewOctets(""))
}

func upgradeResponse(r, request *tnet.Value) {
	if r.Tag() != tnet.Dict {
		return
	}
	upgradeMessage(r)
	rename(r, "code", "status_code")
	rename(r, "msg", "reason")
	r.Remove("is_replay")
	if end := request.Key("timestamp_end"); r.Key("timestamp_start").IsNull() && !end.IsNull() {
		r.Set("timestamp_start", *end)
		if at, err := end.Float(); err == nil {
			r.Set("timestamp_end", tnet.NewFloat(at+1))
		}
	}
}

func upgradeMessage(m *tnet.Value) {
	if parts, err := m.Key("httpversion").Items(2); err == nil && len(parts) == 2 {
		major, _ := parts[0].Int()
		minor, _ := parts[1].Int()
		m.Set("http_version", tnet.NewOctets(fmt.Sprintf("HTTP/%d.%d", major, minor)))
	}
	m.Remove("httpversion")
	rename(m, "body", "content")
	if m.Key("content").Tag() == tnet.Int { // 0 stood for content that is missing, up to 0.15
		m.Set("content", tnet.Value{})
	}
	ensure(m, "trailers", tnet.Value{})
}

// upgradeConn does what both connections have in common.
func upgradeConn(c *tnet.Value) {
	if c.Tag() != tnet.Dict {
		return
	}
	for _, k := range []string{"address", "source_address", "ip_address", "peer_address"} {
		if a := c.Key(k); a.Tag() == tnet.Dict {
			if inner := a.Key("address"); inner != nil {
				c.Set(k, *inner)
			}
		}
		textAddress(c, k)
	}
	if c.Key("tls") == nil {
		rename(c, "tls_established", "tls")
		rename(c, "ssl_established", "tls")
	}
	c.Remove("tls_established")
	c.Remove("ssl_established")
	c.Remove("tls_extensions")
	c.Remove("state")
	rename(c, "timestamp_ssl_setup", "timestamp_tls_setup")
	rename(c, "alpn_proto_negotiated", "alpn")
	rename(c, "cipher_name", "cipher")
	for _, k := range []string{"cert", "clientcert"} {
		if cert := c.Remove(k); cert != nil && c.Key("certificate_list") == nil {
			if cert.IsNull() {
				c.Set("certificate_list", tnet.NewList())
			} else {
				c.Set("certificate_list", tnet.NewList(*cert))
			}
		}
	}
	if offers := c.Key("alpn_offers"); offers.IsNull() {
		c.Set("alpn_offers", listOf(c.Key("alpn")))
	}
	if ciphers := c.Key("cipher_list"); ciphers.IsNull() {
		c.Set("cipher_list", listOf(c.Key("cipher")))
	}
	switch sni := c.Key("sni"); sni.Tag() {
	case tnet.Text:
	case tnet.Octets:
		c.Set("sni", tnet.NewText(text(c, "sni")))
	default: // true stood in some files
		c.Set("sni", tnet.Value{})
	}
	if text(c, "tls_version") == "QUIC" {
		c.Set("tls_version", tnet.NewText("QUICv1"))
	}
	ensure(c, "transport_protocol", tnet.NewText("tcp"))
	for _, k := range []string{"alpn", "cipher", "tls_version", "error", "timestamp_tls_setup", "timestamp_end"} {
		ensure(c, k, tnet.Value{})
	}
	ensure(c, "certificate_list", tnet.NewList())
	ensure(c, "tls", tnet.NewBool(false))
}

// textAddress makes the host of an address text.
func textAddress(c *tnet.Value, key string) {
	parts, err := c.Key(key).Items(4)
	if err != nil || len(parts) == 0 || parts[0].Tag() != tnet.Octets {
		return
	}
	host, err := parts[0].Bytes(maxText)
	if err != nil {
		return
	}
	all := []tnet.Value{tnet.NewText(string(host))}
	for _, p := range parts[1:] {
		all = append(all, *p)
	}
	c.Set(key, tnet.NewList(all...))
}

// addInjected gives the messages of a WebSocket the truth value that older
// versions do not have.
func addInjected(ws *tnet.Value) error {
	messages := ws.Key("messages")
	if messages == nil {
		return nil
	}
	old := *messages
	*messages = tnet.NewElements(func(add func(tnet.Value) error) error {
		for m, err := range old.Each() {
			if err != nil {
				return err
			}
			parts, err := m.Items(8)
			if err != nil {
				return err
			}
			all := make([]tnet.Value, 0, 6)
			for _, p := range parts {
				all = append(all, *p)
			}
			for len(all) < 6 {
				all = append(all, tnet.NewBool(false))
			}
			if err := add(tnet.NewList(all...)); err != nil {
				return err
			}
		}
		return nil
	})
	return nil
}

func listOf(v *tnet.Value) tnet.Value {
	if v.IsNull() {
		return tnet.NewList()
	}
	return tnet.NewList(*v)
}

func rename(v *tnet.Value, old, name string) {
	if had := v.Remove(old); had != nil {
		v.Set(name, *had)
	}
}

func ensure(v *tnet.Value, name string, to tnet.Value) {
	if v.Key(name) == nil {
		v.Set(name, to)
	}
}

// textOf makes the octets under keys text.
func textOf(v *tnet.Value, keys ...string) {
	for _, k := range keys {
		if v.Key(k).Tag() == tnet.Octets {
			v.Set(k, tnet.NewText(text(v, k)))
		}
	}
}

// text is the value of a key as a string, "" where there is none.
func text(v *tnet.Value, key string) string {
	p, err := v.Key(key).Bytes(maxText)
	if err != nil {
		return ""
	}
	return string(p)
}
