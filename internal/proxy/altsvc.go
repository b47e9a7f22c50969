package proxy

import (
	"context"
	"net"
	"strings"

	"midstream/hook"
	"midstream/internal/altsvc"
)

// AltSvc is an addon that makes the alternative services (RFC 7838) that a target of a
// reverse mode names lead to midstream's own port, with no host, which stands for the one
// that the client knows: else clients would go past it. HTTP/3 is not spoken there, and so
// it is left out.
type AltSvc struct{}

// Name implements hook.Named.
func (AltSvc) Name() string { return "alternative services" }

// Prompt implements hook.Prompt.
func (AltSvc) Prompt() bool { return true }

// ResponseHeaders rewrites Alt-Svc in responses to clients of a reverse mode.
func (AltSvc) ResponseHeaders(_ context.Context, x *hook.Exchange) error {
	if x.Response == nil || x.Client == nil || !strings.HasPrefix(strings.ToLower(x.Client.Mode), "reverse:") {
		return nil
	}
	_, port, err := net.SplitHostPort(x.Client.Local)
	if err != nil {
		return nil
	}
	altsvc.Edit(&x.Response.Fields, func(a *altsvc.Alternative) bool {
		a.Authority = ":" + port
		return !a.H3()
	})
	return nil
}
