package instance

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpproxy"

	"midstream/flow"
	"midstream/internal/proxy"
)

// parents reads the options that say which parent proxy leads to a server.
func (in *Instance) parents() (proxy.Parents, error) {
	ps := proxy.Parents{Env: func(scheme, host string, port uint16) *flow.Via {
		if e := in.environment.Load(); e != nil {
			return e.parent(scheme, host, port)
		}
		return nil
	}}
	ps.User, ps.Password = in.upstreamAuth()
	for i, text := range in.opts.List("upstream_routes") {
		r, err := proxy.ParseRoute(text)
		if err != nil {
			return ps, fmt.Errorf("option upstream_routes, value %d: %w", i+1, err)
		}
		ps.Routes = append(ps.Routes, r)
	}
	return ps, nil
}

func (in *Instance) upstreamAuth() (user, password string) {
	auth, _ := in.opts.OptionalString("upstream_auth")
	user, password, _ = strings.Cut(auth, ":")
	return user, password
}

// checkParents reads the environment where a mode of w wants it, and refuses
// credentials whose recipient is not certain: who is not meant must not get them.
func (in *Instance) checkParents(w proxy.Ways) error {
	user, password := in.upstreamAuth()
	var recipients []string
	add := func(to string) {
		if user+password != "" && !slices.Contains(recipients, to) {
			recipients = append(recipients, to)
		}
	}
	for _, m := range w.Modes {
		switch {
		case m.FromEnvironment():
			e, err := in.readEnvironment()
			if err != nil {
				return err
			}
			for _, v := range []**flow.Via{&e.http, &e.https} {
				if *v == nil || (*v).User+(*v).Password != "" {
					continue
				}
				add((*v).String())
				with := **v
				with.User, with.Password = user, password
				*v = &with
			}
			in.environment.Store(e)
		case m.Kind == proxy.Upstream, m.Kind == proxy.Reverse:
			add(m.Scheme + "://" + m.Target())
		}
	}
	if len(recipients) > 1 {
		return fmt.Errorf("option upstream_auth: the modes lead to %s, and the credentials are for one of them only: give those of a parent in upstream_routes, as REGEX=http://USER:PASS@HOST:PORT", strings.Join(recipients, " and "))
	}
	return nil
}

// checkLoop refuses an environment whose parent is this instance.
func (in *Instance) checkLoop() error {
	e := in.environment.Load()
	if e == nil || in.proxy == nil {
		return nil
	}
	for _, v := range []*flow.Via{e.http, e.https} {
		if v != nil && in.proxy.Owns(v.Host, v.Port) {
			return fmt.Errorf("mode upstream:env: the environment names %s, which is this midstream itself: unset HTTP_PROXY and HTTPS_PROXY, or let them name another proxy", v)
		}
	}
	return nil
}

// environment finds the parents that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name, the
// lower-case names too.
type environment struct {
	find        func(*url.URL) (*url.URL, error)
	http, https *flow.Via
}

// readEnvironment reads the variables.
func (in *Instance) readEnvironment() (*environment, error) {
	get := func(name string) (value, found string) {
		for _, n := range []string{name, strings.ToLower(name)} {
			if v := in.cfg.Getenv(n); v != "" {
				return v, n
			}
		}
		return "", name
	}
	e := &environment{}
	cfg := &httpproxy.Config{}
	cfg.NoProxy, _ = get("NO_PROXY")
	for _, v := range []struct {
		name string
		text *string
		via  **flow.Via
	}{{"HTTP_PROXY", &cfg.HTTPProxy, &e.http}, {"HTTPS_PROXY", &cfg.HTTPSProxy, &e.https}} {
		text, name := get(v.name)
		if text == "" {
			continue
		}
		via, err := flow.ParseVia(text)
		if err != nil {
			return nil, fmt.Errorf("mode upstream:env: variable %s: %w", name, err)
		}
		*v.via, *v.text = via, text
	}
	if e.http == nil && e.https == nil {
		return nil, errors.New("mode upstream:env: neither HTTP_PROXY nor HTTPS_PROXY is set: set one, or name the parent, as in upstream:http://HOST:PORT")
	}
	e.find = cfg.ProxyFunc()
	return e, nil
}

// parent is the parent for a server, nil for none: NO_PROXY names it, or it is on
// this machine.
func (e *environment) parent(scheme, host string, port uint16) *flow.Via {
	u, err := e.find(&url.URL{Scheme: scheme, Host: net.JoinHostPort(host, strconv.Itoa(int(port)))})
	switch {
	case err != nil || u == nil:
		return nil
	case scheme == "https":
		return e.https
	}
	return e.http
}
