package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/clienthello"
)

// handshakeFailed says why a client's handshake failed: a client that refuses
// the certificate gets a flow with the way out, everything else a line of the log,
// once a host.
func (c *client) handshakeFailed(ctx context.Context, down *conn, h *clienthello.Hello, to string, err error) {
	name := h.ServerName
	if name == "" {
		name = to
	}
	refusedBy, hint, code := explain(err, name)
	text := "TLS handshake with client " + c.facts.Peer + " for " + shorten(name) + ": " + refusedBy
	if hint != "" {
		text += "; " + hint
	}
	down.Close()
	c.p.cfg.Hooks().TLSFailedClient(context.WithoutCancel(ctx), &hook.Handshake{Client: withHello(c.facts, h), Server: c.far, Err: errors.New(text)})
	if hint == "" {
		if c.p.once.first("handshake " + name) {
			c.p.log.Info(text, "client", c.facts.Peer, "host", name)
		}
		return
	}
	if c.p.once.first("refused " + name) {
		c.p.log.Warn(text, "client", c.facts.Peer, "host", name)
	}
	c.facts = withTLS(c.facts, &flow.TLS{SNI: h.ServerName, Offered: h.Protocols})
	c.recordRefusal(to, code, text)
}

// explain says what a failed handshake with a client means. Where the client
// refused us there is a hint, and the code of a finding.
func explain(err error, name string) (what, hint, code string) {
	alert := ""
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" {
		alert = strings.TrimPrefix(op.Err.Error(), "tls: ")
	}
	switch {
	case alert == "unknown certificate authority", alert == "bad certificate", alert == "unknown certificate", strings.HasPrefix(alert, "certificate unknown"):
		return "it does not trust midstream's certificate (alert: " + alert + ")",
			"make it trust the CA (midstream ca trust, or midstream ca path), or pass the host on with --ignore-hosts '" + ignorePattern(name) + "'", "client-refused-certificate"
	case alert == "encrypted client hello required":
		return "it asked for a server that is hidden by Encrypted ClientHello, which ends at midstream (alert: " + alert + ")",
			"most clients try again without it; where one does not, switch off its Encrypted ClientHello or secure DNS, or pass the host on with --ignore-hosts '" + ignorePattern(name) + "'", "encrypted-client-hello"
	case alert != "":
		return "it ended the handshake with the alert: " + alert, "", ""
	case errors.Is(err, context.DeadlineExceeded):
		return "it did not complete it in time", "", ""
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		// Some clients say nothing at all when they do not like a certificate.
		return "it closed the connection; it may not trust midstream's certificate", "", ""
	}
	text := strings.TrimPrefix(err.Error(), "tls: ")
	if strings.Contains(text, "unsupported versions") || strings.Contains(text, "protocol version") {
		text += "; it is too old: allow it with --set tls_version_client_min=TLS1"
	}
	return text, "", ""
}

// ignorePattern writes a host as a pattern for ignore_hosts.
func ignorePattern(name string) string {
	host := name
	if h, _, err := net.SplitHostPort(name); err == nil {
		host = h
	}
	return strings.ReplaceAll(shorten(host), ".", `\.`)
}

// recordRefusal keeps a flow for a client that does not trust us: it is the most
// common fault of the first hour, and must be seen where people look.
func (c *client) recordRefusal(to, code, text string) {
	req := &flow.Request{Method: "CONNECT", Scheme: "https", Authority: to, Form: flow.AuthorityForm}
	req.Version, req.Start, req.End = flow.HTTP11, c.facts.Start, time.Now()
	if host, port, err := net.SplitHostPort(to); err == nil {
		n, _ := strconv.ParseUint(port, 10, 16)
		req.Host, req.Port = host, uint16(n)
	}
	c.recordFailure(&flow.Flow{
		Kind: flow.HTTP, Request: req,
		Findings: []flow.Finding{{Code: code, Text: text}},
		Outcome:  flow.Outcome{Kind: flow.Failed, Phase: flow.Handshaking.String(), Text: text},
	}, nil)
}

// recordFailure keeps a flow that never became an exchange or a tunnel; content is
// the body of its response.
func (c *client) recordFailure(f *flow.Flow, content []byte) {
	if f.ID == (flow.ID{}) {
		f.ID = flow.NewID()
	}
	if f.Start.IsZero() {
		f.Start = c.facts.Start
	}
	f.Client, f.End = c.facts, time.Now()
	c.p.cfg.Engine.Keep(f, content)
}

// maxOnce bounds the hosts that are remembered as logged.
const maxOnce = 1024

// onceLog keeps what has been logged already. The zero value is empty.
type onceLog struct {
	mu   sync.Mutex // guards seen
	seen map[string]bool
}

// first tells whether key comes for the first time; when too many are known it
// forgets them all.
func (o *onceLog) first(key string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.seen[key] {
		return false
	}
	if o.seen == nil || len(o.seen) >= maxOnce {
		o.seen = make(map[string]bool)
	}
	o.seen[key] = true
	return true
}
