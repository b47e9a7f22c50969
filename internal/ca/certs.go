package ca

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
)

// maxSpecs bounds the option certs.
const maxSpecs = 1000

// Certs are the certificates that a person gives in place of minted ones
// (option certs). A nil *Certs is empty.
type Certs struct {
	byName map[string]*tls.Certificate // lower case; "*" is for all
}

// LoadCerts reads the option certs: each spec is [DOMAIN=]FILE, the domain a
// name, "*.name", or "*" (the default). A file is PEM with key, leaf and chain,
// or PKCS#12. It serves its domain and every name in its leaf; of two files for
// one name the later wins. The passphrase opens encrypted keys. Errors name the
// spec.
func LoadCerts(specs []string, passphrase string) (*Certs, error) {
	if len(specs) > maxSpecs {
		return nil, fmt.Errorf("option certs: %d entries; at most %d are taken", len(specs), maxSpecs)
	}
	c := &Certs{byName: make(map[string]*tls.Certificate)}
	for _, spec := range specs {
		domain, path := "*", spec
		if d, p, ok := strings.Cut(spec, "="); ok {
			domain, path = d, p
		}
		if domain == "" || path == "" {
			return nil, fmt.Errorf("option certs %q: write [DOMAIN=]FILE", spec)
		}
		cert, err := loadPair(path, passphrase)
		if err != nil {
			return nil, fmt.Errorf("option certs %q: %w", spec, err)
		}
		if domain != "*" {
			name, ok := dnsName(trimHost(domain))
			if !ok {
				return nil, fmt.Errorf("option certs %q: %q is not a host name, *.NAME or *", spec, domain)
			}
			domain = name
		}
		c.byName[strings.ToLower(domain)] = cert
		for i, name := range cert.Leaf.DNSNames {
			if i == maxScan {
				break
			}
			c.byName[strings.ToLower(name)] = cert
		}
		for _, ip := range cert.Leaf.IPAddresses {
			c.byName[ip.String()] = cert
		}
		if cn := cert.Leaf.Subject.CommonName; cn != "" && len(cert.Leaf.DNSNames) == 0 {
			c.byName[strings.ToLower(cn)] = cert
		}
	}
	return c, nil
}

// Match returns the certificate for the first of the hosts that has one, by its
// exact name, then by "*." and each parent, nearest first; then the one for
// "*"; else nil.
func (c *Certs) Match(hosts ...string) *tls.Certificate {
	if c == nil || len(c.byName) == 0 {
		return nil
	}
	for _, host := range hosts {
		host = trimHost(host)
		if name, ok := dnsName(host); ok {
			host = name
		}
		host = strings.ToLower(host)
		if cert := c.byName[host]; cert != nil && host != "" {
			return cert
		}
		for {
			_, parent, ok := strings.Cut(host, ".")
			if !ok {
				break
			}
			if cert := c.byName["*."+parent]; cert != nil {
				return cert
			}
			host = parent
		}
	}
	return c.byName["*"]
}

// loadPair reads a key with its certificate and the chain above it.
func loadPair(path, passphrase string) (*tls.Certificate, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	bundle, err := ParseBundle(data, passphrase)
	if err != nil {
		return nil, fmt.Errorf("%w (passphrases come from cert_passphrase)", err)
	}
	leaf, others, err := bundle.pair()
	if err != nil {
		return nil, fmt.Errorf("%w; put key, certificate and chain into one file", err)
	}
	cert := &tls.Certificate{PrivateKey: bundle.Key, Leaf: leaf, Certificate: [][]byte{leaf.Raw}}
	for _, c := range chainAbove(leaf, others) {
		cert.Certificate = append(cert.Certificate, c.Raw)
	}
	return cert, nil
}

// chainAbove orders others as issuers, from the leaf up, and leaves out what
// does not belong and the root.
func chainAbove(leaf *x509.Certificate, others []*x509.Certificate) []*x509.Certificate {
	var chain []*x509.Certificate
	others = slices.Clone(others)
	for at := leaf; ; {
		i := slices.IndexFunc(others, func(c *x509.Certificate) bool {
			return string(c.RawSubject) == string(at.RawIssuer) && string(c.RawSubject) != string(c.RawIssuer)
		})
		if i < 0 {
			return chain
		}
		at = others[i]
		chain = append(chain, at)
		others = slices.Delete(others, i, i+1)
	}
}
