package strip

import (
	"midstream/internal/rule"
	"midstream/internal/svcb"
)

// KindECH is the kind of rule that keeps clients from hiding the name of the server.
var KindECH = rule.Kind{Name: "strip_ech", Brief: "take keys for Encrypted Client Hello out of DNS answers"}

// NewECH makes the addon that runs rules of KindECH.
func NewECH(rules []*rule.Rule, _ rule.Env) (any, error) {
	return &answers{
		rules: rule.NewList(rules), name: KindECH.Name, change: svcb.StripECH,
		finding: "ech-stripped", what: "the keys for Encrypted Client Hello",
	}, nil
}
