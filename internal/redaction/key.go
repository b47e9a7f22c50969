package redaction

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// KeyFile is the file of the master key in confdir.
const KeyFile = "redaction.key"

// Key is what tags are made with: 32 octets.
type Key []byte

const keySize = 32

// NewKey returns a random key that nobody else has.
func NewKey() Key {
	k := make(Key, keySize)
	rand.Read(k)
	return k
}

// Master reads the master key of confdir, and makes one where there is none, for
// this user only.
func Master(confdir string) (Key, error) {
	name := filepath.Join(confdir, KeyFile)
	k, err := readKey(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	if err := os.MkdirAll(confdir, 0o700); err != nil {
		return nil, fmt.Errorf("make the key of redaction: %w", err)
	}
	// It gets its name when it is whole; who is first wins.
	f, err := os.CreateTemp(confdir, KeyFile+".*")
	if err != nil {
		return nil, fmt.Errorf("make the key of redaction: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(hex.EncodeToString(NewKey()) + "\n")
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("make the key of redaction: %w", err)
	}
	if err := os.Link(f.Name(), name); err != nil && !errors.Is(err, fs.ErrExist) {
		if _, there := os.Stat(name); there != nil {
			err = os.Rename(f.Name(), name) // a disk without links
		}
		if err != nil {
			return nil, fmt.Errorf("make the key of redaction: %w", err)
		}
	}
	return readKey(name)
}

func readKey(name string) (Key, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the key of redaction: %w", err)
	}
	k := make(Key, hex.DecodedLen(min(len(text), 2*keySize)))
	if n, err := hex.Decode(k, text[:min(len(text), 2*keySize)]); err != nil || n != keySize {
		return nil, fmt.Errorf("read the key of redaction: %s does not have %d hexadecimal digits: remove it, and a new one is made (tags are others then)", name, 2*keySize)
	}
	return k, nil
}

// Session is the key of the session with this ID.
func (k Key) Session(id string) Key {
	mac := hmac.New(sha256.New, k)
	mac.Write([]byte("session\x00" + id))
	return mac.Sum(nil)
}
