package instance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"midstream/internal/option"
	"midstream/internal/proxy"
	"midstream/internal/script"
)

// isWay tells whether an option says where clients come in.
func isWay(name string) bool {
	return name == "mode" || name == "listen_host" || name == "listen_port"
}

// waysOf reads the options that say where clients come in.
func waysOf(o *option.Registry) (proxy.Ways, error) {
	w := proxy.Ways{Host: o.Host("listen_host"), Port: -1}
	if p, ok := o.OptionalInt("listen_port"); ok {
		w.Port = p
	}
	for _, spec := range o.List("mode") {
		m, err := proxy.ParseMode(spec)
		if err != nil {
			return w, err
		}
		w.Modes = append(w.Modes, m)
	}
	return w, nil
}

// changeWays opens and closes listeners as the options say now, and tells what
// has changed. On an error they stay as they were.
func (in *Instance) changeWays(ctx context.Context) error {
	if in.proxy == nil {
		return nil
	}
	in.changing.Lock()
	defer in.changing.Unlock()
	w, err := waysOf(in.opts)
	if err != nil {
		return err
	}
	if !in.transparent && hasTransparent(w) {
		return fmt.Errorf("mode transparent %w: start midstream with --mode transparent", script.ErrAtStart)
	}
	if err := errors.Join(in.checkUsers(w), in.checkParents(w)); err != nil {
		return err
	}
	defer in.rebuild()
	before := describe(in.Listeners())
	if err := in.proxy.Change(ctx, w); err != nil {
		return err
	}
	after := describe(in.Listeners())
	for _, l := range before {
		if !slices.Contains(after, l) {
			in.log.Info("stopped listening on " + l)
		}
	}
	for _, l := range after {
		if !slices.Contains(before, l) {
			in.log.Info("listening on " + l)
		}
	}
	if err := in.checkLoop(); err != nil {
		in.log.Warn(err.Error())
	}
	in.announce()
	return nil
}

// describe says of each listener where it is, and what.
func describe(list []Listener) []string {
	var lines []string
	for _, l := range list {
		var at []string
		for _, a := range l.Addresses {
			at = append(at, a.String())
		}
		lines = append(lines, strings.Join(at, " and ")+" ("+l.Mode+")")
	}
	return lines
}

// rewritesAltSvc tells whether a mode is there whose alternative services are to lead
// to midstream.
func (in *Instance) rewritesAltSvc() bool {
	if in.opts.Bool("keep_alt_svc_header") {
		return false
	}
	w, err := waysOf(in.opts)
	return err == nil && slices.ContainsFunc(w.Modes, func(m proxy.Mode) bool { return m.Kind == proxy.Reverse })
}

// checkUsers refuses to be told who may come in by a mode that cannot ask.
func (in *Instance) checkUsers(w proxy.Ways) error {
	if _, ok := in.opts.OptionalString("proxyauth"); !ok {
		return nil
	}
	for _, m := range w.Modes {
		if !m.Asks() {
			return fmt.Errorf("option proxyauth: clients of mode %s cannot be asked who they are: leave one of the two out", m)
		}
	}
	return nil
}

func hasTransparent(w proxy.Ways) bool {
	return slices.ContainsFunc(w.Modes, func(m proxy.Mode) bool { return m.Kind == proxy.Transparent })
}

// setUpTransparent sees to it that own traffic can be told from that of clients.
func (in *Instance) setUpTransparent(w proxy.Ways, c *proxy.Config) {
	if in.transparent = hasTransparent(w); !in.transparent {
		return
	}
	c.Upstream.Mark = proxy.Mark
	if err := proxy.CanMark(proxy.Mark); err != nil {
		in.log.Warn("mode transparent: midstream cannot mark its own traffic (" + err.Error() + "): start it as root or with CAP_NET_ADMIN to redirect this machine's own connections")
		return
	}
	in.marks = true
}

// manner reads the options that say how connections are treated.
func (in *Instance) manner() (proxy.Manner, error) {
	o := in.opts
	hosts, err := proxy.NewHosts(o.List("ignore_hosts"), o.List("allow_hosts"), o.List("tcp_hosts"))
	if err != nil {
		return proxy.Manner{}, err
	}
	if len(hosts.Ignore) > 0 && len(hosts.Allow) > 0 {
		return proxy.Manner{}, errors.New("options ignore_hosts and allow_hosts exclude each other: give one of them")
	}
	m := proxy.Manner{
		Hosts:       hosts,
		ShowIgnored: o.Bool("show_ignored_hosts"),
		PlainLeaf:   !o.Bool("upstream_cert"),
		KeepHost:    o.Bool("keep_host_header"),
		Block:       proxy.Block{Global: o.Bool("block_global"), Private: o.Bool("block_private")},
	}
	// Who is answered from a recording needs no server.
	if o.String("connection_strategy") == "lazy" || in.replays.answers.Load() != nil {
		m.Strategy = proxy.Lazy
	}
	return m, nil
}
