package proxy

import (
	"context"
	"net"
	"strings"

	"midstream/flow"
	"midstream/hook"
)

// AltSvc is an addon that makes the alternative services (RFC 7838) that a target of a
// reverse mode names lead to midstream's own port: else clients would go past it.
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
	for i, f := range x.Response.Fields {
		if flow.EqualFold(f.Name, "Alt-Svc") {
			if v := rewriteAltSvc(f.Value, port); v != f.Value {
				x.Response.Fields[i].Value, x.Response.Fields[i].Wire = v, ""
			}
		}
	}
	return nil
}

// rewriteAltSvc replaces each alt-authority by one with this port and no host, which
// stands for the host that the client knows already.
func rewriteAltSvc(value, port string) string {
	var b strings.Builder
	for rest := value; ; {
		// protocol-id "=" quoted alt-authority *( ";" parameter )
		eq := strings.Index(rest, `="`)
		if eq < 0 {
			b.WriteString(rest)
			return b.String()
		}
		end := strings.IndexByte(rest[eq+2:], '"')
		if end < 0 {
			b.WriteString(rest)
			return b.String()
		}
		end += eq + 2
		authority := rest[eq+2 : end]
		name := rest[:eq]
		if i := strings.LastIndexAny(name, ",;"); i >= 0 && name[i] == ';' || !strings.Contains(authority, ":") {
			b.WriteString(rest[:end+1]) // a parameter
		} else {
			b.WriteString(name + `=":` + port + `"`)
		}
		rest = rest[end+1:]
	}
}
