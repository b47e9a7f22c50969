package instance

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"midstream/internal/auth"
	"midstream/internal/ca"
	"midstream/internal/engine"
	"midstream/internal/http1"
	"midstream/internal/option"
	"midstream/internal/proxy"
	"midstream/internal/script"
	"midstream/internal/upstream"
)

// policyOf reads the options that steer the engine.
func policyOf(o *option.Registry) (engine.Policy, error) {
	p := engine.Policy{
		StoreStreamedBodies: o.Bool("store_streamed_bodies"),
		ContentLimit:        o.Size("content_limit"),
		EndlessTypes:        o.List("endless_types"),
		ChunkSize:           int(o.Size("stream_chunk_size")),
		TCPTimeout:          o.Duration("tcp_timeout"),
	}
	if n, ok := o.OptionalSize("stream_large_bodies"); ok {
		p.StreamLargeBodies = &n
	}
	if n, ok := o.OptionalSize("body_size_limit"); ok {
		p.BodySizeLimit = &n
	}
	if p.ContentLimit == 0 {
		p.ContentLimit = -1
	}
	if p.TCPTimeout == 0 {
		p.TCPTimeout = -1
	}
	return p, nil
}

// live are the options that take effect while midstream runs. The others are
// read at the start.
var live = []string{
	"stream_large_bodies", "store_streamed_bodies", "body_size_limit", "content_limit", "endless_types",
	"stream_chunk_size", "tcp_timeout", "scripts", "script_timeout", "flow_detail", "termlog_verbosity",
	"mode", "listen_host", "listen_port", "intercept", "intercept_active", "intercept_timeout",
	"modify_headers", "modify_body", "modify_body_window", "map_remote", "map_local", "block_list", "anticache", "anticomp",
	"stickyauth", "stickycookie", "rules", "mock", "strip_h3", "strip_ech", "fault", "fault_seed",
	"ignore_hosts", "allow_hosts", "tcp_hosts", "show_ignored_hosts", "connection_strategy", "upstream_cert", "keep_host_header",
	"block_global", "block_private",
}

// follow applies changes of options while midstream runs.
func (in *Instance) follow(ctx context.Context) {
	in.cancel = append(in.cancel, in.opts.Subscribe(func(changed []string) error {
		for _, name := range changed {
			o, err := in.opts.Find(name)
			if err == nil && o.Group != option.GroupScripts && !slices.Contains(live, name) {
				return fmt.Errorf("option %s is read when midstream starts: start it again with --set %s=VALUE", name, name)
			}
		}
		policy, err := policyOf(in.opts)
		if err != nil {
			return err
		}
		manner, err := mannerOf(in.opts)
		if err != nil {
			return err
		}
		if in.proxy != nil {
			in.proxy.SetManner(manner)
		}
		if slices.ContainsFunc(changed, isWay) {
			if err := in.changeWays(ctx); err != nil {
				return err
			}
		}
		if err := in.changeRules(changed); err != nil {
			return err
		}
		if slices.ContainsFunc(changed, isIntercept) {
			if err := in.setIntercept(); err != nil {
				return err
			}
			in.rebuild()
		}
		in.engine.SetPolicy(policy)
		in.scripts.SetTimeout(in.opts.Duration("script_timeout"))
		if slices.Contains(changed, "scripts") {
			if err := in.loadScripts(ctx); err != nil {
				return err
			}
			in.rebuild()
		}
		if err := in.scripts.Configure(ctx, changed); err != nil {
			return err
		}
		return in.python.Configure(ctx, changed)
	}))
}

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

// proxyConfig reads the options that steer the proxy, and loads the files that
// they name.
func (in *Instance) proxyConfig() (proxy.Config, error) {
	o := in.opts
	pass := ""
	if s, ok := o.OptionalString("cert_passphrase"); ok {
		pass = s
	}
	certs, err := ca.LoadCerts(o.List("certs"), pass)
	if err != nil {
		return proxy.Config{}, &UsageError{err}
	}
	clientCerts, err := ca.LoadClientCerts(o.Path("client_certs"), pass)
	if err != nil {
		return proxy.Config{}, &UsageError{err}
	}
	kind := ca.ECDSA
	if o.String("key_type") == "rsa" {
		kind = ca.RSA
	}
	in.authority, err = ca.Load(in.confdir, ca.Options{KeyType: kind, Passphrase: pass, Certs: certs, Logger: in.log})
	if err != nil {
		return proxy.Config{}, err
	}
	c := proxy.Config{CA: in.authority, HTTP2: o.Bool("http2")}
	if c.Manner, err = mannerOf(o); err != nil {
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
	in.setUpTransparent(ways, &c)
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
	return c, nil
}

// openKeyLog opens the file that TLS secrets are written to, for tools that
// decrypt captures: MIDSTREAM_SSLKEYLOGFILE, else SSLKEYLOGFILE.
func (in *Instance) openKeyLog() error {
	path := in.cfg.Getenv("MIDSTREAM_SSLKEYLOGFILE")
	if path == "" {
		path = in.cfg.Getenv("SSLKEYLOGFILE")
	}
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return usage("open SSLKEYLOGFILE: %w", err)
	}
	in.keyLog = f
	in.log.Warn("TLS secrets are written to " + path + ": who reads it can decrypt all that passes")
	return nil
}

// scriptOptions is the registry as scripts see it.
type scriptOptions struct{ r *option.Registry }

func (s scriptOptions) Add(o script.Option) error {
	d := option.Option{Name: o.Name, Default: o.Default, Help: o.Help}
	switch o.Type {
	case script.Bool:
		d.Type = option.Bool
	case script.Int:
		d.Type = option.Int
	case script.String:
		d.Type = option.String
	case script.OptionalInt:
		d.Type, d.Optional = option.Int, true
	case script.OptionalString:
		d.Type, d.Optional = option.String, true
	case script.List:
		d.Type = option.List
	}
	return s.r.Add(d)
}

func (s scriptOptions) Get(name string) (any, bool) {
	o, err := s.r.Find(name)
	if err != nil {
		return nil, false
	}
	if o.Secret {
		return nil, true
	}
	v, ok := s.r.Lookup(name)
	if d, isTime := v.Value.(time.Duration); isTime {
		return d.Seconds(), ok
	}
	return v.Value, ok
}

func (s scriptOptions) Set(name string, value any) error {
	return s.r.UpdateFrom(option.Script, map[string]any{name: value})
}

func (s scriptOptions) Names() []string {
	var names []string
	for _, o := range s.r.Options() {
		names = append(names, o.Name)
	}
	return names
}

// own tells whether connections can start from a: whether the system lets a
// socket have it.
func own(a netip.Addr) error {
	s, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 0)))
	if err != nil {
		if e, ok := errors.AsType[*os.SyscallError](err); ok {
			return e.Err
		}
		return err
	}
	return s.Close()
}
