package instance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"midstream/internal/engine"
	"midstream/internal/option"
	"midstream/internal/script"
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

// live are options that take effect while midstream runs, besides termOptions and
// answerOptions. The others are read at the start.
var live = []string{
	"stream_large_bodies", "store_streamed_bodies", "body_size_limit", "content_limit", "endless_types",
	"stream_chunk_size", "tcp_timeout", "scripts", "script_timeout", "script_memory", "flow_detail", "termlog_verbosity",
	"mode", "listen_host", "listen_port", "intercept", "intercept_active", "intercept_timeout",
	"modify_headers", "modify_body", "modify_body_window", "map_remote", "map_local", "block_list", "anticache", "anticomp",
	"stickyauth", "stickycookie", "rules", "mock", "strip_h3", "strip_ech", "fault", "fault_seed",
	"ignore_hosts", "allow_hosts", "tcp_hosts", "show_ignored_hosts", "connection_strategy", "upstream_cert", "keep_host_header",
	"block_global", "block_private", "keep_alt_svc_header", "replay_speed", "client_replay", "client_replay_concurrency",
	"showhost", "dumper_filter", "dumper_default_contentview", "content_view_lines_cutoff", "keepserving", "export_preserve_original_ip",
	"save_stream_file", "save_stream_filter", "hardump",
}

func isLive(name string) bool {
	return slices.Contains(live, name) || slices.Contains(termOptions, name) || slices.Contains(answerOptions, name)
}

// atStart is why an option cannot be changed now.
func atStart(name string) error {
	return fmt.Errorf("option %s %w: start midstream with --set %s=VALUE, or set it in the load event of a script", name, script.ErrAtStart, name)
}

// follow applies changes of options while midstream runs.
func (in *Instance) follow(ctx context.Context) {
	in.cancel = append(in.cancel, in.opts.Subscribe(func(changed []string) error {
		for _, name := range changed {
			o, err := in.opts.Find(name)
			if err == nil && o.Group != option.GroupScripts && !isLive(name) {
				return atStart(name)
			}
		}
		policy, err := policyOf(in.opts)
		if err != nil {
			return err
		}
		if err := in.changeTerms(changed); err != nil {
			return err
		}
		if err := in.changeReplays(ctx, changed); err != nil {
			return err
		}
		manner, err := in.manner()
		if err != nil {
			return err
		}
		in.way.SetManner(manner)
		if slices.ContainsFunc(changed, isWay) {
			if err := in.changeWays(ctx); err != nil {
				return err
			}
		}
		if err := in.changeRules(changed); err != nil {
			return err
		}
		if err := in.changeSaves(ctx, changed); err != nil {
			return err
		}
		if slices.ContainsFunc(changed, isIntercept) {
			if err := in.setIntercept(); err != nil {
				return err
			}
			in.rebuild()
		}
		in.engine.SetPolicy(policy)
		in.boundScripts()
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

// openKeyLog opens the file that TLS secrets are written to, for tools that
// decrypt captures: MIDSTREAM_SSLKEYLOGFILE, else SSLKEYLOGFILE.
func (in *Instance) openKeyLog() error {
	if in.keyLog != nil {
		return nil
	}
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

// boundScripts tells the scripts how much a call may take.
func (in *Instance) boundScripts() {
	in.scripts.SetTimeout(in.opts.Duration("script_timeout"))
	in.scripts.SetMemory(in.opts.Size("script_memory"))
}
