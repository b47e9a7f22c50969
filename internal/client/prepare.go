package client

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"midstream/internal/ca"
)

// Prepare writes what the variables name into the folder of the CA, and returns
// the setting for a proxy at address. Of getenv it takes the files with
// authorities and the settings of wget that are in use; home may be "".
func Prepare(a *ca.Authority, address, home string, getenv func(string) string) (Setting, error) {
	s := Setting{Proxy: address, CA: a.Path(ca.CertFile), NodeScript: a.Path("node-proxy.cjs"), WgetSettings: a.Path("wgetrc")}
	bundle, err := a.WriteTrustBundle(trustFiles(getenv)...)
	if err != nil {
		return s, err
	}
	s.PEM, s.P12 = bundle.PEM, bundle.P12
	// The program may work in another folder.
	for _, path := range []*string{&s.PEM, &s.P12, &s.CA, &s.NodeScript, &s.WgetSettings} {
		if *path, err = filepath.Abs(*path); err != nil {
			return s, fmt.Errorf("find the folder of the CA: %w", err)
		}
	}
	if err := writeFile(s.NodeScript, NodeScript); err != nil {
		return s, err
	}
	old := getenv("WGETRC")
	if (old == "" || filepath.Clean(old) == filepath.Clean(s.WgetSettings)) && home != "" {
		old = filepath.Join(home, ".wgetrc")
	}
	text, err := WgetSettings(old, s.PEM)
	if err != nil {
		return s, err
	}
	return s, writeFile(s.WgetSettings, text)
}

// writeFile writes a file of this user only, as a whole: who reads it meanwhile
// sees the old text or the new one. A file that has the text already stays.
func writeFile(path, text string) error {
	if info, err := os.Stat(path); err == nil && info.Size() == int64(len(text)) && (runtime.GOOS == "windows" || info.Mode().Perm() == 0o600) {
		if old, err := os.ReadFile(path); err == nil && string(old) == text {
			return nil
		}
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.WriteString(text)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
