package ca

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
)

// A Machine is what a trust plan depends on: which system it is and which
// stores and tools it has. Look fills one in; tests write their own.
type Machine struct {
	OS   string // as runtime.GOOS
	Root bool   // whether this process may write system files
	// Tools are the programs found, by name.
	Tools map[string]bool
	// Folders are those of anchorFolders that exist.
	Folders map[string]bool
	// Anchors are the certificates of midstream in those folders.
	Anchors []string
	// NSS are the folders with a certificate database (Firefox, Chromium).
	NSS []string
	// NewNSS is where Chromium looks for a database that is not there yet;
	// empty when it is, or when there is no Chromium.
	NewNSS string
	// Keystore is Java's cacerts; empty when JAVA_HOME names none.
	Keystore         string
	KeystoreWritable bool
	// Keytool is the program that changes it; empty when there is none.
	Keytool string
	// DebianKeystore is the keystore that Debian fills from the system's store,
	// but takes nothing out of; empty when it is not there.
	DebianKeystore string
}

const debianKeystore = "/etc/ssl/certs/java/cacerts"

// maxDatabases bounds how many browser profiles are looked at.
const maxDatabases = 64

// Look finds out about this machine. It changes nothing.
func Look(home string, getenv func(string) string) Machine {
	m := Machine{OS: runtime.GOOS, Root: isRoot(), Tools: make(map[string]bool), Folders: make(map[string]bool)}
	for _, tool := range []string{
		"sudo", "certutil", "security",
		"update-ca-certificates", "update-ca-trust", "trust",
		"chromium", "chromium-browser", "google-chrome", "firefox",
	} {
		if _, err := exec.LookPath(tool); err == nil {
			m.Tools[tool] = true
		}
	}
	for _, s := range linuxStores {
		if info, err := os.Stat(s.folder); err == nil && info.IsDir() {
			m.Folders[s.folder] = true
			found, _ := filepath.Glob(filepath.Join(s.folder, "midstream-ca-*"))
			m.Anchors = append(m.Anchors, found...)
		}
	}
	if home != "" {
		m.lookNSS(home)
	}
	if _, err := os.Stat(debianKeystore); err == nil {
		m.DebianKeystore = debianKeystore
	}
	m.Keytool, _ = exec.LookPath("keytool")
	if java := getenv("JAVA_HOME"); java != "" {
		for _, sub := range []string{"lib/security/cacerts", "jre/lib/security/cacerts"} {
			path := filepath.Join(java, filepath.FromSlash(sub))
			if f, err := os.OpenFile(path, os.O_RDWR, 0); err == nil {
				f.Close()
				m.Keystore, m.KeystoreWritable = path, true
				break
			}
			if _, err := os.Stat(path); err == nil {
				m.Keystore = path
				break
			}
		}
		if path, err := exec.LookPath(filepath.Join(java, "bin", "keytool")); err == nil {
			m.Keytool = path
		}
	}
	return m
}

func (m *Machine) lookNSS(home string) {
	patterns := []string{
		".pki/nssdb",
		".mozilla/firefox/*",
		".config/mozilla/firefox/*",
		"snap/firefox/common/.mozilla/firefox/*",
		"snap/chromium/current/.pki/nssdb",
		".var/app/org.mozilla.firefox/.mozilla/firefox/*",
		"Library/Application Support/Firefox/Profiles/*",
	}
	for _, p := range patterns {
		found, _ := filepath.Glob(filepath.Join(home, filepath.FromSlash(p), "cert9.db"))
		sort.Strings(found)
		for _, db := range found {
			if len(m.NSS) < maxDatabases {
				m.NSS = append(m.NSS, filepath.Dir(db))
			}
		}
	}
	chromium := m.Tools["chromium"] || m.Tools["chromium-browser"] || m.Tools["google-chrome"]
	nssdb := filepath.Join(home, ".pki", "nssdb")
	if _, err := os.Stat(filepath.Join(nssdb, "cert9.db")); err != nil && chromium && m.OS == "linux" {
		m.NewNSS = nssdb
	}
}
