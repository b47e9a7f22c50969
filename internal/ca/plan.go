package ca

import (
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Step is one command of a plan.
type Step struct {
	For  string   // what it brings about
	Argv []string // the command, sudo included where that is how it gets root
	// Blocked is set when the step needs root, and there is neither root nor sudo.
	Blocked bool
	// MayFail is set when a failure means that there was nothing to do.
	MayFail bool
}

// A Plan is what trust or untrust will do, in order.
type Plan struct {
	Steps []Step
	Notes []string // what it does not do, and why
}

// A linuxStore is the system's trust store in one family of distributions.
type linuxStore struct {
	folder  string // where certificates of the administrator lie
	ext     string
	tool    string
	trust   []string
	untrust []string
	family  string
}

// The first whose folder and tool are there is taken. Fedora's and SUSE's tools
// also exist elsewhere, so the folder decides.
var linuxStores = []linuxStore{
	{"/etc/pki/ca-trust/source/anchors", ".pem", "update-ca-trust", []string{"update-ca-trust", "extract"}, []string{"update-ca-trust", "extract"}, "Fedora, RHEL"},
	{"/etc/ca-certificates/trust-source/anchors", ".crt", "update-ca-trust", []string{"update-ca-trust"}, []string{"update-ca-trust"}, "Arch"},
	{"/usr/share/pki/trust/anchors", ".pem", "update-ca-certificates", []string{"update-ca-certificates"}, []string{"update-ca-certificates"}, "SUSE"},
	{"/usr/local/share/ca-certificates", ".crt", "update-ca-certificates", []string{"update-ca-certificates"}, []string{"update-ca-certificates", "--fresh"}, "Debian, Ubuntu, Alpine"},
}

// Action is the direction of a plan.
type Action uint8

// The actions.
const (
	Trust   Action = 0
	Untrust Action = 1
)

// NewPlan says what has to be done on the machine so that its programs trust
// the certificate, or trust it no longer. It is pure: path is where the
// certificate lies as PEM, and nothing is read or run.
func NewPlan(m Machine, action Action, cert *x509.Certificate, path string) Plan {
	b := &planner{m: m, action: action, path: path, alias: "midstream-ca-" + shortID(cert)}
	sum := sha1.Sum(cert.Raw)
	b.thumb = strings.ToUpper(hex.EncodeToString(sum[:]))
	b.system()
	b.nss()
	b.java()
	if action == Trust {
		b.note("programs that bring their own certificates need a word of their own: SSL_CERT_FILE, REQUESTS_CA_BUNDLE, NODE_EXTRA_CA_CERTS=%s, curl --cacert %s", path, path)
	}
	return b.plan
}

type planner struct {
	m      Machine
	action Action
	path   string
	alias  string
	thumb  string
	plan   Plan
}

func (b *planner) note(format string, args ...any) {
	b.plan.Notes = append(b.plan.Notes, fmt.Sprintf(format, args...))
}

func (b *planner) step(what string, argv ...string) {
	b.plan.Steps = append(b.plan.Steps, Step{For: what, Argv: argv})
}

func (b *planner) rootStep(what string, argv ...string) {
	s := Step{For: what, Argv: argv}
	switch {
	case b.m.Root:
	case b.m.Tools["sudo"]:
		s.Argv = append([]string{"sudo"}, argv...)
	default:
		s.Blocked = true
	}
	b.plan.Steps = append(b.plan.Steps, s)
}

func (b *planner) system() {
	switch b.m.OS {
	case "darwin":
		if b.action == Trust {
			b.rootStep("system keychain", "security", "add-trusted-cert", "-d", "-r", "trustRoot", "-k", "/Library/Keychains/System.keychain", b.path)
			return
		}
		b.rootStep("system keychain: trust settings", "security", "remove-trusted-cert", "-d", b.path)
		b.rootStep("system keychain: certificate", "security", "delete-certificate", "-Z", b.thumb, "/Library/Keychains/System.keychain")
	case "windows":
		// The store of the user needs no administrator; Windows asks once.
		if b.action == Trust {
			b.step("certificate store of this user", "certutil.exe", "-user", "-addstore", "-f", "Root", b.path)
			return
		}
		b.step("certificate store of this user", "certutil.exe", "-user", "-delstore", "Root", b.thumb)
	case "linux":
		b.linux()
	default:
		b.note("the trust store of %s is not known to midstream; add %s to it by hand", b.m.OS, b.path)
	}
}

func (b *planner) linux() {
	i := slices.IndexFunc(linuxStores, func(s linuxStore) bool { return b.m.Folders[s.folder] && b.m.Tools[s.tool] })
	if i < 0 {
		// Debian's folder is missing from small images until somebody makes it.
		if i = slices.IndexFunc(linuxStores, func(s linuxStore) bool { return s.tool == "update-ca-certificates" && b.m.Tools[s.tool] }); i < 0 {
			b.note("no system trust store was found (neither update-ca-certificates nor update-ca-trust with its folder); install the package ca-certificates, or add %s by hand", b.path)
			return
		}
		i = len(linuxStores) - 1
	}
	s := linuxStores[i]
	// The part of the fingerprint in the name lets two CAs of midstream live
	// side by side, and untrust takes away only its own.
	anchor := s.folder + "/" + b.alias + s.ext
	others := slices.DeleteFunc(slices.Clone(b.m.Anchors), func(a string) bool { return a == anchor })
	if len(others) > 0 {
		b.note("certificates of other CAs of midstream stay trusted: %s", strings.Join(others, ", "))
	}
	what := "system trust store (" + s.family + ")"
	if b.action == Trust {
		b.rootStep(what, "install", "-D", "-m", "0644", b.path, anchor)
		b.rootStep(what+": rebuild", s.trust...)
		return
	}
	if !slices.Contains(b.m.Anchors, anchor) {
		b.note("the system trust store has no %s; nothing to remove there", anchor)
		return
	}
	b.rootStep(what, "rm", "-f", anchor)
	b.rootStep(what+": rebuild", s.untrust...)
	if b.m.DebianKeystore != "" && b.m.Keytool != "" {
		b.rootStep("keystore of Debian's Java, which that does not empty", b.m.Keytool, "-delete", "-noprompt", "-keystore", b.m.DebianKeystore, "-storepass", "changeit", "-alias", "debian:"+b.alias+".pem")
		b.plan.Steps[len(b.plan.Steps)-1].MayFail = true
	}
}

func (b *planner) nss() {
	if len(b.m.NSS) == 0 && b.m.NewNSS == "" {
		return
	}
	if !b.m.Tools["certutil"] || b.m.OS == "windows" {
		if b.m.OS != "windows" {
			b.note("Firefox and Chromium keep databases of their own (%s), and certutil is missing: install libnss3-tools (Debian), nss-tools (Fedora) or nss (Arch, Homebrew), and run this again", strings.Join(append(slices.Clone(b.m.NSS), nonEmpty(b.m.NewNSS)...), ", "))
		}
		return
	}
	if b.m.NewNSS != "" && b.action == Trust {
		b.step("database of Chromium", "mkdir", "-p", "-m", "0700", b.m.NewNSS)
		b.step("database of Chromium", "certutil", "-N", "--empty-password", "-d", "sql:"+b.m.NewNSS)
		b.step("database of Chromium", "certutil", "-A", "-d", "sql:"+b.m.NewNSS, "-n", b.alias, "-t", "C,,", "-i", b.path)
	}
	for _, db := range b.m.NSS {
		what := "browser database " + db
		if b.action == Trust {
			b.step(what, "certutil", "-A", "-d", "sql:"+db, "-n", b.alias, "-t", "C,,", "-i", b.path)
			continue
		}
		b.step(what, "certutil", "-D", "-d", "sql:"+db, "-n", b.alias)
		b.plan.Steps[len(b.plan.Steps)-1].MayFail = true
	}
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func (b *planner) java() {
	if b.m.Keystore == "" {
		return
	}
	if b.m.Keytool == "" {
		b.note("Java's %s is there, keytool is not: install a JDK and run this again", b.m.Keystore)
		return
	}
	argv := []string{b.m.Keytool, "-importcert", "-noprompt", "-trustcacerts", "-keystore", b.m.Keystore, "-storepass", "changeit", "-alias", b.alias, "-file", b.path}
	if b.action == Untrust {
		argv = []string{b.m.Keytool, "-delete", "-noprompt", "-keystore", b.m.Keystore, "-storepass", "changeit", "-alias", b.alias}
	}
	if b.m.KeystoreWritable {
		b.step("keystore of Java", argv...)
	} else {
		b.rootStep("keystore of Java", argv...)
	}
	// An alias that is there already (or no longer) makes keytool fail.
	b.plan.Steps[len(b.plan.Steps)-1].MayFail = true
}

// Print writes the plan for a person: each command as a line that a shell
// takes.
func (p Plan) Print(w io.Writer) error {
	var out strings.Builder
	for i, s := range p.Steps {
		fmt.Fprintf(&out, "%d. %s", i+1, s.For)
		if s.Blocked {
			out.WriteString(" (needs root)")
		}
		fmt.Fprintf(&out, "\n     %s\n", shellLine(s.Argv))
	}
	for _, n := range p.Notes {
		fmt.Fprintf(&out, "note: %s\n", n)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func shellLine(argv []string) string {
	quoted := make([]string, len(argv))
	for i, a := range argv {
		if a == "" || strings.ContainsFunc(a, func(r rune) bool {
			return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,+%@", r)
		}) {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		quoted[i] = a
	}
	return strings.Join(quoted, " ")
}
