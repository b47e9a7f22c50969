package onboard

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/ca"
)

// Host is the name that always leads to the page, through the proxy.
const Host = "midstream.internal"

// Addon answers requests for the page. Make one with New.
type Addon struct {
	files map[string]file // by path
	names []string
	page  pageFacts
	// The list of revoked certificates is at every host that a leaf names for it.
	crlPath string
	crl     func() ([]byte, error)

	visitors *Visitors // nil notes nobody
}

// file is something to load.
type file struct {
	mediaType string
	name      string // to save it by
	content   []byte
}

// New makes the addon for an authority. host is one more name that leads to the
// page, "" for none.
func New(a *ca.Authority, host string) (*Addon, error) {
	p12, err := a.CertP12()
	if err != nil {
		return nil, err
	}
	profile, err := mobileConfig(a.Cert())
	if err != nil {
		return nil, err
	}
	const certificate = "application/x-x509-ca-cert"
	files := map[string]file{
		"/cert/pem":          {certificate, ca.CertFile, a.CertPEM()},
		"/cert/cer":          {certificate, ca.CertDERFile, a.Cert().Raw},
		"/cert/p12":          {"application/x-pkcs12", ca.CertP12File, p12},
		"/cert/mobileconfig": {"application/x-apple-aspen-config", "midstream-ca-cert.mobileconfig", profile},
	}
	names := []string{Host}
	if host != "" {
		names = append(names, strings.ToLower(strings.TrimSuffix(host, ".")))
	}
	return &Addon{files: files, names: names, crlPath: a.CRLPath(), crl: a.CRL, page: pageFacts{
		Fingerprint: strings.Split(a.Fingerprint(), ":"), Expires: a.Cert().NotAfter.Format("2 January 2006"),
	}}, nil
}

// Answers tells whether host is a name of the page.
func (a *Addon) Answers(host string) bool {
	for _, n := range a.names {
		if flow.EqualFold(strings.TrimSuffix(host, "."), n) {
			return true
		}
	}
	return false
}

// Has tells whether there is something at a path, which may have a query.
func (a *Addon) Has(path string) bool {
	path, _, _ = strings.Cut(path, "?")
	_, ok := a.files[path]
	return ok || path == "/" || path == "/index.html" || path == trustPath || path == throughPath
}

// Prompt implements hook.Prompt: nothing here waits.
func (a *Addon) Prompt() bool { return true }

// ServerConnect keeps the names from being dialled.
func (a *Addon) ServerConnect(_ context.Context, d *hook.Dial) error {
	if host, _, err := net.SplitHostPort(d.Address); err == nil && a.Answers(host) {
		return &hook.Refusal{Reason: host + " is midstream's own page"}
	}
	return nil
}

// Concerns implements hook.Particular.
func (a *Addon) Concerns(client *flow.Conn, r *flow.Request) bool {
	host := r.Host
	if client != nil && strings.HasPrefix(client.Mode, "transparent") {
		// The client has resolved the name, and goes to an address.
		host, _ = named(r)
	}
	return r.Path == a.crlPath || a.Answers(host)
}

// RequestHeaders answers what is for the page.
func (a *Addon) RequestHeaders(_ context.Context, x *hook.Exchange) error {
	if x.Response != nil || !a.Concerns(x.Client, &x.Request.Request) {
		return nil
	}
	if x.Request.Path == a.crlPath {
		der, err := a.crl()
		if err != nil {
			return err
		}
		x.Response = reply(200, "application/pkix-crl", der)
		return nil
	}
	x.Response = a.answer(x)
	return nil
}

func (a *Addon) answer(x *hook.Exchange) *hook.Response {
	r := x.Request
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return reply(405, "text/plain; charset=utf-8", []byte("this is midstream's own page: it can be read only\n"), flow.Field{Name: "Allow", Value: "GET, HEAD"})
	}
	path, _, _ := strings.Cut(r.Path, "?")
	a.visited(x, path)
	if f, ok := a.files[path]; ok {
		return reply(200, f.mediaType, f.content, flow.Field{Name: "Content-Disposition", Value: `inline; filename="` + f.name + `"`})
	}
	switch path {
	case "/", "/index.html":
		facts, policy := a.facts(x)
		var page bytes.Buffer
		if err := pageTemplate.Execute(&page, facts); err != nil {
			return reply(500, "text/plain; charset=utf-8", []byte("midstream's own page: "+err.Error()+"\n"))
		}
		return reply(200, "text/html; charset=utf-8", page.Bytes(), flow.Field{Name: "Content-Security-Policy", Value: policy})
	case trustPath:
		if r.Scheme != "https" {
			return reply(404, "text/plain; charset=utf-8", []byte("this picture tells something over https only\n"))
		}
		return reply(200, "image/svg+xml", []byte(trustPicture), flow.Field{Name: "Cross-Origin-Resource-Policy", Value: "cross-origin"})
	case throughPath:
		return reply(200, "image/svg+xml", []byte(trustPicture), flow.Field{Name: "Cross-Origin-Resource-Policy", Value: "cross-origin"})
	case "/cert/magisk":
		return reply(404, "text/plain; charset=utf-8", []byte("there is no Magisk module: a device with root takes /cert/pem as a system certificate\n"))
	}
	return reply(404, "text/plain; charset=utf-8", []byte("midstream's own page is at /\n"))
}

// reply makes an answer that nobody keeps: another midstream has another CA.
func reply(status int, mediaType string, content []byte, more ...flow.Field) *hook.Response {
	fields := flow.Fields{
		{Name: "Content-Type", Value: mediaType}, {Name: "Cache-Control", Value: "no-store"}, {Name: "X-Content-Type-Options", Value: "nosniff"},
		{Name: "Referrer-Policy", Value: "no-referrer"},
	}
	return hook.MakeResponse(status, append(fields, more...), content)
}

// named is the authority that the client named, "" where it is none that could
// stand on a page.
func named(r *flow.Request) (host, port string) {
	authority := r.Authority
	if authority == "" {
		authority = r.Fields.Get("Host")
	}
	host, port, err := net.SplitHostPort(authority)
	if err != nil {
		host, port = strings.Trim(authority, "[]"), ""
	}
	if _, err := netip.ParseAddr(host); err != nil && strings.Contains(host, ":") {
		return "", ""
	}
	if n, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || n == 0) {
		return "", ""
	}
	if host == "" || len(host) > 253 || strings.Trim(strings.ToLower(host), "abcdefghijklmnopqrstuvwxyz0123456789.-:_") != "" {
		return "", ""
	}
	return host, port
}
