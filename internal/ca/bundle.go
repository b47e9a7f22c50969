package ca

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"software.sslmate.com/src/go-pkcs12"
)

const (
	// maxFile bounds the files we read: a key with a long chain has 50 KiB.
	maxFile = 4 << 20
	// maxBlocks bounds the PEM blocks of one file.
	maxBlocks = 1000
)

// A Bundle is what a PEM, DER or PKCS#12 file holds.
type Bundle struct {
	Key   crypto.Signer       // nil when the file has none
	Certs []*x509.Certificate // in the order of the file
}

// ParseBundle reads a file in any of the usual forms, told apart by content:
// PEM with keys (PKCS#1, SEC 1, PKCS#8, encrypted or not) and certificates in
// any order, one DER certificate, or PKCS#12. The passphrase may be empty. An
// error says what is wrong, but not with which file: that is the caller's.
func ParseBundle(data []byte, passphrase string) (Bundle, error) {
	if bytes.Contains(data, []byte("-----BEGIN ")) {
		return parsePEM(data, passphrase)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return Bundle{}, errors.New("file is empty")
	}
	if cert, err := x509.ParseCertificate(data); err == nil {
		return Bundle{Certs: []*x509.Certificate{cert}}, nil
	}
	return parseP12(data, passphrase)
}

func parsePEM(data []byte, passphrase string) (Bundle, error) {
	var b Bundle
	for blocks := 0; ; blocks++ {
		var block *pem.Block
		block, data = pem.Decode(data)
		if block == nil {
			break
		}
		if blocks == maxBlocks {
			return Bundle{}, fmt.Errorf("file has more than %d PEM blocks", maxBlocks)
		}
		switch {
		case block.Type == "CERTIFICATE" || block.Type == "TRUSTED CERTIFICATE" || block.Type == "X509 CERTIFICATE":
			cert, err := parseCert(block)
			if err != nil {
				return Bundle{}, fmt.Errorf("certificate %d of the file: %w", len(b.Certs)+1, err)
			}
			b.Certs = append(b.Certs, cert)
		case block.Type == "PRIVATE KEY" || strings.HasSuffix(block.Type, " PRIVATE KEY"):
			if b.Key != nil {
				return Bundle{}, errors.New("file has more than one private key; leave one")
			}
			key, err := parseKey(block, passphrase)
			if err != nil {
				return Bundle{}, err
			}
			b.Key = key
		}
	}
	if b.Key == nil && len(b.Certs) == 0 {
		return Bundle{}, errors.New("no certificate and no private key found in it (damaged PEM)")
	}
	return b, nil
}

// parsePEMCerts returns the certificates of a PEM file and leaves its keys alone.
func parsePEMCerts(data []byte) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for range maxBlocks {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certs = append(certs, cert)
	}
	return certs, nil
}

// parseCert also takes OpenSSL's TRUSTED CERTIFICATE, which has trust settings
// behind the certificate.
func parseCert(block *pem.Block) (*x509.Certificate, error) {
	der := block.Bytes
	if block.Type == "TRUSTED CERTIFICATE" {
		if n, ok := derLength(der); ok {
			der = der[:n]
		}
	}
	return x509.ParseCertificate(der)
}

func parseKey(block *pem.Block, passphrase string) (crypto.Signer, error) {
	der := block.Bytes
	needs := errors.New("private key is encrypted and no passphrase was given")
	//lint:ignore SA1019 people have such files; the weakness is theirs and on disk only
	if x509.IsEncryptedPEMBlock(block) {
		if passphrase == "" {
			return nil, needs
		}
		var err error
		//lint:ignore SA1019 as above
		if der, err = x509.DecryptPEMBlock(block, []byte(passphrase)); err != nil {
			if errors.Is(err, x509.IncorrectPasswordError) {
				return nil, errPassphrase
			}
			return nil, fmt.Errorf("decrypt private key: %w", err)
		}
	} else if block.Type == "ENCRYPTED PRIVATE KEY" {
		if passphrase == "" {
			return nil, needs
		}
		var err error
		if der, err = decryptPKCS8(der, passphrase); err != nil {
			return nil, err
		}
	}
	var key any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(der)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(der)
	case "PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(der)
	default:
		return nil, fmt.Errorf("private key of kind %q is not supported; convert it with: openssl pkcs8 -topk8 -nodes", block.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("private key is damaged, or its passphrase is wrong: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("private key of kind %T cannot sign", key)
	}
	return signer, nil
}

func parseP12(data []byte, passphrase string) (b Bundle, err error) {
	if n, ok := derLength(data); !ok || n > len(data) {
		return Bundle{}, errors.New("neither PEM nor DER nor PKCS#12")
	}
	if err := checkIterations(data, 0); err != nil {
		return Bundle{}, err
	}
	// The decoder works on attacker-shaped ASN.1; a fault in it must not end
	// the program.
	defer func() {
		if r := recover(); r != nil {
			b, err = Bundle{}, errors.New("PKCS#12 file is damaged")
		}
	}()
	key, cert, chain, err := pkcs12.DecodeChain(data, passphrase)
	if err == nil {
		signer, ok := key.(crypto.Signer)
		if !ok {
			return Bundle{}, fmt.Errorf("private key of kind %T cannot sign", key)
		}
		return Bundle{Key: signer, Certs: append([]*x509.Certificate{cert}, chain...)}, nil
	}
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		if passphrase == "" {
			return Bundle{}, errors.New("PKCS#12 file is encrypted and no passphrase was given")
		}
		return Bundle{}, errPassphrase
	}
	if certs, terr := pkcs12.DecodeTrustStore(data, passphrase); terr == nil && len(certs) > 0 {
		return Bundle{Certs: certs}, nil
	}
	return Bundle{}, fmt.Errorf("neither PEM nor DER, and as PKCS#12: %w", err)
}

// derLength returns how many bytes the SEQUENCE at the start of b takes.
func derLength(b []byte) (int, bool) {
	if len(b) < 2 || b[0] != 0x30 {
		return 0, false
	}
	if b[1] < 0x80 {
		return 2 + int(b[1]), 2+int(b[1]) <= len(b)
	}
	size := int(b[1] & 0x7f)
	if size == 0 || size > 3 || len(b) < 2+size {
		return 0, false
	}
	n := 0
	for _, x := range b[2 : 2+size] {
		n = n<<8 | int(x)
	}
	n += 2 + size
	return n, n <= len(b)
}

// readFile is os.ReadFile with a bound.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("read %s: larger than %d MiB, which no certificate file is", path, maxFile>>20)
	}
	return data, nil
}

// pair returns the certificate that belongs to the key and the others, in order.
func (b Bundle) pair() (*x509.Certificate, []*x509.Certificate, error) {
	if b.Key == nil {
		return nil, nil, errors.New("no private key in it")
	}
	if len(b.Certs) == 0 {
		return nil, nil, errors.New("no certificate in it")
	}
	i := slices.IndexFunc(b.Certs, func(c *x509.Certificate) bool { return matches(b.Key, c) })
	if i < 0 {
		return nil, nil, errors.New("its private key belongs to none of its certificates")
	}
	return b.Certs[i], slices.Concat(b.Certs[:i], b.Certs[i+1:]), nil
}
