package onboard

import (
	"crypto/tls"
	_ "embed" // the page
	"html/template"
	"net"
	"strings"

	"midstream/flow"
	"midstream/hook"
)

//go:embed page.html
var pageText string

// pageTemplate is never changed.
var pageTemplate = template.Must(template.New("page").Parse(pageText))

// trustPath is a picture that only a client sees that trusts the CA.
const trustPath = "/trust.svg"

// throughPath is a picture that a client of the page at the proxy's own address sees
// when its proxy is set.
const throughPath = "/through.svg"

const trustPicture = `<svg xmlns="http://www.w3.org/2000/svg" width="140" height="28" role="img" aria-label="Yes"><title>Yes</title>` +
	`<rect width="140" height="28" rx="14" fill="#156c3b"/><path d="M14 14.5l4 4 8-9" fill="none" stroke="#fff" stroke-width="2.5" stroke-linecap="round" stroke-linejoin="round"/>` +
	`<text x="36" y="19" font-family="system-ui,sans-serif" font-size="14" font-weight="600" fill="#fff">Yes, it does</text></svg>`

// pageFacts are what the page shows.
type pageFacts struct {
	Fingerprint []string // pairs of hexadecimal digits
	Expires     string

	Device device
	// Secure: the page itself has come over https.
	Secure bool
	// Direct: it was asked for at the proxy's own address. ProxyHost and ProxyPort
	// are that address.
	Direct               bool
	ProxyHost, ProxyPort string
	// At is where the page is over https, without a path.
	At template.URL

	Connection []row
}

// row is a line of the table about the connection.
type row struct{ Name, Value string }

// facts returns what is to be shown for a request, and the policy for the page.
func (a *Addon) facts(x *hook.Exchange) (pageFacts, string) {
	f := a.page
	f.Device = detect(x.Request.Fields.Get("User-Agent"))
	f.Secure = x.Request.Scheme == "https"
	at := "https://" + Host
	if host, port := named(&x.Request.Request); a.Answers(host) {
		at = "https://" + strings.ToLower(host)
	} else if host != "" {
		f.Direct, f.ProxyHost, f.ProxyPort = true, host, port
		if port == "" {
			f.ProxyPort = flowPort(x.Request.Scheme)
		}
		at = "https://" + net.JoinHostPort(host, f.ProxyPort)
	}
	f.At = template.URL(at) // its parts were looked at by named
	f.Connection = connection(x)
	return f, "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' " + at + " http://" + Host + "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

func flowPort(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}

// connection tells what a server sees of the client.
func connection(x *hook.Exchange) []row {
	rows := []row{{"HTTP", x.Request.Version.String()}}
	c := x.Client
	if c == nil {
		return rows
	}
	if t := c.TLS; t != nil {
		rows = append(rows, row{"TLS", tls.VersionName(t.Version)}, row{"Cipher suite", tls.CipherSuiteName(t.Cipher)})
		if t.SNI != "" {
			rows = append(rows, row{"Server name (SNI)", cut(t.SNI)})
		}
		if len(t.Offered) > 0 {
			rows = append(rows, row{"Protocols offered (ALPN)", cut(strings.Join(t.Offered, ", "))})
		}
		if t.JA4 != "" {
			rows = append(rows, row{"TLS fingerprint (JA4)", t.JA4}, row{"TLS fingerprint (JA3)", t.JA3})
		}
	}
	if c.HTTP2 != nil && x.Request.Version == flow.HTTP2 {
		rows = append(rows, row{"HTTP/2 fingerprint", cut(c.HTTP2.Fingerprint(x.Request.Pseudos))})
	}
	if agent := x.Request.Fields.Get("User-Agent"); agent != "" {
		rows = append(rows, row{"User-Agent", cut(agent)})
	}
	return rows
}

// cut bounds what a client can put on its page.
func cut(s string) string {
	const most = 300
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
