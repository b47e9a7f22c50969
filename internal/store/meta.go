package store

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Meta is session.json: what a session says about itself.
type Meta struct {
	Schema  int       `json:"schema"`
	ID      string    `json:"id"` // 16 hexadecimal digits
	Created time.Time `json:"created"`
	// Keep is how long it is kept after its last use, in seconds; -1 for ever.
	Keep int64 `json:"keep_seconds"`
}

const (
	metaSchema = 1
	metaFile   = "session.json"
	keepAlways = -1
	maxMeta    = 64 << 10
)

func (m Meta) key() (k [8]byte) {
	hex.Decode(k[:], []byte(m.ID)[:min(16, len(m.ID))])
	return k
}

// readMeta reads session.json of dir.
func readMeta(dir string) (Meta, error) {
	var m Meta
	f, err := os.Open(filepath.Join(dir, metaFile))
	if err != nil {
		return m, err
	}
	defer f.Close()
	p, err := io.ReadAll(io.LimitReader(f, maxMeta))
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(p, &m); err != nil {
		return m, fmt.Errorf("read %s: %w", metaFile, err)
	}
	if id, err := hex.DecodeString(m.ID); err != nil || len(id) != 8 {
		return m, fmt.Errorf("read %s: the id %q is not 16 hexadecimal digits", metaFile, m.ID)
	}
	if m.Schema > metaSchema {
		return m, fmt.Errorf("the session has schema %d, this midstream knows up to %d: use a newer midstream", m.Schema, metaSchema)
	}
	return m, nil
}

// openMeta reads session.json, or makes it for a new session that is kept for
// ever.
func openMeta(dir string) (Meta, error) {
	m, err := readMeta(dir)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return m, err
	}
	m = newMeta(keepAlways)
	return m, writeMeta(dir, m)
}

// checkFolder refuses a folder that is there, is no session, and holds
// something else: nothing in it is touched.
func checkFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	other := ""
	for _, e := range entries {
		switch name := e.Name(); {
		case name == metaFile:
			return nil
		case name == "lock" || name == "tail" || name == "heads" || name == "bodies" || strings.HasPrefix(name, "."+metaFile):
		default:
			other = name
		}
	}
	if other != "" {
		return fmt.Errorf("the folder is no session and holds something else (%s): choose an empty or a new folder", other)
	}
	return nil
}

func newMeta(keep int64) Meta {
	var id [8]byte
	rand.Read(id[:])
	return Meta{Schema: metaSchema, ID: hex.EncodeToString(id[:]), Created: time.Now().UTC().Truncate(time.Second), Keep: keep}
}

func writeMeta(dir string, m Meta) error {
	p, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return writePrivate(filepath.Join(dir, metaFile), append(p, '\n'))
}

// writePrivate writes a file that only its owner can read; others see the old
// content or the new one.
func writePrivate(path string, p []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(p)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
