package upstream

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
	"sync"

	"midstream/flow"
)

// answers knows how the parents want to be answered whose credentials are given.
// Past maxMemory parents any one is forgotten. The zero value knows none.
type answers struct {
	mu    sync.Mutex // guards known and what it holds
	known map[flow.Via]*answer
}

// answer is what credentials are sent for: the strongest challenge that can be
// met.
type answer struct {
	basic     bool
	ntlm      bool // a handshake on the connection; challenge has its scheme
	challenge challenge
	hash      func() hash.Hash
	session   bool // the algorithm ends in -sess
	count     uint32
}

// learn takes the challenges of a 407. It returns what they are when none can be
// met, "" otherwise; stale tells that the credentials were good but too old.
func (a *answers) learn(via flow.Via, list []challenge) (unmet string, stale bool) {
	best := strongest(list)
	if best == nil {
		return schemes(list), false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known == nil {
		a.known = make(map[flow.Via]*answer)
	}
	if _, known := a.known[via]; !known && len(a.known) >= maxMemory {
		for k := range a.known { // any one will do
			delete(a.known, k)
			break
		}
	}
	a.known[via] = best
	return "", strings.EqualFold(best.challenge.params["stale"], "true")
}

// strongest picks Digest before NTLM before Basic, and SHA-2 before MD5 (RFC 7616
// section 3.7: the first of the schemes that is understood, which servers list in
// their order; not all of them do). Negotiate is answered with NTLM, which it may
// carry (RFC 4559 section 4.1).
func strongest(list []challenge) *answer {
	var best *answer
	rank := 0
	for _, c := range list {
		a := &answer{challenge: c}
		r := 0
		switch {
		case c.scheme == "basic":
			a.basic, r = true, 1
		case c.scheme == "negotiate":
			a.ntlm, r = true, 2
		case c.scheme == "ntlm":
			a.ntlm, r = true, 3
		case c.scheme == "digest" && c.params["nonce"] != "" && takesAuth(c.params["qop"]):
			name, isSession := strings.CutSuffix(strings.ToUpper(c.params["algorithm"]), "-SESS")
			a.session = isSession
			switch name {
			case "", "MD5":
				a.hash, r = md5.New, 4
			case "SHA-512-256":
				a.hash, r = sha512.New512_256, 5
			case "SHA-256":
				a.hash, r = sha256.New, 6
			}
		}
		if r > rank {
			best, rank = a, r
		}
	}
	return best
}

// takesAuth tells whether the quality of protection can be given: none, as RFC
// 2069 had it, or auth.
func takesAuth(qop string) bool {
	if qop == "" {
		return true
	}
	for q := range strings.SplitSeq(qop, ",") {
		if strings.EqualFold(strings.TrimSpace(q), "auth") {
			return true
		}
	}
	return false
}

// settled tells whether credentials can be sent unasked, and safely: a parent that
// wants Digest is asked before each request that cannot be sent twice.
func (a *answers) settled(via flow.Via) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	k := a.known[via]
	return k != nil && k.basic
}

// handshake is the scheme of the handshake that a parent wants on each
// connection, "" where it wants none.
func (a *answers) handshake(via flow.Via) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if k := a.known[via]; k != nil && k.ntlm {
		return k.challenge.scheme
	}
	return ""
}

// field returns the value of Proxy-Authorization for one request, "" where the
// parent has not said what it wants.
func (a *answers) field(via flow.Via, method, target string) string {
	if via.User == "" && via.Password == "" {
		return ""
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	k := a.known[via]
	if k == nil || k.ntlm {
		return ""
	}
	if k.basic {
		return basic(via.User, via.Password)
	}
	k.count++
	nonce := make([]byte, 16)
	rand.Read(nonce)
	return k.digest(&via, method, target, hex.EncodeToString(nonce), k.count)
}

// basic is RFC 7617.
func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// digest is RFC 7616 section 3.4.
func (k *answer) digest(via *flow.Via, method, target, cnonce string, count uint32) string {
	h := func(parts ...string) string {
		d := k.hash()
		d.Write([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(d.Sum(nil))
	}
	p := k.challenge.params
	realm, nonce := p["realm"], p["nonce"]
	secret := h(via.User, realm, via.Password)
	if k.session {
		secret = h(secret, nonce, cnonce)
	}
	user := via.User
	if strings.EqualFold(p["userhash"], "true") {
		user = h(via.User, realm)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Digest username=%s, realm=%s, nonce=%s, uri=%s", quoted(user), quoted(realm), quoted(nonce), quoted(target))
	if p["qop"] == "" {
		fmt.Fprintf(&b, `, response="%s"`, h(secret, nonce, h(method, target)))
	} else {
		nc := fmt.Sprintf("%08x", count)
		fmt.Fprintf(&b, `, response="%s", qop=auth, nc=%s, cnonce="%s"`, h(secret, nonce, nc, cnonce, "auth", h(method, target)), nc, cnonce)
	}
	if name := p["algorithm"]; name != "" {
		b.WriteString(", algorithm=" + name)
	}
	if opaque, ok := p["opaque"]; ok {
		b.WriteString(", opaque=" + quoted(opaque))
	}
	if strings.EqualFold(p["userhash"], "true") {
		b.WriteString(", userhash=true")
	}
	return b.String()
}

// quoted writes a quoted-string (RFC 9110 section 5.6.4); what no field may hold
// is left out.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c >= ' ' && c != 0x7f || c == '\t':
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
