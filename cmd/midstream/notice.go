package main

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"

	"midstream/internal/dump"
	"midstream/internal/option"
)

// startNotice is what a proxy says when it has started.
type startNotice struct {
	listeners []listenNotice
	session   sessionNotice
	caCert    string // path of the PEM file, "" without a CA
	home      string // is written "~"; "" is not
}

// listenNotice is one way in.
type listenNotice struct {
	mode      string   // as in the option mode
	addresses []string // host:port that were taken, the first one for the curl line
}

// sessionNotice is where flows are recorded.
type sessionNotice struct {
	path    string // "" when nothing is recorded
	named   bool   // given with --session, and kept
	keep    time.Duration
	maxSize int64 // octets; 0 has no limit
	heads   bool  // bodies are not recorded
}

// text is the lines for stderr.
func (n startNotice) text() string {
	var b strings.Builder
	for _, l := range n.listeners {
		fmt.Fprintf(&b, "listening on %s", strings.Join(l.addresses, " and "))
		if l.mode != "regular" {
			fmt.Fprintf(&b, " (%s)", l.mode)
		}
		b.WriteByte('\n')
	}
	b.WriteString(n.session.text(n.home))
	if n.caCert != "" && len(n.listeners) > 0 {
		fmt.Fprintf(&b, "clients have to trust the CA %s: \"midstream ca trust\" does it here, docs/certificates.md has the others\n", shellPath(n.caCert, n.home))
	}
	if try := n.curl(); try != "" {
		fmt.Fprintf(&b, "try: %s\n", try)
	}
	return b.String()
}

func (s sessionNotice) text(home string) string {
	if s.path == "" {
		return "nothing is recorded\n"
	}
	what, limit, kept := "recording", "", "kept"
	if s.heads {
		what = "recording heads"
	}
	if s.maxSize > 0 {
		limit = "at most " + dump.Size(s.maxSize) + ", "
	}
	switch {
	case s.named:
	case s.keep == 0:
		kept = "removed at the end"
	default:
		kept = "kept for " + option.FormatDuration(s.keep)
	}
	return fmt.Sprintf("%s in %s (%s%s)\n", what, shellPath(s.path, home), limit, kept)
}

// curl is a line that works as printed, "" when nothing listens.
func (n startNotice) curl() string {
	for _, l := range n.listeners {
		if len(l.addresses) == 0 {
			continue
		}
		if strings.HasPrefix(l.mode, "transparent") || strings.HasPrefix(l.mode, "reverse:tcp:") || strings.HasPrefix(l.mode, "reverse:tls:") {
			continue
		}
		at := reachable(l.addresses[0])
		if strings.HasPrefix(l.mode, "reverse:") {
			return "curl http://" + at + "/"
		}
		if n.caCert == "" {
			return "curl -x http://" + at + " http://example.com/"
		}
		return "curl -x http://" + at + " --cacert " + shellPath(n.caCert, n.home) + " https://example.com/"
	}
	return ""
}

// reachable turns the address of a listener into one that a client on this
// machine can use.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port)
}

// exitNotice is what a proxy says when it has ended.
type exitNotice struct {
	session sessionNotice
	flows   uint64
	size    int64 // octets on disk
	until   time.Time
	home    string
}

// text is the line for stderr.
func (n exitNotice) text() string {
	s := n.session
	flows := fmt.Sprintf("%d flows", n.flows)
	if n.flows == 1 {
		flows = "1 flow"
	}
	if s.path == "" {
		return flows + ", nothing was recorded\n"
	}
	path := shellPath(s.path, n.home)
	size := dump.Size(n.size)
	switch {
	case n.size == 0 && (s.named || s.keep != 0): // somebody has taken its files away
		return fmt.Sprintf("%s passed; the session in %s is no longer there\n", flows, path)
	case s.named:
		return fmt.Sprintf("recorded %s, %s in %s; delete it with: rm -r %s\n", flows, size, path, path)
	case s.keep == 0:
		return fmt.Sprintf("recorded %s, %s, now removed; --session DIR keeps the next one\n", flows, size)
	}
	return fmt.Sprintf("recorded %s, %s in %s until %s; keep it with: mv %s DIR, delete it with: rm -r %s\n",
		flows, size, path, n.until.Format("2006-01-02 15:04"), path, path)
}

// where is what became of the record, for a line that has told what passed.
func (n exitNotice) where() string {
	path := shellPath(n.session.path, n.home)
	switch s := n.session; {
	case s.path == "":
		return "nothing was recorded"
	case s.named:
		return "recorded in " + path + " (midstream flows list --session " + path + ")"
	case s.keep == 0:
		return "no record is kept"
	}
	look := "midstream flows list"
	if filepath.Dir(n.session.path) != filepath.Join(n.home, ".midstream", "sessions") {
		look += " --session " + path
	}
	return "recorded in " + path + " until " + n.until.Format("2006-01-02 15:04") + " (" + look + ")"
}

// shellPath writes a path as a shell takes it, shortened where it lies in home.
func shellPath(path, home string) string {
	if rest, ok := strings.CutPrefix(path, strings.TrimSuffix(home, "/")+"/"); ok && home != "" && home != "/" && bare(rest) {
		return "~/" + rest
	}
	if bare(path) {
		return path
	}
	if filepath.Separator == '\\' {
		return `"` + path + `"`
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// bare tells whether a shell takes s as it is.
func bare(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:+,@%") == ""
}
