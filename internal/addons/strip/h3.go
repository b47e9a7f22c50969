package strip

import (
	"context"

	"midstream/hook"
	"midstream/internal/altsvc"
	"midstream/internal/rule"
	"midstream/internal/svcb"
)

// KindH3 is the kind of rule that keeps clients from leaving for HTTP/3, which this proxy
// would not see.
var KindH3 = rule.Kind{Name: "strip_h3", Brief: "leave alternatives that are HTTP/3 out of Alt-Svc and DNS answers"}

// h3 changes Alt-Svc besides answers of DNS.
type h3 struct{ answers }

// NewH3 makes the addon that runs rules of KindH3.
func NewH3(rules []*rule.Rule, _ rule.Env) (any, error) {
	return &h3{answers{
		rules: rule.NewList(rules), name: KindH3.Name, change: svcb.StripH3,
		finding: "h3-stripped", what: "HTTP/3",
	}}, nil
}

// ResponseHeaders implements hook.ResponseHeadersHook.
func (a *h3) ResponseHeaders(ctx context.Context, x *hook.Exchange) error {
	if x.Response.Fields.Has(altsvc.Field) {
		if r, ok := a.rules.Any(rule.Picture(x)); ok && altsvc.Edit(&x.Response.Fields, func(s *altsvc.Alternative) bool { return !s.H3() }) {
			r.Hit()
		}
	}
	return a.answers.ResponseHeaders(ctx, x)
}
