package proxy

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"midstream/flow"
)

// A route fills in where the requests of one connection go. It may change the
// request and returns what a person should see about it; an error refuses it.
type route interface {
	direct(r *flow.Request) ([]flow.Finding, *flow.Error)
}

// asProxy is the route of clients that know us for a proxy: the target says.
type asProxy struct{ c *client }

func (a asProxy) direct(r *flow.Request) ([]flow.Finding, *flow.Error) {
	forUs := r.Form != flow.AbsoluteForm
	if r.Version >= flow.HTTP2 {
		// Every target names an authority there.
		forUs = r.Host != "" && a.c.p.toItself(r.Host, r.Port)
	}
	// Who is to use the proxy asks it for the certificate, perhaps through itself.
	if page := a.c.p.now().Onboard; page.takes(r) && (forUs || r.Scheme == "http" && a.c.p.toItself(r.Host, r.Port)) {
		r.Scheme, r.Host, r.Port = "http", page.Host, 80
		if a.c.facts.TLS != nil {
			r.Scheme, r.Port = "https", 443
		}
		return nil, nil
	}
	if forUs {
		return nil, refusal(400, "this is midstream, an HTTP proxy, and not a web server: set it as the proxy of your client, as in curl -x http://PROXY-ADDRESS https://example.com/")
	}
	if r.Host == "" {
		return nil, refusal(400, "the request target names no host")
	}
	if r.Scheme != "http" && r.Scheme != "https" {
		return nil, refusal(400, "scheme %s is not http or https", strconv.Quote(shorten(r.Scheme)))
	}
	r.Via = a.c.parents.of(r.Scheme, r.Host, r.Port)
	return nil, nil
}

// inTunnel is the route of requests inside a tunnel: its target, whatever they
// say. Rules and hooks see where a request really goes.
type inTunnel struct {
	scheme string
	host   string
	port   uint16
	sni    string  // "" without TLS or a server name
	to     *detour // where a hook has sent it, nil for nowhere else
	via    *flow.Via
}

func (t inTunnel) direct(r *flow.Request) ([]flow.Finding, *flow.Error) {
	if r.Form == flow.AuthorityForm {
		return nil, refusal(400, "CONNECT inside a tunnel is not supported; ask the proxy itself for it")
	}
	var found []flow.Finding
	named := r.Fields.Get("Host")
	if r.Version >= flow.HTTP2 {
		// A client may try a connection for another site that its certificate names
		// (RFC 9113 section 9.1.1); 421 makes it open one of its own.
		if r.Authority != "" {
			named = r.Authority
		}
		if named != "" && !t.is(named) {
			return nil, refusal(421, "the request is for %s, the connection is to %s; open another connection for it", strconv.Quote(shorten(named)), t.name())
		}
	}
	if r.Form == flow.AbsoluteForm {
		if r.Authority != "" {
			named = r.Authority
		}
		if !t.is(named) {
			found = append(found, flow.Finding{Code: "authority-mismatch", Text: "the request target names " + strconv.Quote(shorten(named)) + ", the connection is to " + t.name() + "; it was sent there"})
		}
		if r.Scheme != "" && r.Scheme != t.scheme {
			found = append(found, flow.Finding{Code: "scheme-mismatch", Text: "the request target says " + strconv.Quote(shorten(r.Scheme)) + " on a connection with " + t.scheme})
		}
	} else if named != "" && !t.is(named) {
		found = append(found, flow.Finding{Code: "host-mismatch", Text: "Host is " + strconv.Quote(shorten(named)) + ", the connection is to " + t.name()})
	}
	if t.sni != "" && net.ParseIP(t.host) == nil && !sameHost(t.sni, t.host) {
		found = append(found, flow.Finding{Code: "sni-mismatch", Text: "the TLS server name is " + strconv.Quote(shorten(t.sni)) + ", the connection is to " + strconv.Quote(shorten(t.host))})
	}
	r.Scheme, r.Host, r.Port, r.Via = t.scheme, t.host, t.port, t.via
	if t.to != nil {
		r.Host, r.Port = t.to.host, t.to.port
	}
	return found, nil
}

// is tells whether an authority means the tunnel's target, by its host or by
// the server name of its TLS.
func (t inTunnel) is(authority string) bool {
	if _, after, ok := cutLast(authority, '@'); ok {
		authority = after
	}
	host, port := authority, ""
	if h, p, err := net.SplitHostPort(authority); err == nil {
		host, port = h, p
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	if port != "" && port != strconv.Itoa(int(t.port)) {
		return false
	}
	return sameHost(host, t.host) || t.sni != "" && sameHost(host, t.sni)
}

func (t inTunnel) name() string {
	return flow.HostPort(t.scheme, t.host, t.port)
}

func sameHost(a, b string) bool {
	return flow.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, "."))
}

// toTarget is the route of a reverse mode.
type toTarget struct {
	mode     Mode
	keepHost bool
	via      *flow.Via
}

func (t toTarget) direct(r *flow.Request) ([]flow.Finding, *flow.Error) {
	if r.Form == flow.AuthorityForm {
		return nil, refusal(400, "CONNECT to a reverse proxy; ask a regular one for it")
	}
	if r.Form == flow.AbsoluteForm {
		// For this client we are the origin (RFC 9112 section 3.2.2): what the
		// target says stands for Host.
		if t.keepHost && r.Authority != "" {
			r.Fields.Set("Host", r.Authority)
		}
		r.Form, r.Authority = flow.OriginForm, ""
		if r.Path == "" {
			r.Path = "/"
		}
	}
	r.Scheme, r.Host, r.Port, r.Via = t.mode.Scheme, t.mode.Host, t.mode.Port, t.via
	if !t.keepHost {
		target := flow.HostPort(r.Scheme, r.Host, r.Port)
		if r.Fields.Has("Host") {
			r.Fields.Set("Host", target)
		}
		if r.Authority != "" {
			r.Authority = target
		}
	}
	return nil, nil
}

func refusal(status int, format string, args ...any) *flow.Error {
	return &flow.Error{Peer: flow.AtProxy, Phase: flow.InHead, Cause: flow.Malformed, Status: status, Err: errorf(format, args...)}
}

func errorf(format string, args ...any) error {
	if len(args) == 0 {
		return errors.New(format)
	}
	return fmt.Errorf(format, args...)
}
