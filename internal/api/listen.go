package api

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/crypto/bcrypt"

	"midstream/internal/ca"
)

// Web says where the page and the API are on the network.
type Web struct {
	// Host is the address to listen on; "" is 127.0.0.1.
	Host string
	// Port is where; 0 takes a free one.
	Port int
	// Password is what lets in, as it is or as a bcrypt hash; "" makes a token.
	Password string
	// ReadOnly lets nobody change anything there.
	ReadOnly bool
	// Pages are the files of the page, with index.html; nil has a page that says
	// where the API is.
	Pages fs.FS
}

// ErrOpen says that a host beyond this machine needs a password.
var ErrOpen = errors.New("beyond this machine everybody on the network could use it: set a password with --set web_password=@FILE")

// Address is where the page is.
type Address struct {
	// URL is for the person who has started midstream: it has the token, where no
	// password is set.
	URL string
	// Plain is without any secret.
	Plain string
	guard *guard
}

// Once is an address that lets in a single time, for a browser that is started:
// command lines can be read by others.
func (a Address) Once() string {
	t := newSecret()
	a.guard.ticket.Store(&t)
	return a.Plain + "?token=" + t
}

// ListenWeb begins to serve the page and the API.
func (s *Server) ListenWeb(ctx context.Context, web Web) (Address, error) {
	host := web.Host
	if host == "" {
		host = "127.0.0.1"
	}
	hashed := strings.HasPrefix(web.Password, "$2")
	if _, err := bcrypt.Cost([]byte(web.Password)); hashed && err != nil {
		return Address{}, fmt.Errorf("option web_password: %w", err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(web.Port)))
	if err != nil {
		return Address{}, fmt.Errorf("listen for the web interface: %w; choose another port with --web-port, 0 takes a free one", err)
	}
	at := l.Addr().(*net.TCPAddr).AddrPort()
	g := &guard{secret: web.Password, hashed: hashed, port: at.Port(), readOnly: web.ReadOnly, cookie: newSecret(), api: s.routes, pages: pagesOf(web.Pages)}
	if !at.Addr().Unmap().IsLoopback() {
		if web.Password == "" {
			l.Close()
			return Address{}, fmt.Errorf("web_host %s: %w", host, ErrOpen)
		}
		g.secure = true
		l = tls.NewListener(l, s.tlsConfig(host))
	}
	if _, err := netip.ParseAddr(host); err != nil {
		g.host = host
	}
	if g.secret == "" {
		g.secret = newSecret()
	}
	s.readOnly.Store(web.ReadOnly)
	s.control.Protect(at)
	s.serve(l, g)
	scheme := "http"
	if g.secure {
		scheme = "https"
	}
	shown := host
	if ip := at.Addr(); ip.IsUnspecified() {
		shown = "127.0.0.1"
	}
	address := Address{Plain: scheme + "://" + net.JoinHostPort(shown, strconv.Itoa(int(at.Port()))) + "/", guard: g}
	if address.URL = address.Plain; web.Password == "" {
		address.URL += "?token=" + g.secret
	}
	return address, nil
}

// tlsConfig shows certificates of midstream's own authority.
func (s *Server) tlsConfig(host string) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			addr := host
			if a, ok := hello.Conn.LocalAddr().(*net.TCPAddr); ok {
				addr = a.AddrPort().Addr().Unmap().String()
			}
			return s.cfg.Instance.CA().Leaf(hello.Context(), ca.LeafRequest{SNI: hello.ServerName, Addr: addr})
		}}
}

// maxSocketPath is what fits into a socket's address on every system.
const maxSocketPath = 100

// ListenSocket begins to serve the API on a unix socket in a folder that only this
// user can enter: under runtime where that is a folder (XDG_RUNTIME_DIR), else under
// confdir, or where that path is too long a temporary one. It returns the socket's path.
func (s *Server) ListenSocket(runtime, confdir string) (string, error) {
	name := strconv.Itoa(os.Getpid()) + "-" + newSecret()[:8] + ".sock"
	dir := filepath.Join(confdir, "control")
	if runtime != "" && filepath.IsAbs(runtime) {
		if info, err := os.Stat(runtime); err == nil && info.IsDir() {
			dir = filepath.Join(runtime, "midstream")
		}
	}
	path := filepath.Join(dir, name)
	if len(path) > maxSocketPath {
		var err error
		if dir, err = os.MkdirTemp("", "midstream-"); err != nil { // 0700
			return "", fmt.Errorf("control socket: %w", err)
		}
		s.unfollow = append(s.unfollow, func() { os.RemoveAll(dir) })
		path = filepath.Join(dir, name)
	} else if err := privateFolder(dir); err != nil {
		return "", fmt.Errorf("control socket: %w", err)
	}
	l, err := net.Listen("unix", path) // closing it removes the file
	if err != nil {
		return "", fmt.Errorf("control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return "", fmt.Errorf("control socket: %w", err)
	}
	s.serve(l, s.routes)
	return path, nil
}

// privateFolder makes a folder for this user only, and refuses one that is
// another's.
func privateFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no folder", dir)
	}
	return os.Chmod(dir, 0o700) // it fails where the folder is another user's
}

// pagesOf serves the files of the page.
func pagesOf(files fs.FS) http.Handler {
	if files == nil {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte(`<!doctype html><html lang="en"><meta charset="utf-8"><title>midstream</title>` +
				`<main><h1>midstream</h1><p>This build has no page. The control API is at <a href="/api/v1/state">/api/v1/</a>.</p></main></html>`))
		})
	}
	serve := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			writeError(w, fault(http.StatusMethodNotAllowed, "bad-request", "%s is not for pages", r.Method))
			return
		}
		w.Header().Set("Cache-Control", "no-cache")
		if name := strings.Trim(r.URL.Path, "/"); name != "" && !strings.Contains(name, ".") {
			r = r.Clone(r.Context())
			r.URL.Path = "/" // an address inside the page
		}
		serve.ServeHTTP(w, r)
	})
}
