package api

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// pagePolicy is the Content-Security-Policy of the page.
const pagePolicy = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; " +
	"connect-src 'self'; frame-src 'self'; worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// guard lets in who knows the secret of this start and comes to an address that is
// ours, from a page that is ours or from none.
type guard struct {
	secret   string // the token, or the password
	hashed   bool   // secret is a bcrypt hash
	port     uint16
	host     string // web_host, where it is a name
	secure   bool   // https
	readOnly bool
	cookie   string // what it must be: as random as the token, and another one
	api      http.Handler
	pages    http.Handler

	ticket atomic.Pointer[string] // lets in once, for a browser that is started

	wrong sync.Mutex // held while a wrong secret is answered: one guess at a time
}

type readOnlyKey struct{}

// isReadOnly tells whether a request may change nothing.
func isReadOnly(ctx context.Context) bool {
	v, _ := ctx.Value(readOnlyKey{}).(bool)
	return v
}

// wrongPause is how long a wrong secret takes.
const wrongPause = 300 * time.Millisecond

func (g *guard) cookieName() string { return "midstream-" + strconv.Itoa(int(g.port)) }

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if !g.ours(r.Host) {
		writeError(w, fault(http.StatusForbidden, "forbidden", "Host %s is none of this midstream: use the address that it has printed", strconv.Quote(field(r.Host))))
		return
	}
	if !g.sameOrigin(r) {
		writeError(w, fault(http.StatusForbidden, "forbidden", "the request comes from another page (Origin %s)", strconv.Quote(field(r.Header.Get("Origin")))))
		return
	}
	ctx := context.WithValue(r.Context(), readOnlyKey{}, g.readOnly)
	isAPI := strings.HasPrefix(r.URL.Path, "/api/")
	switch {
	case g.known(r):
	case !isAPI && r.Method == http.MethodGet && r.URL.Query().Has("token"):
		g.enter(w, r, r.URL.Query().Get("token"))
		return
	case !isAPI && r.Method == http.MethodPost && r.URL.Path == "/login":
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		g.enter(w, r, r.PostFormValue("token"))
		return
	case isAPI:
		h.Set("WWW-Authenticate", `Bearer realm="midstream"`)
		writeError(w, fault(http.StatusUnauthorized, "unauthorized", "send the token of this start: Authorization: Bearer TOKEN; it is in the address that midstream web has printed"))
		return
	default:
		g.ask(w, http.StatusUnauthorized, "")
		return
	}
	if isAPI {
		g.api.ServeHTTP(w, r.WithContext(ctx))
		return
	}
	if r.URL.Query().Has("token") { // known already: the address is cleaned all the same
		http.Redirect(w, r, clean(r), http.StatusSeeOther)
		return
	}
	g.pages.ServeHTTP(w, r.WithContext(ctx))
}

// ours tells whether a Host field names this server: an address, or a name that no
// stranger can make lead here.
func (g *guard) ours(host string) bool {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = strings.Trim(host, "[]"), "80"
		if g.secure {
			port = "443"
		}
	}
	if port != strconv.Itoa(int(g.port)) {
		return false
	}
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip.IsLoopback() || g.secure
	}
	return strings.EqualFold(name, "localhost") || g.host != "" && strings.EqualFold(name, g.host)
}

// sameOrigin tells whether a request comes from our own page, or from no page.
func (g *guard) sameOrigin(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" {
		scheme := "http://"
		if g.secure {
			scheme = "https://"
		}
		return strings.EqualFold(origin, scheme+r.Host)
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return true
	}
	// A link on another page may lead to ours; it gets no cookie on the way.
	return r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" && !strings.HasPrefix(r.URL.Path, "/api/")
}

// known tells whether a request has the cookie, or the secret itself.
func (g *guard) known(r *http.Request) bool {
	for _, c := range r.CookiesNamed(g.cookieName()) {
		if subtle.ConstantTimeCompare([]byte(c.Value), []byte(g.cookie)) == 1 {
			return true
		}
	}
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return ok && strings.EqualFold(scheme, "Bearer") && g.check(token)
}

// check tells whether a secret is the right one.
func (g *guard) check(given string) bool {
	if t := g.ticket.Load(); t != nil && subtle.ConstantTimeCompare([]byte(given), []byte(*t)) == 1 {
		return g.ticket.CompareAndSwap(t, nil)
	}
	if g.hashed {
		g.wrong.Lock() // it costs
		defer g.wrong.Unlock()
		return bcrypt.CompareHashAndPassword([]byte(g.secret), []byte(given)) == nil
	}
	if subtle.ConstantTimeCompare([]byte(given), []byte(g.secret)) == 1 {
		return true
	}
	g.wrong.Lock()
	defer g.wrong.Unlock()
	time.Sleep(wrongPause)
	return false
}

// enter swaps the secret for a cookie, and leads to the address without it.
func (g *guard) enter(w http.ResponseWriter, r *http.Request, given string) {
	if !g.check(given) {
		g.ask(w, http.StatusForbidden, "That is not the token of this start.")
		return
	}
	http.SetCookie(w, &http.Cookie{Name: g.cookieName(), Value: g.cookie, Path: "/", HttpOnly: true, Secure: g.secure, SameSite: http.SameSiteStrictMode})
	w.Header().Set("Cache-Control", "no-store")
	to := clean(r)
	if r.Method == http.MethodPost {
		to = "/"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// clean is the address of a request without the token.
func clean(r *http.Request) string {
	u := *r.URL
	q := u.Query()
	q.Del("token")
	u.RawQuery, u.Scheme, u.Host = q.Encode(), "", ""
	u.Path = "/" + strings.TrimLeft(u.Path, "/\\") // never another host
	u.RawPath = ""
	return u.String()
}

// ask shows a person where to put the token.
func (g *guard) ask(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if text != "" {
		text = "<p>" + text + "</p>"
	}
	_, _ = w.Write([]byte(`<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>midstream</title>` +
		`<main><h1>midstream</h1>` + text + `<p>Open the address that midstream has printed, or give the token in it, or the password.</p>` +
		`<form method="post" action="/login"><label>Token or password <input type="password" name="token" autocomplete="current-password"></label> <button>Go on</button></form></main></html>`))
}

// newSecret is a random text with more than 128 bits.
func newSecret() string { return rand.Text() + rand.Text()[:6] }
