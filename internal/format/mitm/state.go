package mitm

import (
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"midstream/flow"
	"midstream/internal/format"
	"midstream/internal/format/tnet"
)

// stamp is a time as the files have it; the zero time is null.
func stamp(t time.Time) tnet.Value {
	if t.IsZero() {
		return tnet.Value{}
	}
	return tnet.NewFloat(float64(t.Unix()) + float64(t.Nanosecond())/1e9)
}

// certain is stamp for a key that may not be null.
func certain(t time.Time) tnet.Value {
	if t.IsZero() {
		return tnet.NewFloat(0)
	}
	return stamp(t)
}

// words is text that is null when it is empty.
func words(s string) tnet.Value {
	if s == "" {
		return tnet.Value{}
	}
	return tnet.NewText(s)
}

// pair is a key with its value.
type pair = tnet.Entry

// state is the newest version's state of an Item, without what is carried.
func state(it *format.Item) (tnet.Value, error) {
	f := it.Flow
	v := tnet.NewDict(
		pair{Key: "version", Value: tnet.NewInt(Version)},
		pair{Key: "type", Value: tnet.NewText(f.Kind.String())},
		pair{Key: "id", Value: tnet.NewText(f.ID.String())},
		pair{Key: "error", Value: failure(f)},
		pair{Key: "client_conn", Value: clientState(f)},
		pair{Key: "server_conn", Value: serverState(f)},
		pair{Key: "intercepted", Value: tnet.NewBool(false)},
		pair{Key: "is_replay", Value: replayState(f.Replayed)},
		pair{Key: "marked", Value: tnet.NewText(f.Marker)},
		pair{Key: "metadata", Value: metadata(f)},
		pair{Key: "comment", Value: tnet.NewText(f.Comment)},
		pair{Key: "timestamp_created", Value: certain(f.Start)},
		pair{Key: "backup", Value: tnet.Value{}},
	)
	switch f.Kind {
	case flow.TCP, flow.UDP:
		v.Set("messages", messageList(it, func(m format.Message) tnet.Value {
			return tnet.NewList(tnet.NewBool(m.FromClient), octetsOf(m.Content), certain(m.Time))
		}))
	case flow.DNS:
		return v, dnsStates(it, &v)
	default:
		v.Set("request", requestState(it))
		v.Set("response", responseState(it))
		v.Set("websocket", webSocketState(it))
	}
	if own, err := ownState(&v, it); err != nil {
		return v, err
	} else if own != "" {
		v.Key("metadata").Set(ownKey, tnet.NewText(own))
	}
	return v, nil
}

func replayState(r flow.Replayed) tnet.Value {
	switch r {
	case flow.RequestReplayed:
		return tnet.NewText("request")
	case flow.ServerReplayed:
		return tnet.NewText("response")
	}
	return tnet.Value{}
}

func metadata(f *flow.Flow) tnet.Value {
	v := tnet.NewDict()
	for _, k := range slices.Sorted(maps.Keys(f.Metadata)) {
		v.Set(k, tnet.NewText(f.Metadata[k]))
	}
	return v
}

// failure says why a flow did not complete.
func failure(f *flow.Flow) tnet.Value {
	if f.Outcome.Kind == flow.Completed || f.Outcome.Kind == flow.Running {
		return tnet.Value{}
	}
	msg := f.Outcome.Text
	if msg == "" {
		msg = f.Outcome.String()
	}
	at := f.End
	if at.IsZero() {
		at = f.Start
	}
	return tnet.NewDict(pair{Key: "msg", Value: tnet.NewText(msg)}, pair{Key: "timestamp", Value: certain(at)})
}

func connState(c *flow.Conn, kind flow.Kind) tnet.Value {
	transport := "tcp"
	if kind == flow.UDP || kind == flow.DNS || c.TLS != nil && c.TLS.Version == 1 {
		transport = "udp"
	}
	v := tnet.NewDict(
		pair{Key: "peername", Value: hostPort(c.Peer)},
		pair{Key: "sockname", Value: hostPort(c.Local)},
		pair{Key: "id", Value: tnet.NewText(c.ID.String())},
		pair{Key: "transport_protocol", Value: tnet.NewText(transport)},
		pair{Key: "error", Value: tnet.Value{}},
		pair{Key: "tls", Value: tnet.NewBool(c.TLS != nil)},
		pair{Key: "certificate_list", Value: tnet.NewList()},
		pair{Key: "alpn", Value: tnet.Value{}},
		pair{Key: "alpn_offers", Value: tnet.NewList()},
		pair{Key: "cipher", Value: tnet.Value{}},
		pair{Key: "cipher_list", Value: tnet.NewList()},
		pair{Key: "tls_version", Value: tnet.Value{}},
		pair{Key: "sni", Value: tnet.Value{}},
		pair{Key: "timestamp_start", Value: stamp(c.Start)},
		pair{Key: "timestamp_end", Value: stamp(c.End)},
		pair{Key: "timestamp_tls_setup", Value: stamp(c.Secured)},
	)
	t := c.TLS
	if t == nil {
		return v
	}
	if t.ALPN != "" {
		v.Set("alpn", tnet.NewOctets(t.ALPN))
	}
	offers := make([]tnet.Value, 0, len(t.Offered))
	for _, o := range t.Offered {
		offers = append(offers, tnet.NewOctets(o))
	}
	v.Set("alpn_offers", tnet.NewList(offers...))
	if t.Cipher != 0 {
		v.Set("cipher", tnet.NewText(cipherName(t.Cipher)))
	}
	v.Set("tls_version", words(tlsVersions[t.Version]))
	v.Set("sni", words(t.SNI))
	return v
}

func pemOf(der []byte) tnet.Value {
	return tnet.NewOctets(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

// none stands for an address that mitmproxy wants and nobody knows.
func none() tnet.Value { return tnet.NewList(tnet.NewText(""), tnet.NewInt(0)) }

func clientState(f *flow.Flow) tnet.Value {
	c := f.Client
	if c == nil {
		c = &flow.Conn{ID: flow.ID(f.ID), Mode: "regular", Start: f.Start}
	}
	v := connState(c, f.Kind)
	for _, k := range []string{"peername", "sockname"} {
		if v.Key(k).IsNull() {
			v.Set(k, none())
		}
	}
	v.Set("timestamp_start", certain(c.Start))
	v.Set("mitmcert", tnet.Value{})
	if c.TLS != nil && len(c.TLS.Certificates) > 0 {
		v.Set("mitmcert", pemOf(c.TLS.Certificates[0]))
	}
	mode := c.Mode
	if mode == "" {
		mode = "regular"
	}
	v.Set("proxy_mode", tnet.NewText(mode))
	return v
}

func serverState(f *flow.Flow) tnet.Value {
	c := f.Server
	if c == nil {
		c = &flow.Conn{ID: flow.ID(f.ID)}
		if f.Request != nil {
			c.Address = f.Request.Address()
		}
	}
	v := connState(c, f.Kind)
	if c.TLS != nil {
		certs := make([]tnet.Value, 0, len(c.TLS.Certificates))
		for _, der := range c.TLS.Certificates {
			certs = append(certs, pemOf(der))
		}
		v.Set("certificate_list", tnet.NewList(certs...))
	}
	v.Set("address", hostPort(c.Address))
	v.Set("timestamp_tcp_setup", stamp(c.Connected))
	v.Set("via", tnet.Value{})
	return v
}

func octetsOf(b format.Body) tnet.Value {
	if b == nil {
		return tnet.Value{}
	}
	if o, ok := b.(format.Octets); ok {
		return tnet.NewOctets(string(o))
	}
	return tnet.NewSection(io.NewSectionReader(b, 0, b.Size()))
}

func fieldsState(fs flow.Fields) tnet.Value {
	lines := make([]tnet.Value, 0, len(fs))
	for _, f := range fs {
		lines = append(lines, tnet.NewList(tnet.NewOctets(f.Name), tnet.NewOctets(f.Value)))
	}
	return tnet.NewList(lines...)
}

func messageState(m *flow.Message, content format.Body, b *flow.Body, upgraded bool) tnet.Value {
	v := tnet.NewDict(
		pair{Key: "http_version", Value: tnet.NewOctets(m.Version.String())},
		pair{Key: "headers", Value: fieldsState(m.Fields)},
		pair{Key: "content", Value: octetsOf(content)},
		pair{Key: "trailers", Value: tnet.Value{}},
		pair{Key: "timestamp_start", Value: certain(m.Start)},
		pair{Key: "timestamp_end", Value: stamp(m.End)},
	)
	if content == nil && (b.Disposition == flow.NoBody || upgraded) {
		v.Set("content", tnet.NewOctets(""))
	}
	if m.Trailers != nil {
		v.Set("trailers", fieldsState(m.Trailers))
	}
	return v
}

// content is the body of a message; the directions of a WebSocket are none.
func content(it *format.Item, side flow.Side) format.Body {
	if it.Closing != nil {
		return nil
	}
	return it.Bodies[side]
}

func requestState(it *format.Item) tnet.Value {
	q := it.Flow.Request
	if q == nil { // nothing of it was readable
		q = &flow.Request{Message: flow.Message{Version: flow.HTTP11, Start: it.Flow.Start}, Method: "GET", Scheme: "http", Path: "/"}
	}
	v := messageState(&q.Message, content(it, flow.ToServer), &it.Flow.RequestBody, it.Closing != nil)
	v.Set("host", tnet.NewText(q.Host))
	v.Set("port", tnet.NewInt(int64(q.Port)))
	v.Set("method", tnet.NewOctets(q.Method))
	v.Set("scheme", tnet.NewOctets(q.Scheme))
	v.Set("authority", tnet.NewOctets(q.Authority))
	v.Set("path", tnet.NewOctets(q.Path))
	return v
}

func responseState(it *format.Item) tnet.Value {
	p := it.Flow.Response
	if p == nil {
		return tnet.Value{}
	}
	v := messageState(&p.Message, content(it, flow.ToClient), &it.Flow.ResponseBody, it.Closing != nil)
	v.Set("status_code", tnet.NewInt(int64(p.Status)))
	v.Set("reason", tnet.NewOctets(p.Reason))
	return v
}

func webSocketState(it *format.Item) tnet.Value {
	c := it.Closing
	if c == nil {
		return tnet.Value{}
	}
	v := tnet.NewDict(
		pair{Key: "messages", Value: messageList(it, func(m format.Message) tnet.Value {
			kind := int64(2)
			if m.Text {
				kind = 1
			}
			return tnet.NewList(tnet.NewInt(kind), tnet.NewBool(m.FromClient), octetsOf(m.Content), certain(m.Time), tnet.NewBool(m.Dropped), tnet.NewBool(m.Injected))
		})},
		pair{Key: "closed_by_client", Value: tnet.Value{}},
		pair{Key: "close_code", Value: tnet.Value{}},
		pair{Key: "close_reason", Value: tnet.Value{}},
		pair{Key: "timestamp_end", Value: stamp(c.Time)},
	)
	if c.Known {
		v.Set("closed_by_client", tnet.NewBool(c.ByClient))
	}
	if c.Code != 0 {
		v.Set("close_code", tnet.NewInt(int64(c.Code)))
		v.Set("close_reason", tnet.NewText(c.Reason))
	}
	return v
}

func messageList(it *format.Item, one func(format.Message) tnet.Value) tnet.Value {
	return tnet.NewElements(func(add func(tnet.Value) error) error {
		if it.Messages == nil {
			return nil
		}
		for m, err := range it.Messages {
			if err != nil {
				return err
			}
			if err := add(one(m)); err != nil {
				return err
			}
		}
		return nil
	})
}

func dnsStates(it *format.Item, v *tnet.Value) error {
	f := it.Flow
	v.Set("response", tnet.Value{})
	for side, key := range []string{"request", "response"} {
		b := it.Bodies[side]
		if b == nil || b.Size() == 0 {
			continue
		}
		if b.Size() > 65535 {
			return fmt.Errorf("%s: a DNS message of %d octets", key, b.Size())
		}
		wire := make([]byte, b.Size())
		if _, err := io.ReadFull(io.NewSectionReader(b, 0, b.Size()), wire); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		at := f.Start
		if side == int(flow.ToClient) {
			at = f.End
		}
		m, err := dnsState(wire, at)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		v.Set(key, m)
	}
	return nil
}
