package api

import (
	"context"
	"net"
	"net/http"
	"net/netip"
)

// Browsing opens a browser of this machine that passes through the proxy.
type Browsing interface {
	// Name is what people call it.
	Name() string
	// Open returns when it runs, or why it does not.
	Open(ctx context.Context) error
}

// here tells whether a request comes from this machine: by a loopback address, or by
// the socket.
func here(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return true // a socket has no address
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// browserFor is the browser that a request can have opened, "" for none.
func (s *Server) browserFor(r *http.Request) string {
	if s.cfg.Browser == nil || isReadOnly(r.Context()) || !here(r) {
		return ""
	}
	return s.cfg.Browser.Name()
}

// postBrowser is POST /browser.
func (s *Server) postBrowser(w http.ResponseWriter, r *http.Request) error {
	if s.cfg.Browser == nil {
		return conflict("no browser can be opened here: install Chromium or Firefox, and start midstream where there is a display; elsewhere midstream browser does it")
	}
	if !here(r) {
		return fault(http.StatusForbidden, "forbidden", "a browser would open on the machine of midstream, and not on yours: ask there")
	}
	if err := s.cfg.Browser.Open(r.Context()); err != nil {
		return conflict("%s", oneLine(err.Error()))
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
