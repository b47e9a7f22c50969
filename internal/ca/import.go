package ca

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// Imported says what Import changed.
type Imported struct {
	Cert *x509.Certificate
	// Old is the CA that was replaced; nil when there was none, or one that
	// could not be read.
	Old *x509.Certificate
	// Same is true when this very CA was there already: nothing was written but
	// missing copies.
	Same bool
	// Backup is where the old key file was kept; empty when there was none.
	Backup string
	// Written are the files written, Backup not among them.
	Written []string
	// Notes are sentences worth reading.
	Notes []string
}

// Import makes the CA in file the CA of confdir. File is mitmproxy's
// mitmproxy-ca.pem, or any PEM or PKCS#12 that holds a CA certificate and its
// private key in either order; the passphrase opens it. The key is stored
// without passphrase, mode 0600. The CA that was there is kept beside the new
// one under a name with the date. A running midstream goes on with the old one
// until it is started again.
//
// Nothing is changed when there is an error, except that the backup may exist.
func Import(confdir, file, passphrase string, now time.Time) (*Imported, error) {
	data, err := readFile(file)
	if err != nil {
		return nil, fmt.Errorf("import CA: %w", err)
	}
	bundle, err := importable(data, passphrase, now)
	if err != nil {
		return nil, fmt.Errorf("import CA from %s: %w; nothing was changed", file, err)
	}
	out := &Imported{Cert: bundle.Certs[0], Notes: importNotes(bundle, now)}
	if err := ensureFolder(confdir); err != nil {
		return nil, fmt.Errorf("import CA: %w", err)
	}
	path := filepath.Join(confdir, KeyFile)
	old, err := readFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("import CA: %w; nothing was changed", err)
	}
	if err == nil {
		if b, err := ParseBundle(old, passphrase); err == nil {
			if cert, _, err := b.pair(); err == nil {
				out.Old = cert
				out.Same = cert.Equal(out.Cert)
			}
		}
		if !out.Same {
			if out.Backup, err = keepOld(path, old, now); err != nil {
				return nil, fmt.Errorf("import CA: keep the old one: %w; nothing was changed", err)
			}
		}
	}
	if !out.Same {
		encoded, err := encodeKeyFile(bundle)
		if err != nil {
			return nil, fmt.Errorf("import CA: %w", err)
		}
		if err := replaceFile(path, encoded, secretMode); err != nil {
			return nil, fmt.Errorf("import CA: %w", err)
		}
		out.Written = append(out.Written, path)
		// It holds the key of the CA before.
		if p12 := filepath.Join(confdir, KeyP12File); os.Remove(p12) == nil {
			out.Notes = append(out.Notes, fmt.Sprintf("removed %s, which held the key of the CA before", p12))
		}
	}
	markHinted(confdir)
	wrote, err := writeCopies(confdir, out.Cert)
	out.Written = append(out.Written, wrote...)
	if err != nil {
		return out, fmt.Errorf("import CA: the CA is in place, its copies are not: %w", err)
	}
	return out, nil
}

// importable parses a file and returns key and certificates with the CA's own
// first, or says why it can be no CA.
func importable(data []byte, passphrase string, now time.Time) (Bundle, error) {
	bundle, err := ParseBundle(data, passphrase)
	if err != nil {
		return Bundle{}, err
	}
	cert, others, err := bundle.pair()
	if err != nil {
		return Bundle{}, err
	}
	if err := checkCA(cert); err != nil {
		return Bundle{}, err
	}
	if now.After(cert.NotAfter) {
		return Bundle{}, fmt.Errorf("its certificate expired on %s", cert.NotAfter.Format("2006-01-02"))
	}
	// A signature shows what comparing public keys cannot: that the key works.
	key, err := newKey(ECDSA)
	if err != nil {
		return Bundle{}, err
	}
	template := &x509.Certificate{SerialNumber: newSerial(), NotBefore: now, NotAfter: now, DNSNames: []string{noName}}
	if _, err := x509.CreateCertificate(rand.Reader, template, cert, key.Public(), bundle.Key); err != nil {
		return Bundle{}, fmt.Errorf("its key cannot sign: %w", err)
	}
	return Bundle{Key: bundle.Key, Certs: append([]*x509.Certificate{cert}, chainAbove(cert, others)...)}, nil
}

func importNotes(b Bundle, now time.Time) []string {
	var notes []string
	cert := b.Certs[0]
	if k, ok := b.Key.Public().(*rsa.PublicKey); ok && k.N.BitLen() < rsaBits {
		notes = append(notes, fmt.Sprintf("its key is %s; browsers and current systems refuse RSA keys below %d bits", describeKey(k), rsaBits))
	}
	if now.Before(cert.NotBefore) {
		notes = append(notes, fmt.Sprintf("it is valid only from %s on", cert.NotBefore.Format("2006-01-02")))
	}
	if now.Add(90 * 24 * time.Hour).After(cert.NotAfter) {
		notes = append(notes, fmt.Sprintf("it expires on %s", cert.NotAfter.Format("2006-01-02")))
	}
	if !selfSigned(cert) {
		notes = append(notes, fmt.Sprintf("it is an intermediate, signed by %s; clients must trust that, and %d certificates are sent beside each leaf", cert.Issuer, len(b.Certs)))
	}
	return notes
}

// keepOld copies the key file to a name with the date and returns it.
func keepOld(path string, data []byte, now time.Time) (string, error) {
	stem := path[:len(path)-len(filepath.Ext(path))] + now.UTC().Format("-20060102-150405")
	for i := 0; i < 100; i++ {
		name := stem + ".pem"
		if i > 0 {
			name = fmt.Sprintf("%s-%d.pem", stem, i)
		}
		err := createFile(name, data, secretMode)
		if err == nil {
			return name, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", err
		}
		if there, err := readFile(name); err == nil && bytes.Equal(there, data) {
			return name, nil
		}
	}
	return "", fmt.Errorf("write %s.pem: a hundred files of that name exist", stem)
}

// WriteKeyP12 writes midstream-ca.p12, key and certificate under the
// passphrase (may be empty), mode 0600, and returns its path. Programs that
// should sign with this CA take it; devices that should only trust it must not
// get it.
func (a *Authority) WriteKeyP12(passphrase string) (string, error) {
	encoder := pkcs12.Modern2023
	if passphrase == "" {
		// Without a passphrase nothing is protected by any algorithm, so take
		// the one that all importers know.
		encoder = pkcs12.LegacyDES
	}
	data, err := encoder.WithRand(rand.Reader).Encode(a.key, a.cert, nil, passphrase)
	if err != nil {
		return "", fmt.Errorf("encode PKCS#12: %w", err)
	}
	path := a.Path(KeyP12File)
	return path, replaceFile(path, data, secretMode)
}
