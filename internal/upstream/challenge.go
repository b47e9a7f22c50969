package upstream

import (
	"strings"

	"midstream/flow"
)

// challenge is one challenge of a Proxy-Authenticate field (RFC 9110 section
// 11.3).
type challenge struct {
	scheme string            // in lower case
	params map[string]string // names in lower case, values unquoted
	token  string            // what stands in place of parameters (token68)
}

// Bounds of what is read of one head.
const (
	maxChallenges = 16
	maxParams     = 32
)

// parseChallenges reads the challenges of field values. What is malformed ends
// the value that it stands in.
func parseChallenges(values []string) []challenge {
	var list []challenge
	for _, v := range values {
		s := &scanner{v}
		for len(list) < maxChallenges {
			s.skip(", \t")
			scheme := s.token()
			if scheme == "" {
				break
			}
			c := challenge{scheme: strings.ToLower(scheme), params: make(map[string]string)}
			ok := s.params(&c)
			list = append(list, c)
			if !ok {
				break
			}
		}
	}
	return list
}

// scanner reads a field value from its beginning.
type scanner struct{ s string }

func (s *scanner) skip(set string) { s.s = strings.TrimLeft(s.s, set) }

func (s *scanner) token() string {
	n := 0
	for n < len(s.s) && isTokenChar(s.s[n]) {
		n++
	}
	t := s.s[:n]
	s.s = s.s[n:]
	return t
}

// params reads name=value pairs, or one token68, up to the next challenge; false
// means that the rest is malformed.
func (s *scanner) params(c *challenge) bool {
	if !strings.HasPrefix(s.s, " ") {
		return s.s == "" || s.s[0] == ','
	}
	if token := s.token68(); token != "" {
		c.token = token
		return true
	}
	for {
		s.skip(", \t")
		before := s.s
		name := s.token()
		if name == "" {
			return s.s == ""
		}
		s.skip(" \t")
		if !strings.HasPrefix(s.s, "=") {
			s.s = before // the scheme of the next challenge
			return true
		}
		s.s = s.s[1:]
		s.skip(" \t")
		value, ok := s.value()
		if !ok {
			return false
		}
		if len(c.params) < maxParams {
			c.params[strings.ToLower(name)] = value
		}
	}
}

// token68 reads what NTLM and Negotiate send in place of parameters, "" where
// there is none.
func (s *scanner) token68() string {
	rest := strings.TrimLeft(s.s, " \t")
	n := 0
	for n < len(rest) && (isTokenChar(rest[n]) || rest[n] == '/') {
		n++
	}
	token := rest[:n]
	rest = rest[n:]
	for strings.HasPrefix(rest, "=") {
		token, rest = token+"=", rest[1:]
	}
	rest = strings.TrimLeft(rest, " \t")
	if n == 0 || rest != "" && rest[0] != ',' {
		return ""
	}
	s.s = rest
	return token
}

// value reads a token or a quoted string.
func (s *scanner) value() (string, bool) {
	if !strings.HasPrefix(s.s, `"`) {
		t := s.token()
		return t, t != ""
	}
	var b strings.Builder
	for i := 1; i < len(s.s); i++ {
		switch c := s.s[i]; {
		case c == '"':
			s.s = s.s[i+1:]
			return b.String(), true
		case c == '\\' && i+1 < len(s.s):
			i++
			b.WriteByte(s.s[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

func isTokenChar(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// schemes names the schemes of challenges, for people.
func schemes(list []challenge) string {
	var names []string
	for _, c := range list {
		names = append(names, c.scheme)
	}
	return strings.Join(names, ", ")
}

// proxyChallenges are the challenges of a 407 head.
func proxyChallenges(fields flow.Fields) []challenge {
	var values []string
	for _, f := range fields {
		if flow.EqualFold(f.Name, "Proxy-Authenticate") {
			values = append(values, f.Value)
		}
	}
	return parseChallenges(values)
}
