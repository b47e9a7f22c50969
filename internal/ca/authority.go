package ca

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// An Authority signs leaves with the CA of one folder. It may be used from
// several goroutines at once. Load makes one.
type Authority struct {
	dir      string
	created  bool
	key      crypto.Signer
	cert     *x509.Certificate
	chain    [][]byte // what goes on the wire behind a leaf
	keyType  KeyType
	now      func() time.Time
	warnings []string

	certs atomic.Pointer[Certs]
	asked asked
	cache *cache
	// leafKeys are made when first needed; a leaf key lives in memory only.
	leafKeys [2]func() (crypto.Signer, error)
}

func newAuthority(key crypto.Signer, cert *x509.Certificate, others []*x509.Certificate, o Options) (*Authority, error) {
	a := &Authority{
		key: key, cert: cert, keyType: o.KeyType, now: o.Now,
		cache: newCache(o.CacheEntries),
	}
	for _, kind := range [...]KeyType{ECDSA, RSA} {
		a.leafKeys[kind] = sync.OnceValues(func() (crypto.Signer, error) { return newKey(kind) })
	}
	if int(o.KeyType) >= len(a.leafKeys) {
		return nil, fmt.Errorf("key type %d: not a kind of key", o.KeyType)
	}
	// The leaf key of the default kind is made now, so that the first
	// handshake does not wait for it.
	if _, err := a.leafKeys[o.KeyType](); err != nil {
		return nil, err
	}
	// A root stays out of the handshake (RFC 8446 section 4.4.2 allows it): who
	// trusts it has it, and who does not gains nothing from half a kilobyte
	// more. An imported intermediate must go along, with what is above it.
	if !selfSigned(cert) {
		a.chain = append(a.chain, cert.Raw)
		for _, c := range others {
			if c.IsCA && !selfSigned(c) {
				a.chain = append(a.chain, c.Raw)
			}
		}
	}
	a.certs.Store(o.Certs)
	return a, nil
}

// Cert returns the certificate of the CA. It must not be changed.
func (a *Authority) Cert() *x509.Certificate { return a.cert }

// CertPEM returns the certificate of the CA as PEM.
func (a *Authority) CertPEM() []byte { return encodeCerts(a.cert) }

// Fingerprint returns the SHA-256 of the CA's certificate, as pairs with colons.
func (a *Authority) Fingerprint() string { return Fingerprint(a.cert) }

// LeafKeyHash returns what Chromium's --ignore-certificate-errors-spki-list takes
// to accept the leaves of this Authority and nothing else: the SHA-256 of their
// public key, base64. It is another one at each start. (The hash of the CA does
// not serve: the CA's certificate is not sent.)
func (a *Authority) LeafKeyHash() (string, error) {
	key, err := a.leafKeys[a.keyType]()
	if err != nil {
		return "", err
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return "", fmt.Errorf("encode key of the leaves: %w", err)
	}
	sum := sha256.Sum256(spki)
	return base64.StdEncoding.EncodeToString(sum[:]), nil
}

// Created tells whether Load made the CA: then no client trusts it yet.
func (a *Authority) Created() bool { return a.created }

// Warnings are sentences that a person should see at the start.
func (a *Authority) Warnings() []string { return a.warnings }

// Path returns where a file of the CA is, for one of the file names of this
// package.
func (a *Authority) Path(name string) string { return filepath.Join(a.dir, name) }

// SetCerts replaces the certificates that are used in place of minted ones;
// nil = none. Handshakes that have begun keep what they have.
func (a *Authority) SetCerts(c *Certs) { a.certs.Store(c) }
