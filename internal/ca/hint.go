package ca

import (
	"fmt"
	"os"
	"path/filepath"
)

// hintFile marks a confdir whose owner has been told of mitmproxy's CA.
const hintFile = ".mitmproxy-ca-seen"

// MitmproxyHint returns one sentence about the CA of mitmproxy when it lies in
// the home folder and confdir has a CA of its own, else "". The sentence comes
// once for a confdir; after Import it never comes.
func MitmproxyHint(home, confdir string) string {
	theirs := filepath.Join(home, ".mitmproxy", "mitmproxy-ca.pem")
	if info, err := os.Stat(theirs); home == "" || err != nil || !info.Mode().IsRegular() {
		return ""
	}
	if _, err := os.Stat(filepath.Join(confdir, hintFile)); err == nil {
		return ""
	}
	if !markHinted(confdir) || sameCA(theirs, filepath.Join(confdir, CertFile)) {
		return ""
	}
	return fmt.Sprintf("devices that trust mitmproxy's CA can stay as they are: midstream ca import %s", theirs)
}

// markHinted notes that the sentence was said. Where it cannot be noted it is
// not said either: better never than at every start.
func markHinted(confdir string) bool {
	return os.WriteFile(filepath.Join(confdir, hintFile), nil, secretMode) == nil
}

func sameCA(a, b string) bool {
	read := func(path string) string {
		data, err := readFile(path)
		if err != nil {
			return ""
		}
		// The key may be encrypted; the certificate is all that is compared.
		bundle, err := parsePEMCerts(data)
		if err != nil || len(bundle) == 0 {
			return ""
		}
		return Fingerprint(bundle[0])
	}
	x := read(a)
	return x != "" && x == read(b)
}
