package flowview

import (
	"crypto/tls"
	"encoding/pem"
	"net"
	"strconv"
	"strings"
	"time"

	"midstream/flow"
	"midstream/internal/query"
)

// A cutText gives a part of a flow; field is what stands in header[...]. What
// the flow does not have is "".
type cutText = func(f *flow.Flow, field string) string

// cutPaths are all parts but bodies.
func cutPaths() map[string]cutText {
	paths := map[string]cutText{
		"number":            func(f *flow.Flow, _ string) string { return strconv.FormatUint(f.Number, 10) },
		"id":                func(f *flow.Flow, _ string) string { return f.ID.String() },
		"type":              func(f *flow.Flow, _ string) string { return f.Kind.String() },
		"marked":            func(f *flow.Flow, _ string) string { return f.Marker },
		"comment":           func(f *flow.Flow, _ string) string { return f.Comment },
		"error":             func(f *flow.Flow, _ string) string { return f.Outcome.Text },
		"error.msg":         func(f *flow.Flow, _ string) string { return f.Outcome.Text },
		"outcome":           func(f *flow.Flow, _ string) string { return f.Outcome.Kind.String() },
		"timestamp_created": func(f *flow.Flow, _ string) string { return stamp(f.Start) },
		"is_replay": func(f *flow.Flow, _ string) string {
			return [...]string{flow.NotReplayed: "", flow.RequestReplayed: "request", flow.ServerReplayed: "response"}[f.Replayed]
		},
	}
	addMessagePaths(paths)
	addConnPaths(paths, "client_conn", func(f *flow.Flow) *flow.Conn { return f.Client })
	addConnPaths(paths, "server_conn", func(f *flow.Flow) *flow.Conn { return f.Server })
	return paths
}

func addMessagePaths(paths map[string]cutText) {
	for name, of := range map[string]func(r *flow.Request, field string) string{
		"method":          func(r *flow.Request, _ string) string { return r.Method },
		"scheme":          func(r *flow.Request, _ string) string { return r.Scheme },
		"host":            func(r *flow.Request, _ string) string { return r.Host },
		"host_header":     func(r *flow.Request, _ string) string { return authorityOf(r) },
		"authority":       func(r *flow.Request, _ string) string { return r.Authority },
		"pretty_host":     func(r *flow.Request, _ string) string { return query.Named(r) },
		"port":            func(r *flow.Request, _ string) string { return strconv.Itoa(int(r.Port)) },
		"path":            func(r *flow.Request, _ string) string { return r.Path },
		"url":             func(r *flow.Request, _ string) string { return r.URL() },
		"pretty_url":      func(r *flow.Request, _ string) string { return r.DisplayURL() },
		"http_version":    func(r *flow.Request, _ string) string { return r.Version.String() },
		"timestamp_start": func(r *flow.Request, _ string) string { return stamp(r.Start) },
		"timestamp_end":   func(r *flow.Request, _ string) string { return stamp(r.End) },
		"header":          func(r *flow.Request, name string) string { return r.Fields.Joined(name) },
		"trailer":         func(r *flow.Request, name string) string { return r.Trailers.Joined(name) },
	} {
		paths["request."+name] = func(f *flow.Flow, field string) string {
			if f.Request == nil {
				return ""
			}
			return of(f.Request, field)
		}
	}
	for name, of := range map[string]func(r *flow.Response, field string) string{
		"status_code":     func(r *flow.Response, _ string) string { return strconv.Itoa(r.Status) },
		"reason":          func(r *flow.Response, _ string) string { return r.Reason },
		"http_version":    func(r *flow.Response, _ string) string { return r.Version.String() },
		"timestamp_start": func(r *flow.Response, _ string) string { return stamp(r.Start) },
		"timestamp_end":   func(r *flow.Response, _ string) string { return stamp(r.End) },
		"header":          func(r *flow.Response, name string) string { return r.Fields.Joined(name) },
		"trailer":         func(r *flow.Response, name string) string { return r.Trailers.Joined(name) },
	} {
		paths["response."+name] = func(f *flow.Flow, field string) string {
			if f.Response == nil {
				return ""
			}
			return of(f.Response, field)
		}
	}
}

func addConnPaths(paths map[string]cutText, conn string, of func(f *flow.Flow) *flow.Conn) {
	add := func(name string, text func(c *flow.Conn) string) {
		paths[conn+"."+name] = func(f *flow.Flow, _ string) string {
			if c := of(f); c != nil {
				return text(c)
			}
			return ""
		}
	}
	for name, address := range map[string]func(c *flow.Conn) string{
		"peername":   func(c *flow.Conn) string { return c.Peer },
		"ip_address": func(c *flow.Conn) string { return c.Peer },
		"sockname":   func(c *flow.Conn) string { return c.Local },
		"address":    func(c *flow.Conn) string { return addressOf(c) },
	} {
		add(name, address)
		add(name+".host", func(c *flow.Conn) string { host, _, _ := net.SplitHostPort(address(c)); return host })
		add(name+".port", func(c *flow.Conn) string { _, port, _ := net.SplitHostPort(address(c)); return port })
	}
	secured := func(text func(t *flow.TLS) string) func(c *flow.Conn) string {
		return func(c *flow.Conn) string {
			if c.TLS == nil {
				return ""
			}
			return text(c.TLS)
		}
	}
	add("id", func(c *flow.Conn) string { return c.ID.String() })
	add("via", func(c *flow.Conn) string { return c.Via })
	add("tls", func(c *flow.Conn) string { return strconv.FormatBool(c.TLS != nil) })
	add("tls_established", func(c *flow.Conn) string { return strconv.FormatBool(c.TLS != nil) })
	add("tls_version", secured(func(t *flow.TLS) string {
		return strings.TrimSuffix(strings.Replace(tls.VersionName(t.Version), "TLS ", "TLSv", 1), ".0")
	}))
	add("cipher", secured(func(t *flow.TLS) string { return tls.CipherSuiteName(t.Cipher) }))
	add("sni", secured(func(t *flow.TLS) string { return t.SNI }))
	add("alpn", secured(func(t *flow.TLS) string { return t.ALPN }))
	add("certificate_list", secured(func(t *flow.TLS) string {
		var chain strings.Builder
		for _, der := range t.Certificates {
			_ = pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: der})
		}
		return chain.String()
	}))
	add("timestamp_start", func(c *flow.Conn) string { return stamp(c.Start) })
	add("timestamp_tcp_setup", func(c *flow.Conn) string { return stamp(c.Connected) })
	add("timestamp_tls_setup", func(c *flow.Conn) string { return stamp(c.Secured) })
	add("timestamp_end", func(c *flow.Conn) string { return stamp(c.End) })
}

// addressOf is what a server was asked for, and where a client comes from.
func addressOf(c *flow.Conn) string {
	if c.Address == "" {
		return c.Peer
	}
	return c.Address
}

// authorityOf is the authority of a request as its client wrote it.
func authorityOf(r *flow.Request) string {
	if r.Authority != "" {
		return r.Authority
	}
	return r.Fields.Get("Host")
}

// stamp is a time in seconds since 1970.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatFloat(float64(t.UnixMicro())/1e6, 'f', -1, 64)
}
