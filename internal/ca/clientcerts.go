package ca

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// maxClientCerts bounds the files of a client_certs folder.
const maxClientCerts = 4096

// ClientCerts are the certificates that midstream shows to servers which ask
// for one (option client_certs). A nil *ClientCerts is empty.
type ClientCerts struct {
	all    *tls.Certificate
	byHost map[string]*tls.Certificate // lower case
}

// LoadClientCerts reads the option client_certs: a file, shown to every server,
// or a folder of HOST.pem (or HOST.p12, HOST.pfx), each shown to the server of
// that name or address. An empty path gives nil. Other files of the folder are
// left alone.
func LoadClientCerts(path, passphrase string) (*ClientCerts, error) {
	if path == "" {
		return nil, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("option client_certs: %w", err)
	}
	if !info.IsDir() {
		cert, err := loadPair(path, passphrase)
		if err != nil {
			return nil, fmt.Errorf("option client_certs %s: %w", path, err)
		}
		return &ClientCerts{all: cert}, nil
	}
	files, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("option client_certs: %w", err)
	}
	c := &ClientCerts{byHost: make(map[string]*tls.Certificate)}
	for _, f := range files {
		ext := filepath.Ext(f.Name())
		if f.IsDir() || ext != ".pem" && ext != ".p12" && ext != ".pfx" {
			continue
		}
		if len(c.byHost) == maxClientCerts {
			return nil, fmt.Errorf("option client_certs %s: more than %d files", path, maxClientCerts)
		}
		cert, err := loadPair(filepath.Join(path, f.Name()), passphrase)
		if err != nil {
			return nil, fmt.Errorf("option client_certs %s: %w", filepath.Join(path, f.Name()), err)
		}
		c.byHost[clientHost(strings.TrimSuffix(f.Name(), ext))] = cert
	}
	return c, nil
}

func clientHost(host string) string {
	host = trimHost(host)
	if name, ok := dnsName(host); ok {
		host = name
	}
	return strings.ToLower(host)
}

// For returns the certificate for the first of the hosts (SNI, then address)
// that has one, else nil.
func (c *ClientCerts) For(hosts ...string) *tls.Certificate {
	if c == nil {
		return nil
	}
	for _, host := range hosts {
		if cert := c.byHost[clientHost(host)]; cert != nil {
			return cert
		}
	}
	return c.all
}
