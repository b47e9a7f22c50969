package pyhost

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"strings"
	"sync"

	"midstream/flow"
)

// mostShown bounds the connections of which a process may ask the certificates.
const mostShown = 1024

// shown are the certificates of connections that a script was told of, which it asks
// for when it looks at them. The zero value is empty.
type shown struct {
	mu    sync.Mutex
	order []string
	certs map[string][][]byte
}

func (s *shown) note(c *flow.Conn) {
	if c == nil || c.TLS == nil || len(c.TLS.Certificates) == 0 {
		return
	}
	id := c.ID.String()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.certs == nil {
		s.certs = make(map[string][][]byte)
	}
	if _, there := s.certs[id]; !there {
		if len(s.order) == mostShown {
			delete(s.certs, s.order[0])
			s.order = append(s.order[:0], s.order[1:]...)
		}
		s.order = append(s.order, id)
	}
	s.certs[id] = c.TLS.Certificates
}

func (s *shown) of(id string) [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.certs[id]
}

// certificates describes a chain for the script.
func certificates(chain [][]byte) []any {
	all := []any{}
	for _, der := range chain {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			continue
		}
		sum := sha256.Sum256(der)
		m := map[string]any{
			"cn": c.Subject.CommonName, "serial": c.SerialNumber.String(),
			"notbefore": c.NotBefore.Unix(), "notafter": c.NotAfter.Unix(), "fingerprint": hex.EncodeToString(sum[:]),
			"pem":     string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
			"subject": names(c.Subject.String()), "issuer": names(c.Issuer.String()),
		}
		if len(c.Subject.Organization) > 0 {
			m["organization"] = c.Subject.Organization[0]
		}
		alt := append([]string{}, c.DNSNames...)
		for _, ip := range c.IPAddresses {
			alt = append(alt, ip.String())
		}
		m["altnames"] = alt
		switch k := c.PublicKey.(type) {
		case *rsa.PublicKey:
			m["keyinfo"] = []any{"RSA", k.N.BitLen()}
		case *ecdsa.PublicKey:
			m["keyinfo"] = []any{"EC (" + k.Params().Name + ")", k.Params().BitSize}
		}
		all = append(all, m)
	}
	return all
}

// names cuts an RFC 2253 name into its parts.
func names(s string) [][]string {
	all := [][]string{}
	for _, part := range strings.Split(s, ",") {
		if k, v, ok := strings.Cut(part, "="); ok {
			all = append(all, []string{k, v})
		}
	}
	return all
}
