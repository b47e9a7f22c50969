package upstream

import (
	"crypto/tls"
	"sync"

	"midstream/internal/clienthello"
)

// terms are what connections are made by from one change of the Config to the
// next. What was agreed under others is not resumed: a session of a server that
// nobody has verified would let it in later, when servers are.
type terms struct {
	Config
	tls          *tls.Config           // cloned for each handshake
	likeSessions *clienthello.Sessions // of connections that began with a hello like the client's
	ownHello     func() [ways]*clienthello.Hello
	greetings    greetings
}

func newTerms(cfg Config) *terms {
	t := &terms{Config: cfg, likeSessions: clienthello.NewSessions(maxSessions)}
	t.ownHello = sync.OnceValue(t.ownHellos)
	t.tls = &tls.Config{
		InsecureSkipVerify: cfg.TLS.Insecure,
		RootCAs:            cfg.TLS.Roots,
		MinVersion:         cfg.TLS.MinVersion,
		MaxVersion:         cfg.TLS.MaxVersion,
		KeyLogWriter:       cfg.TLS.KeyLog,
		ClientSessionCache: tls.NewLRUClientSessionCache(maxSessions),
		// A server may ask for a certificate by renegotiating once (TLS 1.2); more
		// than once is an attack on the processor.
		Renegotiation: tls.RenegotiateOnceAsClient,
		// Records are joined below TLS, so small first records gain nothing.
		DynamicRecordSizingDisabled: true,
	}
	if cfg.TLS.MinVersion == 0 {
		t.tls.MinVersion = tls.VersionTLS12
	}
	if cfg.TLS.Insecure || t.tls.MinVersion < tls.VersionTLS12 {
		t.tls.CipherSuites = AllCipherSuites()
	}
	return t
}

// Change makes connections from now on by LocalAddr, ConnectWithoutHost, TLS, HTTP,
// HTTP2 and PingInterval of cfg; the rest of the Config stays as New was given it,
// and connections that are there stay. It may be called at any time.
func (d *Dialer) Change(cfg Config) {
	next := d.cfg
	next.LocalAddr, next.ConnectWithoutHost = cfg.LocalAddr, cfg.ConnectWithoutHost
	next.TLS, next.HTTP, next.HTTP2, next.PingInterval = cfg.TLS, cfg.HTTP, cfg.HTTP2, cfg.PingInterval
	d.terms.Store(newTerms(next))
}

// now are the terms of now.
func (d *Dialer) now() *terms { return d.terms.Load() }
