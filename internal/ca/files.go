package ca

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"software.sslmate.com/src/go-pkcs12"
)

// The files of a CA in its folder. Only the first is secret; the others are
// copies of the certificate and are made again when they are missing or stale.
//
// There is no PKCS#12 file with the key by default: it would be a second copy
// of the secret, in a form that people send to their phones by mistake.
// Authority.WriteKeyP12 makes one when it is asked for.
const (
	KeyFile     = "midstream-ca.pem"      // private key (PKCS#8) and certificate, mode 0600
	CertFile    = "midstream-ca-cert.pem" // certificate
	CertDERFile = "midstream-ca-cert.cer" // certificate, DER: Windows, Android
	CertP12File = "midstream-ca-cert.p12" // certificate as a PKCS#12 trust store: Java
	KeyP12File  = "midstream-ca.p12"      // key and certificate, made on request
)

const (
	folderMode fs.FileMode = 0o700
	secretMode fs.FileMode = 0o600
	publicMode fs.FileMode = 0o644
)

// ensureFolder makes the folder with mode 0700 whatever the umask. One that is
// there keeps its mode: it may be somebody's choice.
func ensureFolder(dir string) error {
	if info, err := os.Stat(dir); err == nil {
		if !info.IsDir() {
			return fmt.Errorf("make folder %s: a file of that name is in the way", dir)
		}
		return nil
	}
	if err := os.MkdirAll(dir, folderMode); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	return os.Chmod(dir, folderMode)
}

// writeTemp puts data into a new file beside path and returns its name. The
// file has the mode exactly and is on disk when this returns.
func writeTemp(path string, data []byte, mode fs.FileMode) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Chmod(f.Name(), mode)
	}
	if err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// replaceFile writes path as a whole: a reader sees the old content or the new.
func replaceFile(path string, data []byte, mode fs.FileMode) error {
	tmp, err := writeTemp(path, data, mode)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(tmp, path); err != nil {
		os.Remove(tmp)
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// createFile writes path as a whole unless it exists: then the error is
// fs.ErrExist. Of several processes that do this at once exactly one wins, and
// the others find a complete file.
func createFile(path string, data []byte, mode fs.FileMode) error {
	tmp, err := writeTemp(path, data, mode)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(tmp)
	err = os.Link(tmp, path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	// A file system without hard links. O_EXCL keeps one winner; a loser that
	// reads in the same millisecond may find half a file, and says so.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		os.Remove(path)
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// looseMode tells whether others than the owner can read the file.
func looseMode(info fs.FileInfo) bool {
	return runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0
}

func encodeKeyFile(b Bundle) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(b.Key)
	if err != nil {
		return nil, fmt.Errorf("encode key of the CA: %w", err)
	}
	out := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return append(out, encodeCerts(b.Certs...)...), nil
}

func encodeCerts(certs ...*x509.Certificate) []byte {
	var out bytes.Buffer
	for _, c := range certs {
		pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	return out.Bytes()
}

// encodeTrustP12 makes a PKCS#12 file without key, encryption and MAC: there is
// nothing to hide in it, and Java opens it with any password or with none, which
// it does not do with the empty password.
func encodeTrustP12(cert *x509.Certificate) ([]byte, error) {
	return pkcs12.Passwordless.WithRand(rand.Reader).EncodeTrustStore([]*x509.Certificate{cert}, "")
}

// writeCopies brings the public copies in line with cert and returns the paths
// it wrote.
func writeCopies(dir string, cert *x509.Certificate) ([]string, error) {
	var wrote []string
	put := func(name string, same func([]byte) bool, encode func() ([]byte, error)) error {
		path := filepath.Join(dir, name)
		if old, err := readFile(path); err == nil && same(old) {
			return nil
		}
		data, err := encode()
		if err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
		if err := replaceFile(path, data, publicMode); err != nil {
			return err
		}
		wrote = append(wrote, path)
		return nil
	}
	encoded := encodeCerts(cert)
	err := put(CertFile,
		func(old []byte) bool { return bytes.Equal(old, encoded) },
		func() ([]byte, error) { return encoded, nil })
	if err == nil {
		err = put(CertDERFile,
			func(old []byte) bool { return bytes.Equal(old, cert.Raw) },
			func() ([]byte, error) { return cert.Raw, nil })
	}
	if err == nil {
		err = put(CertP12File,
			func(old []byte) bool {
				certs, err := pkcs12.DecodeTrustStore(old, "")
				return err == nil && len(certs) == 1 && certs[0].Equal(cert)
			},
			func() ([]byte, error) { return encodeTrustP12(cert) })
	}
	return wrote, err
}

// Fingerprint returns the SHA-256 of the certificate as people compare it:
// hexadecimal pairs with colons.
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	var out bytes.Buffer
	for i, b := range sum {
		if i > 0 {
			out.WriteByte(':')
		}
		fmt.Fprintf(&out, "%02X", b)
	}
	return out.String()
}

// shortID is the part of the fingerprint that file names and aliases carry.
func shortID(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:4])
}
