package instance

import (
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// maxRootFile bounds a file of authorities, maxRootFiles the files of a folder.
const (
	maxRootFile  = 4 << 20
	maxRootFiles = 4096
)

// roots are the authorities that servers are verified with: those of a PEM file,
// and of every file in a folder; nil, which is the system's, where neither is
// given.
func roots(file, folder string) (*x509.CertPool, error) {
	if file == "" && folder == "" {
		return nil, nil
	}
	pool := x509.NewCertPool()
	if file != "" {
		const option = "option ssl_verify_upstream_trusted_ca"
		if ok, err := addRoots(pool, file); err != nil {
			return nil, usage("%s: %w", option, err)
		} else if !ok {
			return nil, usage("%s: %s has no certificate in PEM form", option, file)
		}
	}
	if folder != "" {
		const option = "option ssl_verify_upstream_trusted_confdir"
		entries, err := os.ReadDir(folder)
		if err != nil {
			return nil, usage("%s: %w", option, err)
		}
		if len(entries) > maxRootFiles {
			return nil, usage("%s: %s has more than %d files", option, folder, maxRootFiles)
		}
		found := false
		for _, e := range entries {
			path := filepath.Join(folder, e.Name())
			if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
				continue // what a link leads nowhere with is no certificate
			}
			ok, err := addRoots(pool, path)
			if err != nil {
				return nil, usage("%s: %w", option, err)
			}
			found = found || ok
		}
		if !found {
			return nil, usage("%s: no file in %s has a certificate in PEM form", option, folder)
		}
	}
	return pool, nil
}

// addRoots adds the certificates of a PEM file, and tells whether it has any.
func addRoots(pool *x509.CertPool, path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRootFile+1))
	if err != nil {
		return false, err
	}
	if len(text) > maxRootFile {
		return false, fmt.Errorf("%s is larger than %d MiB, which no list of certificates is", path, maxRootFile>>20)
	}
	return pool.AppendCertsFromPEM(text), nil
}
