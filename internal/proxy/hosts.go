package proxy

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"midstream/internal/pattern"
)

// Hosts says which connections are not intercepted. Patterns have the meaning
// of Python's re.search with IGNORECASE, on host:port (IPv6 addresses in
// brackets). The zero value intercepts all.
type Hosts struct {
	// Ignore passes on undecrypted what matches, Allow what does not; not both.
	Ignore, Allow []*pattern.Pattern
	// TCP takes what matches for raw octets, TLS on it intercepted.
	TCP []*pattern.Pattern
}

// NewHosts compiles the options ignore_hosts, allow_hosts and tcp_hosts.
func NewHosts(ignore, allow, tcp []string) (h Hosts, err error) {
	for _, o := range []struct {
		name  string
		texts []string
		list  *[]*pattern.Pattern
	}{{"ignore_hosts", ignore, &h.Ignore}, {"allow_hosts", allow, &h.Allow}, {"tcp_hosts", tcp, &h.TCP}} {
		for _, text := range o.texts {
			p, err := pattern.Compile(text, pattern.IgnoreCase)
			if err != nil {
				return Hosts{}, fmt.Errorf("option %s: %w", o.name, err)
			}
			*o.list = append(*o.list, p)
		}
	}
	return h, nil
}

// NewMatcher compiles patterns of the option name, and returns what tells whether
// any of them matches any of the names of a host; nil where there is no pattern.
func NewMatcher(name string, texts []string) (func(names ...string) bool, error) {
	var list []*pattern.Pattern
	for _, text := range texts {
		p, err := pattern.Compile(text, pattern.IgnoreCase)
		if err != nil {
			return nil, fmt.Errorf("option %s: %w", name, err)
		}
		list = append(list, p)
	}
	if list == nil {
		return nil, nil
	}
	return func(names ...string) bool { return matchAny(list, names) }, nil
}

// any tells whether any connection may be ignored.
func (h *Hosts) any() bool { return len(h.Ignore)+len(h.Allow) > 0 }

// ignores decides on all the names that are known of one connection: ignored is
// what any pattern of Ignore matches, and what no pattern of Allow matches.
func (h *Hosts) ignores(names ...string) bool {
	if matchAny(h.Ignore, names) {
		return true
	}
	return len(h.Allow) > 0 && !matchAny(h.Allow, names)
}

func (h *Hosts) raw(names ...string) bool { return matchAny(h.TCP, names) }

func matchAny(list []*pattern.Pattern, names []string) bool {
	for _, p := range list {
		for _, name := range names {
			if name != "" && p.MatchString(name) {
				return true
			}
		}
	}
	return false
}

// hostPort joins a host with or without brackets and a port.
func hostPort(host string, port uint16) string {
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}
