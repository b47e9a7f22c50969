package pyhost

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

//go:embed all:lib
var lib embed.FS

// layOut writes the Python files below dir, in a folder that is named by what they
// hold, and returns it. One that is there already is used.
func layOut(dir string) (string, error) {
	name, err := libName()
	if err != nil {
		return "", err
	}
	root := filepath.Join(dir, "python")
	want := filepath.Join(root, name)
	if _, err := os.Stat(filepath.Join(want, "midstream_start.py")); err == nil {
		return want, nil
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return "", fmt.Errorf("lay out the Python files: %w", err)
	}
	tmp, err := os.MkdirTemp(root, ".new-")
	if err != nil {
		return "", fmt.Errorf("lay out the Python files: %w", err)
	}
	defer os.RemoveAll(tmp)
	err = eachLib(func(path string, data []byte) error {
		to := filepath.Join(tmp, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o600)
	})
	if err != nil {
		return "", fmt.Errorf("lay out the Python files: %w", err)
	}
	if err := os.Rename(tmp, want); err != nil {
		if _, there := os.Stat(filepath.Join(want, "midstream_start.py")); there == nil {
			return want, nil // somebody else was faster
		}
		return "", fmt.Errorf("lay out the Python files: %w", err)
	}
	forget(root, name)
	return want, nil
}

// forget removes the files of other versions, as far as nobody minds.
func forget(root, keep string) {
	list, err := os.ReadDir(root)
	if err != nil {
		return
	}
	for _, e := range list {
		if st, err := e.Info(); err == nil && e.Name() != keep && !strings.HasPrefix(e.Name(), ".new-") && time.Since(st.ModTime()) > 30*24*time.Hour {
			os.RemoveAll(filepath.Join(root, e.Name()))
		}
	}
}

var libName = sync.OnceValues(func() (string, error) {
	h := sha256.New()
	err := eachLib(func(path string, data []byte) error {
		fmt.Fprintf(h, "%s %d\n", path, len(data))
		h.Write(data)
		return nil
	})
	return hex.EncodeToString(h.Sum(nil)[:8]), err
})

func eachLib(do func(path string, data []byte) error) error {
	return fs.WalkDir(lib, "lib", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".py") {
			return err
		}
		data, err := lib.ReadFile(path)
		if err != nil {
			return err
		}
		return do(strings.TrimPrefix(path, "lib/"), data)
	})
}
