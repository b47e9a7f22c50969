package instance

import (
	"crypto/tls"
	"net/netip"
	"slices"
	"time"

	"midstream/internal/auth"
	"midstream/internal/ca"
	"midstream/internal/http1"
	"midstream/internal/onboard"
	"midstream/internal/option"
	"midstream/internal/proxy"
	"midstream/internal/upstream"
)

var tlsVersions = map[string]uint16{
	"UNBOUNDED": 0, "TLS1": tls.VersionTLS10, "TLS1_1": tls.VersionTLS11, "TLS1_2": tls.VersionTLS12, "TLS1_3": tls.VersionTLS13,
}

// bound reads a TLS version option; the lowest one stands for UNBOUNDED at the
// lower end.
func bound(o *option.Registry, name string) uint16 {
	v := tlsVersions[o.String(name)]
	if v == 0 && name[len(name)-4:] == "_min" {
		return tls.VersionTLS10
	}
	return v
}

// caOptions are the options that the authority is made by.
var caOptions = []string{"certs", "cert_passphrase", "key_type"}

// termOptions are the options that proxy.Reconfigure takes up: they count for
// connections that are made afterwards.
var termOptions = slices.Concat(caOptions, []string{
	"client_certs", "http2", "http2_ping_keepalive", "tls_version_client_min", "tls_version_client_max", "tls_version_server_min", "tls_version_server_max",
	"ssl_insecure", "tls_hello", "tls_legacy_hosts", "ssl_verify_upstream_trusted_ca", "ssl_verify_upstream_trusted_confdir", "connect_addr",
	"proxyauth", "http_connect_send_host_header", "upstream_auth", "upstream_routes", "http_profile", "onboarding", "onboarding_host",
})

// changeTerms takes changed options up that say how clients are served and servers
// reached.
func (in *Instance) changeTerms(changed []string) error {
	among := func(names []string) bool {
		return slices.ContainsFunc(changed, func(name string) bool { return slices.Contains(names, name) })
	}
	if !among(termOptions) {
		if slices.Contains(changed, "keep_alt_svc_header") {
			in.rebuild()
		}
		return nil
	}
	authority := in.authority.Load()
	if among(caOptions) {
		authority = nil
	}
	c, err := in.proxyConfig(authority)
	if err != nil {
		return err
	}
	in.way.Reconfigure(c)
	in.rebuild()
	return nil
}

// setOnboard makes the page with the certificate.
func (in *Instance) setOnboard(c *proxy.Config) error {
	if !in.opts.Bool("onboarding") {
		in.onboard.Store(nil)
		return nil
	}
	page, err := onboard.New(in.authority.Load(), in.opts.String("onboarding_host"))
	if err != nil {
		return err
	}
	page.NoteIn(&in.visitors)
	in.onboard.Store(page)
	c.Onboard = proxy.Onboard{Host: onboard.Host, Has: page.Has, Answers: page.Answers}
	return nil
}

// proxyConfig reads the options that steer the proxy, and loads the files that
// they name. The authority is loaded, too, where there is none.
func (in *Instance) proxyConfig(authority *ca.Authority) (proxy.Config, error) {
	o := in.opts
	pass := ""
	if s, ok := o.OptionalString("cert_passphrase"); ok {
		pass = s
	}
	clientCerts, err := ca.LoadClientCerts(o.Path("client_certs"), pass)
	if err != nil {
		return proxy.Config{}, &UsageError{err}
	}
	if authority == nil {
		if authority, err = in.loadCA(pass); err != nil {
			return proxy.Config{}, err
		}
	}
	c := proxy.Config{CA: authority, HTTP2: o.Bool("http2")}
	if c.Manner, err = in.manner(); err != nil {
		return c, &UsageError{err}
	}
	if c.PingInterval = o.Duration("http2_ping_keepalive"); c.PingInterval == 0 {
		c.PingInterval = -1 // never
	}
	ways, err := waysOf(o)
	if err != nil {
		return c, &UsageError{err}
	}
	c.Modes, c.ListenHost, c.ListenPort = ways.Modes, ways.Host, ways.Port
	for _, peer := range []string{"client", "server"} {
		low, high := "tls_version_"+peer+"_min", "tls_version_"+peer+"_max"
		if newest := bound(o, high); newest != 0 && bound(o, low) > newest {
			return c, usage("option %s is %s, newer than %s, which is %s: no version is left", low, o.String(low), high, o.String(high))
		}
	}
	if err := in.openKeyLog(); err != nil {
		return c, err
	}
	c.TLS = proxy.TLS{MinVersion: bound(o, "tls_version_client_min"), MaxVersion: bound(o, "tls_version_client_max")}
	c.Upstream.TLS = upstream.TLS{
		Insecure:   o.Bool("ssl_insecure"),
		MinVersion: bound(o, "tls_version_server_min"), MaxVersion: bound(o, "tls_version_server_max"),
	}
	c.Upstream.TLS.OwnHello = o.String("tls_hello") == "own"
	if c.Upstream.TLS.Legacy, err = proxy.NewMatcher("tls_legacy_hosts", o.List("tls_legacy_hosts")); err != nil {
		return c, &UsageError{err}
	}
	if in.keyLog != nil {
		c.TLS.KeyLog, c.Upstream.TLS.KeyLog = in.keyLog, in.keyLog
	}
	if clientCerts != nil {
		c.Upstream.TLS.ClientCert = clientCerts.For
	}
	if c.Upstream.TLS.Roots, err = roots(o.Path("ssl_verify_upstream_trusted_ca"), o.Path("ssl_verify_upstream_trusted_confdir")); err != nil {
		return c, err
	}
	if a, ok := o.OptionalString("connect_addr"); ok {
		if c.Upstream.LocalAddr, err = netip.ParseAddr(a); err != nil {
			return c, usage("option connect_addr: %w", err)
		}
		if err := own(c.Upstream.LocalAddr); err != nil {
			return c, usage("option connect_addr: %s is no address of this machine that connections can start from: %w; `ip addr` or `ipconfig` lists them", a, err)
		}
	}
	if value, ok := o.OptionalString("proxyauth"); ok {
		users, err := auth.Parse(value)
		if err != nil {
			return c, usage("option proxyauth: %w", err)
		}
		c.Auth = users
	}
	c.Upstream.ConnectWithoutHost = !o.Bool("http_connect_send_host_header")
	if c.Parents, err = in.parents(); err != nil {
		return c, &UsageError{err}
	}
	if in.way == nil {
		in.setUpTransparent(ways, &c)
	}
	if err := in.checkUsers(ways); err != nil {
		return c, &UsageError{err}
	}
	if err := in.checkParents(ways); err != nil {
		return c, &UsageError{err}
	}
	if o.String("http_profile") == "strict" {
		c.HTTP.Profile, c.Upstream.HTTP.Profile = http1.Strict, http1.Strict
	}
	if t := o.Duration("tcp_timeout"); t > 0 {
		c.HTTP.IdleTimeout = t
	} else {
		c.HTTP.IdleTimeout = 100 * 365 * 24 * time.Hour
	}
	in.authority.Store(authority)
	return c, in.setOnboard(&c)
}

// loadCA loads the authority, and the certificates that are shown in place of its
// own.
func (in *Instance) loadCA(pass string) (*ca.Authority, error) {
	certs, err := ca.LoadCerts(in.opts.List("certs"), pass)
	if err != nil {
		return nil, &UsageError{err}
	}
	kind := ca.ECDSA
	if in.opts.String("key_type") == "rsa" {
		kind = ca.RSA
	}
	return ca.Load(in.confdir, ca.Options{KeyType: kind, Passphrase: pass, Certs: certs, Logger: in.log})
}
