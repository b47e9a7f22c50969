package ca

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"time"
)

const (
	// leafDays is the whole life of a leaf: below the 100 days that browsers
	// are on their way to, and never below the time a program runs unnoticed,
	// because leaves are minted again before they end.
	leafDays = 90
	// renewBefore is how long before its end a cached leaf is minted again.
	renewBefore = 24 * time.Hour
)

// LeafRequest says for whom a certificate is needed. Any part may be empty.
type LeafRequest struct {
	// SNI is the server name of the ClientHello, as sent.
	SNI string
	// Addr is the host or IP address (without port) that was connected to.
	Addr string
	// Upstream is the server's own certificate, whose names are taken over.
	Upstream *x509.Certificate
	// RSA asks for a leaf with an RSA key, for a client that cannot do with
	// another (tls.ClientHelloInfo.SupportsCertificate tells).
	RSA bool
}

// Leaf returns the certificate to show to a client: one of Certs where one
// matches, else a minted one. Minting costs one signature; equal requests share
// it, at the same time and later. The result is shared: do not change it. Its
// field Leaf is set.
//
// Odd names are no error. An error means that signing failed, or that ctx ended
// while another goroutine was minting the same leaf.
func (a *Authority) Leaf(ctx context.Context, r LeafRequest) (*tls.Certificate, error) {
	if own := a.certs.Load().Match(r.SNI, r.Addr); own != nil {
		return own, nil
	}
	kind := a.keyType
	if r.RSA {
		kind = RSA
	}
	key := a.asked.key(r, func() cacheKey {
		return cacheKey{kind: kind, names: sha256.Sum256(append(leafNames(r), a.crlOf(r.Upstream)...))}
	})
	now := a.now()
	leaf, err := a.cache.get(ctx, key, now, func() (*tls.Certificate, error) { return a.mint(kind, leafNames(r), a.crlOf(r.Upstream), now) })
	if err != nil {
		return nil, fmt.Errorf("make certificate for %q: %w", firstOf(r.SNI, r.Addr), err)
	}
	return leaf, nil
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

var oidSAN = asn1.ObjectIdentifier{2, 5, 29, 17}

// mint signs a leaf. Its subject is empty and its subjectAltName critical (RFC
// 5280 section 4.1.2.6): a common name adds nothing that clients read, and ends
// at 64 characters. It carries no status_request feature (RFC 7633), whatever
// the server's certificate has: there is nobody to staple for it. crl is where its
// list of revoked certificates is, "" for none.
func (a *Authority) mint(kind KeyType, names []byte, crl string, now time.Time) (*tls.Certificate, error) {
	key, err := a.leafKeys[kind]()
	if err != nil {
		return nil, err
	}
	notBefore := now.Add(-backdate).UTC().Truncate(time.Second)
	notAfter := notBefore.AddDate(0, 0, leafDays)
	if end := a.cert.NotAfter; end.Before(notAfter) && end.After(now) {
		notAfter = end
	}
	usage := x509.KeyUsageDigitalSignature
	if kind == RSA {
		// TLS 1.2 and older with RSA key exchange (RFC 5246 section 7.4.2).
		usage |= x509.KeyUsageKeyEncipherment
	}
	template := &x509.Certificate{
		SerialNumber:    newSerial(),
		NotBefore:       notBefore,
		NotAfter:        notAfter,
		KeyUsage:        usage,
		ExtKeyUsage:     []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		ExtraExtensions: []pkix.Extension{{Id: oidSAN, Critical: true, Value: names}},
	}
	if crl != "" {
		template.CRLDistributionPoints = []string{crl}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read back: %w", err)
	}
	return &tls.Certificate{
		Certificate: append([][]byte{der}, a.chain...),
		PrivateKey:  key,
		Leaf:        parsed,
	}, nil
}
