package ca

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// Options say how an Authority is loaded. The zero value is right for most.
type Options struct {
	// KeyType is the kind of key of a new root and of the leaves.
	KeyType KeyType
	// Passphrase opens an encrypted key in midstream-ca.pem (cert_passphrase).
	Passphrase string
	// Certs are used in place of minted leaves where they match; nil = none.
	Certs *Certs
	// CacheEntries bounds the leaves kept; 0 = 1000.
	CacheEntries int
	// Logger gets what a person should know about the files; nil = nobody.
	Logger *slog.Logger
	// Now is the clock; nil = time.Now.
	Now func() time.Time
}

// Load opens the CA of the folder, and makes folder, key and certificate when
// there is none yet. Public copies that are missing or stale are written again;
// where that cannot be done (a read-only folder) it is only a warning.
//
// Errors name the file and say what to do. A CA that has expired is loaded,
// with a warning: its leaves are refused by clients, but one that does not
// verify can be served.
func Load(confdir string, o Options) (*Authority, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	path := filepath.Join(confdir, KeyFile)
	bundle, created, err := readOrMake(path, o)
	if err != nil {
		return nil, err
	}
	cert, chain, err := bundle.pair()
	if err == nil {
		err = checkCA(cert)
	}
	if err != nil {
		return nil, fmt.Errorf("open CA %s: %w; restore the file, or import a CA with: midstream ca import FILE; or remove it, and a new CA is made that clients must trust anew", path, err)
	}
	a, err := newAuthority(bundle.Key, cert, chain, o)
	if err != nil {
		return nil, err
	}
	a.dir, a.created = confdir, created
	a.checkDates(path)
	if _, ok := a.key.Public().(*rsa.PublicKey); o.KeyType == RSA && !ok {
		a.warn(fmt.Sprintf("key_type is rsa, but the CA in %s has an %s key, which clients that know only RSA cannot verify; move the file away, start again, and let clients trust the new CA", path, describeKey(a.key.Public())))
	}
	a.checkMode(path)
	if _, err := writeCopies(confdir, cert); err != nil {
		a.warn(fmt.Sprintf("copies of the CA certificate could not be written: %v; clients can be given the certificate part of %s", err, path))
	}
	for _, w := range a.warnings {
		o.Logger.Warn(w)
	}
	return a, nil
}

// readOrMake returns what the key file holds, and whether it was made now.
func readOrMake(path string, o Options) (Bundle, bool, error) {
	data, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		made, err := makeCA(path, o)
		if err == nil {
			return made, true, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return Bundle{}, false, err
		}
		// Another process was first; its CA is the one.
		if data, err = readFile(path); err != nil {
			return Bundle{}, false, fmt.Errorf("open CA: %w", err)
		}
	} else if err != nil {
		return Bundle{}, false, fmt.Errorf("open CA: %w; run midstream as the owner of the file, or give another folder with --confdir DIR", err)
	}
	bundle, err := ParseBundle(data, o.Passphrase)
	if err != nil {
		return Bundle{}, false, fmt.Errorf("open CA %s: %w; restore the file, or import a CA with: midstream ca import FILE; or remove it, and a new CA is made that clients must trust anew", path, err)
	}
	return bundle, false, nil
}

func makeCA(path string, o Options) (Bundle, error) {
	if err := ensureFolder(filepath.Dir(path)); err != nil {
		return Bundle{}, fmt.Errorf("make CA: %w; give another folder with --confdir DIR", err)
	}
	key, err := newKey(o.KeyType)
	if err != nil {
		return Bundle{}, fmt.Errorf("make CA: %w", err)
	}
	cert, err := newRoot(key, o.Now())
	if err != nil {
		return Bundle{}, fmt.Errorf("make CA: %w", err)
	}
	bundle := Bundle{Key: key}
	bundle.Certs = append(bundle.Certs, cert)
	data, err := encodeKeyFile(bundle)
	if err != nil {
		return Bundle{}, fmt.Errorf("make CA: %w", err)
	}
	if err := createFile(path, data, secretMode); errors.Is(err, fs.ErrExist) {
		return Bundle{}, err
	} else if err != nil {
		return Bundle{}, fmt.Errorf("make CA: %w; give another folder with --confdir DIR", err)
	}
	return bundle, nil
}

func (a *Authority) warn(text string) { a.warnings = append(a.warnings, text) }

func (a *Authority) checkDates(path string) {
	now, day := a.now(), "2006-01-02"
	switch {
	case now.After(a.cert.NotAfter):
		a.warn(fmt.Sprintf("the CA in %s expired on %s, clients refuse its certificates; move the file away, start again, and let clients trust the new CA", path, a.cert.NotAfter.Format(day)))
	case now.Before(a.cert.NotBefore):
		a.warn(fmt.Sprintf("the CA in %s is valid only from %s on; is the clock of this machine right?", path, a.cert.NotBefore.Format(day)))
	case now.Add(30 * 24 * time.Hour).After(a.cert.NotAfter):
		a.warn(fmt.Sprintf("the CA in %s expires on %s", path, a.cert.NotAfter.Format(day)))
	}
}

// checkMode closes a key file that others can read.
func (a *Authority) checkMode(path string) {
	info, err := os.Stat(path)
	if err != nil || !looseMode(info) {
		return
	}
	if err := os.Chmod(path, secretMode); err != nil {
		a.warn(fmt.Sprintf("others on this machine can read the CA key %s (mode %04o), and it could not be closed: %v", path, info.Mode().Perm(), err))
		return
	}
	a.warn(fmt.Sprintf("others on this machine could read the CA key %s (mode %04o); it is 0600 now. If somebody may have copied it, make a new CA", path, info.Mode().Perm()))
}
