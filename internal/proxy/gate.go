package proxy

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"

	"midstream/flow"
	"midstream/internal/auth"
	"midstream/internal/engine"
)

// Gatekeeper tells who may use the proxy. Errors are auth.ErrDenied, auth.ErrBusy,
// or why ctx ended; none has credentials in it.
type Gatekeeper interface {
	Check(ctx context.Context, user, password string) error
}

// userKey is where the metadata of a flow has the name of its user.
const userKey = "proxyauth"

// gate asks a client who it is, where that is wanted. It tells whether the request
// has been answered by that; the error is as of refuse. Credentials leave the request,
// so that neither flows nor servers see them.
func (c *client) gate(ctx context.Context, st engine.Stream, r route) (refused bool, _ error) {
	gate := c.p.now().Auth
	if gate == nil {
		return false, nil
	}
	d := demand{status: 407, ask: "Proxy-Authenticate", take: "Proxy-Authorization"}
	switch r.(type) {
	case asProxy:
		if st.Request().Form == flow.OriginForm && st.Request().Version < flow.HTTP2 {
			return false, nil // it takes us for a web server, and gets nothing of anybody's
		}
	case toTarget:
		d = demand{status: 401, ask: "WWW-Authenticate", take: "Authorization"}
	default:
		return false, nil // the tunnel was asked for by a user
	}
	fields := &st.Request().Fields
	said := fields.Get(d.take)
	fields.Del(d.take)
	err := c.recognize(ctx, gate, said)
	switch {
	case err == nil:
		return false, nil
	case errors.Is(err, errUnsaid), errors.Is(err, auth.ErrDenied), errors.Is(err, auth.ErrBusy):
		return true, c.deny(st, d.denial(err, engine.AcceptsHTML(*fields)))
	}
	return true, err
}

// errUnsaid is why a client is asked that has not said who it is.
var errUnsaid = errors.New("credentials are wanted")

// recognize checks what a client says of itself, once for a connection as long as it
// says the same.
func (c *client) recognize(ctx context.Context, gate Gatekeeper, said string) error {
	user, password, ok := readBasic(said)
	if !ok {
		return errUnsaid
	}
	c.known.Lock()
	same := c.known.said == said && c.known.by == gate
	c.known.Unlock()
	if same {
		return nil
	}
	if err := gate.Check(ctx, user, password); err != nil {
		if errors.Is(err, auth.ErrDenied) {
			c.p.log.Info("client "+c.facts.Peer+": "+err.Error(), "client", c.facts.Peer)
		}
		return err
	}
	c.known.Lock()
	c.known.by, c.known.said, c.known.user = gate, said, user
	c.known.Unlock()
	return nil
}

// user is who the client has turned out to be, "" where nobody has asked.
func (c *client) user() string {
	c.known.Lock()
	defer c.known.Unlock()
	return c.known.user
}

// metadata is what flows of the client begin with.
func (c *client) metadata() map[string]string {
	if c.p.now().Auth == nil {
		return nil
	}
	user := c.user()
	if user == "" {
		return nil
	}
	return map[string]string{userKey: user}
}

// readBasic reads credentials of Basic (RFC 7617).
func readBasic(field string) (user, password string, ok bool) {
	scheme, rest, _ := strings.Cut(field, " ")
	if !flow.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(text), ":")
}

// demand is how a client is asked who it is.
type demand struct {
	status    int
	ask, take string // the names of the fields
}

func (d demand) denial(why error, html bool) denial {
	text := "who uses this proxy must say who it is: give user and password"
	switch {
	case errors.Is(why, auth.ErrDenied):
		text = "user and password do not fit"
	case errors.Is(why, auth.ErrBusy):
		text = "too many wrong passwords at a time: try again"
	}
	head := &flow.Response{Status: d.status, Reason: http.StatusText(d.status)}
	head.Fields.Add(d.ask, `Basic realm="midstream", charset="UTF-8"`)
	head.Fields.Add("Cache-Control", "no-store")
	page := "midstream: " + text + "\n"
	if html {
		head.Fields.Add("Content-Type", "text/html; charset=utf-8")
		page = "<!doctype html><title>midstream</title><p>midstream: " + text + "</p>\n"
	} else {
		head.Fields.Add("Content-Type", "text/plain; charset=utf-8")
	}
	if errors.Is(why, auth.ErrBusy) {
		head.Fields.Add("Connection", "close")
	}
	return denial{head: head, content: []byte(page), reason: "made by midstream",
		outcome: flow.Outcome{Kind: flow.Refused, Phase: flow.InHead.String(), Text: why.Error()}}
}
