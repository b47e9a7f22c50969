package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// pki is the authority that the tests' origins are signed by: another one than
// midstream's, as on the Internet.
type pki struct {
	cert *x509.Certificate
	pem  []byte
	leaf tls.Certificate
}

var testPKI = sync.OnceValues(func() (*pki, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	root := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "origins of the tests"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, root, root, key.Public(), key)
	if err != nil {
		return nil, err
	}
	p := &pki{pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
	if p.cert, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano() + 1), Subject: pkix.Name{CommonName: "origin"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(23 * time.Hour),
		DNSNames: []string{"localhost", "also.test", "example.com"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err = x509.CreateCertificate(rand.Reader, leaf, p.cert, leafKey.Public(), key)
	if err != nil {
		return nil, err
	}
	p.leaf = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: leafKey}
	return p, nil
})

func mustPKI(t testing.TB) *pki {
	t.Helper()
	p, err := testPKI()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// authorityFile writes the origins' authority for programs that take a file.
func authorityFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "origins.pem")
	if err := os.WriteFile(path, mustPKI(t).pem, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// trusting is a client configuration that trusts the PEM file and nothing else.
func trusting(t testing.TB, file string) *tls.Config {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		t.Fatalf("%s has no certificate", file)
	}
	return &tls.Config{RootCAs: pool}
}
