package engine

import (
	"slices"
	"strings"

	"midstream/flow"
)

// hop says which fields of one connection go on, over the connection to the
// next one (RFC 9110 section 7.6.1).
type hop struct {
	to flow.Version
	// upgrade keeps Upgrade: the exchange asks for, or answers, an upgrade.
	upgrade bool
	// ownProxyAuth drops Proxy-Authorization: it was meant for midstream.
	ownProxyAuth bool
	// dropExpect drops Expect: midstream has answered it.
	dropExpect bool
	// connection is an option for the next hop, "close" or "keep-alive", that
	// is midstream's own to say.
	connection string
	// direct keeps what the sender says of its connection, as far as that holds
	// for both: the two sides believe that they speak to each other.
	direct bool
}

// end-to-end fields that a Connection field cannot remove: without them the
// message would mean something else.
var unremovable = [...]string{"Host", "Content-Length", "Transfer-Encoding", "Trailer", "Date", "Cache-Control"}

// forward returns the fields that go on, in their order and spelling. It does
// not touch in, nor the framing fields (see frameOut).
func forward(in flow.Fields, h hop) flow.Fields {
	var named []string // what Connection nominates
	at := -1           // where the first Connection line stood
	teTrailers := false
	for i := range in {
		switch {
		case flow.EqualFold(in[i].Name, "Connection"):
			for item := range strings.SplitSeq(in[i].Value, ",") {
				if item = flow.TrimSpace(item); item != "" {
					named = append(named, item)
				}
			}
		case flow.EqualFold(in[i].Name, "TE"):
			teTrailers = teTrailers || hasTrailersToken(in[i].Value)
		}
	}
	out := make(flow.Fields, 0, len(in)+2)
	var first flow.Field
	for _, f := range in {
		switch {
		case flow.EqualFold(f.Name, "Connection"):
			if at < 0 {
				at, first = len(out), f
			}
			continue
		case flow.EqualFold(f.Name, "Proxy-Connection"):
			continue
		case flow.EqualFold(f.Name, "Keep-Alive"):
			if h.direct && h.connection == "" && h.to < flow.HTTP2 {
				out = append(out, f)
			}
			continue
		case flow.EqualFold(f.Name, "TE"):
			if !hasTrailersToken(f.Value) {
				continue
			}
			if !flow.EqualFold(f.Value, "trailers") {
				f.Value, f.Wire = "trailers", ""
			}
			out = append(out, f)
			continue
		case flow.EqualFold(f.Name, "Upgrade"):
			if h.upgrade && h.to < flow.HTTP2 {
				out = append(out, f)
			}
			continue
		case h.ownProxyAuth && flow.EqualFold(f.Name, "Proxy-Authorization"),
			h.dropExpect && flow.EqualFold(f.Name, "Expect"):
			continue
		}
		if named != nil && nominated(f.Name, named) {
			continue
		}
		out = append(out, f)
	}
	if h.to >= flow.HTTP2 {
		return out
	}
	if h.direct && h.connection == "" {
		named = slices.DeleteFunc(named, func(item string) bool {
			return in.Has(item) && !flow.EqualFold(item, "Keep-Alive") && !flow.EqualFold(item, "TE") && !flow.EqualFold(item, "Upgrade")
		})
	}
	options := connectionOptions(named, h, teTrailers)
	if options == "" {
		return out
	}
	if at < 0 {
		out.Add("Connection", options)
		return out
	}
	if !sameItems(first.Value, options) {
		first.Value, first.Wire = options, ""
	}
	return slices.Insert(out, at, first)
}

// connectionOptions is the value of the Connection field for the next hop: the
// sender's own spelling and order of what still holds, then what is added.
func connectionOptions(named []string, h hop, teTrailers bool) string {
	if named == nil && h.connection == "" && !h.upgrade && !teTrailers {
		return ""
	}
	var want [3]string
	n := 0
	add := func(token string, wanted bool) {
		if wanted {
			want[n] = token
			n++
		}
	}
	add("Upgrade", h.upgrade)
	add("TE", teTrailers)
	add(h.connection, h.connection != "")
	if h.direct && h.connection == "" {
		return directOptions(named, want[:n])
	}
	if n == 0 {
		return ""
	}
	if n == 1 && len(named) == 0 {
		return want[0]
	}
	items := make([]string, 0, n)
	for _, item := range named {
		for i, token := range want[:n] {
			if token != "" && flow.EqualFold(item, token) {
				items = append(items, item)
				want[i] = ""
			}
		}
	}
	for _, token := range want[:n] {
		if token != "" {
			items = append(items, token)
		}
	}
	return strings.Join(items, ", ")
}

// directOptions keeps what named says, but for Upgrade and TE where they are not
// wanted, and adds what is missing.
func directOptions(named, want []string) string {
	items := slices.DeleteFunc(named, func(item string) bool {
		return (flow.EqualFold(item, "Upgrade") || flow.EqualFold(item, "TE")) && !nominates(want, item)
	})
	for _, token := range want {
		if !nominates(items, token) {
			items = append(items, token)
		}
	}
	return strings.Join(items, ", ")
}

// sameItems tells whether two lists say the same in the same order.
func sameItems(a, b string) bool {
	for more := true; more || b != ""; {
		var x, y string
		x, a, more = strings.Cut(a, ",")
		y, b, _ = strings.Cut(b, ",")
		if flow.TrimSpace(x) != flow.TrimSpace(y) {
			return false
		}
	}
	return true
}

// nominates tells whether an option is among those of a Connection field.
func nominates(named []string, token string) bool {
	return slices.ContainsFunc(named, func(s string) bool { return flow.EqualFold(s, token) })
}

func nominated(name string, named []string) bool {
	for _, item := range named {
		if flow.EqualFold(item, name) {
			return !slices.ContainsFunc(unremovable[:], func(s string) bool { return flow.EqualFold(s, name) })
		}
	}
	return false
}

// hasTrailersToken tells whether a TE value accepts trailer sections.
func hasTrailersToken(v string) bool {
	for item := range strings.SplitSeq(v, ",") {
		item, _, _ = strings.Cut(item, ";")
		if flow.EqualFold(flow.TrimSpace(item), "trailers") {
			return true
		}
	}
	return false
}

// wantsUpgrade tells whether a request asks to upgrade its connection to
// something else than HTTP/2: h2c would hide the exchanges that follow, and a
// server may always ignore it (RFC 9110 section 7.8).
func wantsUpgrade(v flow.Version, fields flow.Fields) bool {
	if v != flow.HTTP11 || !fields.HasToken("Connection", "Upgrade") {
		return false
	}
	to, ok := fields.Lookup("Upgrade")
	return ok && !flow.EqualFold(to, "h2c")
}

// persistence is the Connection option of a response to a client of version v
// whose request had fields: "" where the version's own default says it.
func persistence(v flow.Version, fields flow.Fields, f flow.Framing, last lastness) string {
	closes := last == lastOne || f.Kind == flow.UntilClose
	switch v {
	case flow.HTTP11:
		if closes || fields.HasToken("Connection", "close") {
			return "close"
		}
	case flow.HTTP10:
		keeps := fields.HasToken("Connection", "keep-alive") || fields.HasToken("Proxy-Connection", "keep-alive")
		switch {
		case closes:
			return "close"
		case keeps && !fields.HasToken("Connection", "close"):
			return "keep-alive"
		}
	}
	return ""
}

// lastness says whether the connection can serve another exchange.
type lastness uint8

const (
	notLast lastness = iota
	lastOne
)

// Laster is a Stream that can be told that its connection closes behind the
// response, where the head says no more of that than the server's did.
type Laster interface {
	Last()
}

// persistsAsThere lets the client's connection close behind the response where
// the server's does, and returns what midstream has to add about that.
func (x *exchange) persistsAsThere(out *flow.Response, f flow.Framing, last lastness) (option string) {
	if last == lastOne {
		return "close"
	}
	closes := f.Kind == flow.UntilClose || out.Fields.HasToken("Connection", "close") || x.fields.HasToken("Connection", "close") ||
		(out.Version == flow.HTTP10 || x.version == flow.HTTP10) && !out.Fields.HasToken("Connection", "keep-alive")
	switch {
	case !closes:
		return ""
	case f.Kind == flow.UntilClose && x.arriving.in.Kind != flow.UntilClose:
		return "close" // the server did not mean it
	}
	return x.lastSilently("close")
}

// lastSilently closes the connection behind the response without a word; where
// that cannot be, option is what has to be said.
func (x *exchange) lastSilently(option string) string {
	if s, ok := x.stream.(Laster); ok {
		s.Last()
		return ""
	}
	return option
}
