package ca

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"time"
)

const (
	rootYears = 10
	// backdate allows for clients whose clock is slow.
	backdate = 48 * time.Hour
)

// newSerial returns 127 random bits: RFC 5280 section 4.1.2.2 asks for at most
// 20 bytes and a positive number, browsers for at least 64 random bits.
func newSerial() *big.Int {
	var b [16]byte
	rand.Read(b[:])
	b[0] = b[0]&0x7f | 0x40
	return new(big.Int).SetBytes(b[:])
}

// newRoot makes a self-signed CA certificate for the key. It may sign leaves
// only (path length 0), and only for TLS servers: whoever steals its key shall
// not be able to sign programs or mail with it.
func newRoot(key crypto.Signer, now time.Time) (*x509.Certificate, error) {
	pub, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, fmt.Errorf("encode key of the CA: %w", err)
	}
	id := sha256.Sum256(pub)
	notBefore := now.Add(-backdate).UTC().Truncate(time.Second)
	template := &x509.Certificate{
		SerialNumber:          newSerial(),
		Subject:               pkix.Name{CommonName: "midstream", Organization: []string{"midstream"}},
		NotBefore:             notBefore,
		NotAfter:              notBefore.AddDate(rootYears, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
		SubjectKeyId:          id[:20],
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign certificate of the CA: %w", err)
	}
	return x509.ParseCertificate(der)
}

// checkCA says why cert cannot sign leaves that clients would accept.
func checkCA(cert *x509.Certificate) error {
	if !cert.BasicConstraintsValid || !cert.IsCA {
		return errors.New("its certificate is not a CA (basicConstraints without CA:TRUE)")
	}
	if cert.KeyUsage != 0 && cert.KeyUsage&x509.KeyUsageCertSign == 0 {
		return errors.New("its certificate may not sign certificates (keyUsage without keyCertSign)")
	}
	if len(cert.ExtKeyUsage)+len(cert.UnknownExtKeyUsage) > 0 {
		for _, u := range cert.ExtKeyUsage {
			if u == x509.ExtKeyUsageServerAuth || u == x509.ExtKeyUsageAny {
				return nil
			}
		}
		return errors.New("its certificate may not be used for TLS servers (extKeyUsage without serverAuth)")
	}
	return nil
}

// selfSigned tells a root from an intermediate.
func selfSigned(cert *x509.Certificate) bool {
	return string(cert.RawSubject) == string(cert.RawIssuer) && cert.CheckSignatureFrom(cert) == nil
}
