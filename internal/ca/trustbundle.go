package ca

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"software.sslmate.com/src/go-pkcs12"
)

// The files of a trust bundle. They hold certificates only.
const (
	BundleFile    = "midstream-trust.pem" // our CA and the system's, PEM
	BundleP12File = "midstream-trust.p12" // the same as a PKCS#12 trust store: Java
)

// maxBundle bounds the certificates of a trust bundle; systems have 150.
const maxBundle = 4000

// A TrustBundle is a pair of files for programs that take one list of
// authorities in place of the system's: through the proxy they meet our CA, and
// past it, where a host is ignored, everybody else's.
type TrustBundle struct{ PEM, P12 string }

// WriteTrustBundle brings the files of the trust bundle in the CA's folder up to
// date: our CA, what this system trusts, and the certificates in the PEM files
// that are named besides. Files that are not there, and what is no certificate in
// them, are passed over. Each file is replaced as a whole, and only when its
// content changes; several processes may do this at once.
func (a *Authority) WriteTrustBundle(files ...string) (TrustBundle, error) {
	b := TrustBundle{PEM: a.Path(BundleFile), P12: a.Path(BundleP12File)}
	list := bundled{seen: make(map[string]bool)}
	list.add(a.cert.Raw)
	for _, path := range files {
		if path != "" && filepath.Clean(path) != filepath.Clean(b.PEM) {
			list.addFile(path)
		}
	}
	system, err := systemRoots()
	if err != nil {
		return b, fmt.Errorf("read the system's certificates: %w", err)
	}
	for _, der := range system {
		list.add(der)
	}
	text := encodeCerts(list.certs...)
	old, err := readFile(b.PEM)
	if err == nil && bytes.Equal(old, text) && exists(b.P12) {
		return b, nil
	}
	store, err := pkcs12.Passwordless.WithRand(rand.Reader).EncodeTrustStore(list.certs, "")
	if err != nil {
		return b, fmt.Errorf("write %s: %w", b.P12, err)
	}
	// The PEM file is what tells whether both are up to date, so it comes last.
	if err := replaceFile(b.P12, store, publicMode); err != nil {
		return b, err
	}
	return b, replaceFile(b.PEM, text, publicMode)
}

func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// bundled collects certificates, each once.
type bundled struct {
	certs []*x509.Certificate
	seen  map[string]bool
}

func (l *bundled) add(der []byte) {
	if len(l.certs) >= maxBundle || l.seen[string(der)] {
		return
	}
	l.seen[string(der)] = true
	if cert, err := x509.ParseCertificate(der); err == nil {
		l.certs = append(l.certs, cert)
	}
}

func (l *bundled) addFile(path string) {
	if data, err := readFile(path); err == nil {
		for _, der := range pemCerts(data) {
			l.add(der)
		}
	}
}

// pemCerts returns the certificates of a PEM text as DER.
func pemCerts(data []byte) [][]byte {
	var list [][]byte
	for range maxBundle {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			list = append(list, block.Bytes)
		}
	}
	return list
}

// rootFiles are where systems keep the list of their authorities.
var rootFiles = []string{
	"/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Arch, Alpine
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Fedora, RHEL
	"/etc/pki/tls/certs/ca-bundle.crt",                  // older RHEL
	"/etc/ssl/ca-bundle.pem",                            // SUSE
	"/etc/ssl/cert.pem",                                 // macOS, OpenBSD, Alpine
	"/usr/local/etc/ssl/cert.pem",                       // FreeBSD
	"/usr/local/share/certs/ca-root-nss.crt",
}

// rootsFrom returns the certificates of the first of the files that has some.
func rootsFrom(files []string) ([][]byte, error) {
	for _, path := range files {
		data, err := readFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if list := pemCerts(data); len(list) > 0 {
			return list, nil
		}
	}
	return nil, nil // a system without a list: our CA stands alone
}

// CertP12 returns the certificate of the CA as a PKCS#12 trust store without a
// password.
func (a *Authority) CertP12() ([]byte, error) {
	data, err := encodeTrustP12(a.cert)
	if err != nil {
		return nil, fmt.Errorf("encode the CA's certificate as PKCS#12: %w", err)
	}
	return data, nil
}
