package view

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// token is a JSON Web Signature in compact form (RFC 7515 section 7.1).
var token = regexp.MustCompile(`eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`)

// maxTokens is how many tokens are shown.
const maxTokens = 16

// showJWT prints the tokens in the body, the fields and the query. Signatures are
// shown and not checked.
func showJWT(s *source, p *page) error {
	type found struct{ where, text string }
	var all []found
	look := func(where, text string) {
		for _, t := range token.FindAllString(text, maxTokens-len(all)) {
			all = append(all, found{where, t})
		}
	}
	look("body", string(s.all()))
	for _, f := range s.in.Fields {
		look(f.Name, f.Value)
	}
	look("target", s.in.Path)
	if len(all) == 0 {
		return errors.New("there is no token in it")
	}
	for i, t := range all {
		if i > 0 {
			p.end()
		}
		p.row("// token in %s", t.where)
		parts := strings.Split(t.text, ".")
		for _, part := range parts[:2] {
			if err := segment(p, part); err != nil {
				return err
			}
		}
		p.row("// signature %s, not checked", parts[2])
	}
	return nil
}

func segment(p *page, part string) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return fmt.Errorf("a part of the token is damaged: %w", err)
	}
	if err := indented(p, 0, bytes.TrimSpace(text)); err != nil {
		return err
	}
	var claims map[string]json.RawMessage
	if json.Unmarshal(text, &claims) != nil {
		return nil
	}
	for _, name := range []string{"iat", "nbf", "exp"} {
		var at json.Number
		if json.Unmarshal(claims[name], &at) != nil {
			continue
		}
		if f, err := at.Float64(); err == nil && f > 0 && f < 1<<40 {
			p.row("// %s is %s", name, time.Unix(int64(f), 0).UTC().Format(time.RFC3339))
		}
	}
	return nil
}
