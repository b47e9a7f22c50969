package e2e

import (
	"context"
	"crypto/tls"
	"net/http/httptrace"
	"net/textproto"
	"testing"
)

// traceInterim tells of the fields of interim responses.
func traceInterim(ctx context.Context, told func(textproto.MIMEHeader)) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: func(_ int, h textproto.MIMEHeader) error {
		told(h)
		return nil
	}})
}

// trustedConfig is that of an origin which the proxies of the tests trust.
func trustedConfig(t *testing.T) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{mustPKI(t).leaf}, NextProtos: []string{"h2", "http/1.1"}}
}
