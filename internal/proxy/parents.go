package proxy

import (
	"fmt"
	"strings"

	"midstream/flow"
	"midstream/internal/pattern"
)

// Parents say which parent proxy leads to a server. The zero value knows none.
type Parents struct {
	// User and Password are for the parent of the upstream mode, and for nobody else.
	User, Password string
	// Env finds the parent that the environment names (mode upstream:env), nil for
	// none.
	Env func(scheme, host string, port uint16) *flow.Via
	// Routes come before what the mode says; the first that matches wins.
	Routes []Route
}

// Route sends servers whose host:port matches a pattern through a parent proxy.
type Route struct {
	Pattern *pattern.Pattern
	Via     *flow.Via // nil goes to the server itself
}

// ParseRoute reads REGEX=PARENT, where PARENT is a URL as flow.ParseVia takes it or
// "direct". The error repeats no credentials.
func ParseRoute(text string) (Route, error) {
	expr, parent, ok := cutLast(text, '=')
	if i := strings.LastIndex(text, "=http"); i >= 0 { // a password may have a "="
		expr, parent, ok = text[:i], text[i+1:], true
	}
	if !ok || expr == "" {
		return Route{}, fmt.Errorf("a route is written REGEX=http://HOST:PORT, or REGEX=direct")
	}
	p, err := pattern.Compile(expr, pattern.IgnoreCase)
	if err != nil {
		return Route{}, err
	}
	r := Route{Pattern: p}
	if !strings.EqualFold(parent, "direct") {
		if r.Via, err = flow.ParseVia(parent); err != nil {
			return Route{}, err
		}
	}
	return r, nil
}

// parents are the parents as one client connection sees them.
type parents struct {
	all  *Parents
	mode *flow.Via // of the mode, nil without one
	env  bool
}

// parentsFor returns the parents for clients of m.
func (p *Proxy) parentsFor(m Mode) parents {
	ps := parents{all: &p.now().Parents}
	switch {
	case m.Kind != Upstream:
	case m.Scheme == env:
		ps.env = true
	default:
		ps.mode = &flow.Via{Scheme: m.Scheme, Host: m.Host, Port: m.Port, User: ps.all.User, Password: ps.all.Password}
	}
	return ps
}

// of returns the parent for requests to a server, nil for none.
func (p parents) of(scheme, host string, port uint16) *flow.Via {
	if p.all == nil {
		return nil
	}
	if len(p.all.Routes) > 0 {
		at := hostPort(host, port)
		for i := range p.all.Routes {
			if r := &p.all.Routes[i]; r.Pattern.MatchString(at) {
				return r.Via
			}
		}
	}
	if p.env && p.all.Env != nil {
		return p.all.Env(scheme, host, port)
	}
	return p.mode
}

// parent is of for a server as CONNECT or a target names it.
func (c *client) parent(scheme, host string, port uint16) *flow.Via {
	return c.parents.of(scheme, strings.Trim(host, "[]"), port)
}
