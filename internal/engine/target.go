package engine

import (
	"net"
	"strconv"
	"strings"

	"midstream/flow"
)

// settleHost makes Host agree with the authority of an absolute target, which
// wins (RFC 9112 section 3.2.2). It returns a text when they differed. A Host
// that is missing from an HTTP/1.0 request is not invented.
func settleHost(r *flow.Request) string {
	if r.Form != flow.AbsoluteForm || r.Authority == "" || r.Version >= flow.HTTP2 {
		return ""
	}
	authority := r.Authority
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		authority = authority[i+1:]
	}
	host, ok := r.Fields.Lookup("Host")
	switch {
	case !ok:
		r.Fields.Insert(0, "Host", authority) // HTTP/1.0, too: a server of many sites needs it
		return ""
	case sameAuthority(r.Scheme, host, authority):
		return ""
	}
	r.Fields.Set("Host", authority)
	return "Host " + strconv.Quote(host) + " differed from the target's authority " + strconv.Quote(authority) + " and was replaced by it"
}

// sameAuthority compares two authorities, folding case and the default port.
func sameAuthority(scheme, a, b string) bool {
	if flow.EqualFold(a, b) {
		return true
	}
	ha, pa := splitAuthority(scheme, a)
	hb, pb := splitAuthority(scheme, b)
	return pa == pb && flow.EqualFold(ha, hb)
}

func splitAuthority(scheme, s string) (host, port string) {
	if h, p, err := net.SplitHostPort(s); err == nil {
		if p != "" {
			return h, p
		}
		s = h
	}
	return strings.Trim(s, "[]"), strconv.Itoa(int(flow.DefaultPort(scheme)))
}

// towardsOrigin changes a request head into what an origin is sent: the origin
// form, and for HTTP/1 a Host where a version without one carried the
// authority apart, and one Cookie where it split them.
func towardsOrigin(r *flow.Request, from, to flow.Version) {
	if r.Form == flow.AbsoluteForm {
		r.Form, r.Wire = flow.OriginForm, ""
		if r.Path == "" {
			r.Path = "/"
		}
	}
	if from >= flow.HTTP2 && to < flow.HTTP2 {
		if r.Authority != "" && !r.Fields.Has("Host") {
			r.Fields.Insert(0, "Host", r.Authority)
		}
		r.Fields.JoinCookies()
	}
	if v := spoken(from); to < flow.HTTP2 && r.Version != v {
		r.Version, r.Wire = v, ""
	}
}

// spoken is the version that a request from a client of version from says on an
// HTTP/1 connection: a server that is known to be of HTTP/1.0 is still told that
// more is understood (RFC 9110 section 6.2); only what cannot be read there is
// left out.
func spoken(from flow.Version) flow.Version {
	if from == flow.HTTP10 {
		return flow.HTTP10
	}
	return flow.HTTP11
}

// idempotent tells whether a request may be sent twice (RFC 9110 section 9.2.2).
func idempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return true
	}
	return false
}
