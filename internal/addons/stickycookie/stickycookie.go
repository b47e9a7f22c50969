package stickycookie

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/cookie"
	"midstream/internal/rule"
)

// Kind is the kind of rule.
var Kind = rule.Kind{Name: "stickycookie", Option: "stickycookie", Brief: "add the cookies that servers have set to requests"}

// mostCookies bounds the jar.
const mostCookies = 3000

// Spec reads a value of the option: a filter.
func Spec(value string) (rule.Rule, error) { return rule.Rule{When: value}, nil }

// Addon runs rules of the kind.
type Addon struct {
	rules *rule.List
	*jar
}

// jar is what servers have set.
type jar struct {
	mu      sync.Mutex
	cookies []kept // the oldest first
}

// kept is a cookie and where it goes.
type kept struct {
	cookie.Pair
	domain  string
	port    uint16
	path    string
	expires time.Time // zero for none
}

// New makes the addon.
func New(rules []*rule.Rule, env rule.Env) (any, error) {
	return &Addon{rule.NewList(rules), rule.Remember[jar](env.Memory, Kind.Name)}, nil
}

// Name implements hook.Named.
func (*Addon) Name() string { return Kind.Name }

// ResponseHeaders implements hook.ResponseHeadersHook.
func (a *Addon) ResponseHeaders(_ context.Context, x *hook.Exchange) error {
	for _, line := range x.Response.Fields.Values("Set-Cookie") {
		c, ok := cookie.ParseSet(line)
		if !ok {
			continue
		}
		now := time.Now()
		k := kept{domain: strings.ToLower(x.Request.Host), port: x.Request.Port, path: "/", Pair: c.Pair, expires: c.Until(now)}
		if c.Domain != "" {
			k.domain = c.Domain
		}
		if c.Path != "" {
			k.path = c.Path
		}
		if !within(x.Request.Host, k.domain) {
			continue // a server speaks for its own domain only
		}
		a.set(k, now)
	}
	return nil
}

func (j *jar) set(k kept, now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	i := slices.IndexFunc(j.cookies, func(o kept) bool {
		return o.domain == k.domain && o.port == k.port && o.path == k.path && o.Name == k.Name
	})
	switch gone := !k.expires.IsZero() && !k.expires.After(now); {
	case gone && i >= 0:
		j.cookies = slices.Delete(j.cookies, i, i+1)
	case gone:
	case i >= 0:
		j.cookies[i] = k
	default:
		if len(j.cookies) >= mostCookies {
			j.cookies = slices.Delete(j.cookies, 0, 1)
		}
		j.cookies = append(j.cookies, k)
	}
}

// within tells whether host is domain or below it (RFC 6265 section 5.1.3).
func within(host, domain string) bool {
	host, domain = strings.ToLower(host), strings.TrimPrefix(domain, ".")
	if host == domain {
		return true
	}
	return domain != "" && strings.HasSuffix(host, "."+domain) && net.ParseIP(host) == nil
}

// RequestHeaders implements hook.RequestHeadersHook.
func (a *Addon) RequestHeaders(_ context.Context, x *hook.Exchange) error {
	pairs := a.of(&x.Request.Request, time.Now())
	if len(pairs) == 0 {
		return nil
	}
	if r, ok := a.rules.Any(rule.Picture(x)); ok {
		x.Request.Fields.Set("Cookie", strings.Join(pairs, "; "))
		r.Hit()
	}
	return nil
}

func (j *jar) of(r *flow.Request, now time.Time) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var pairs []string
	for _, k := range j.cookies {
		if k.port == r.Port && cookie.InPath(r.Path, k.path) && within(r.Host, k.domain) && (k.expires.IsZero() || k.expires.After(now)) {
			pairs = append(pairs, k.Pair.String())
		}
	}
	return pairs
}
