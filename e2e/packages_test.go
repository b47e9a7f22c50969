package e2e

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// serveBytes lets the origin answer a path with data, ranges too.
func (o *origin) serveBytes(path, mediaType, data string) {
	o.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		o.note(r)
		w.Header().Set("Content-Type", mediaType)
		io.WriteString(w, data)
	})
}

// Package managers fetch from servers of the tests through the proxy.

// serveWheel lets the origin be an index with one package, and returns the name
// and the octets of its file.
func serveWheel(t *testing.T, o *origin) (name, data string) {
	t.Helper()
	var wheel bytes.Buffer
	z := zip.NewWriter(&wheel)
	for _, f := range [][2]string{
		{"morning.py", "greeting = 'good morning'\n"},
		{"morning-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: morning\nVersion: 1.0\n"},
		{"morning-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
		{"morning-1.0.dist-info/RECORD", "morning.py,,\nmorning-1.0.dist-info/METADATA,,\nmorning-1.0.dist-info/WHEEL,,\nmorning-1.0.dist-info/RECORD,,\n"},
	} {
		w, err := z.Create(f[0])
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, f[1])
	}
	z.Close()
	name = "morning-1.0-py3-none-any.whl"
	o.serveBytes("/simple/morning/", "text/html", `<a href="/files/`+name+`#sha256=`+textSHA256(wheel.String())+`">`+name+`</a>`)
	o.serveBytes("/files/", "application/zip", wheel.String())
	return name, wheel.String()
}

func TestPip(t *testing.T) {
	pip := need(t, "pip")
	t.Parallel()
	o := newOrigin(t)
	name, wheel := serveWheel(t, o)
	p := start(t)
	dir := t.TempDir()
	run(t, []string{"PIP_CONFIG_FILE=" + os.DevNull}, pip, "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir", "--no-deps", "--root-user-action=ignore",
		"--proxy", p.URL(), "--cert", p.CA, "--index-url", o.HTTPS+"/simple", "--target", dir, "morning")
	if text, err := os.ReadFile(filepath.Join(dir, "morning.py")); err != nil || !strings.Contains(string(text), "good morning") {
		t.Errorf("installed %q, %v", text, err)
	}
	s := p.recorded()
	f := s.flow("/files/" + name)
	f.completed()
	if got := s.body(f); got != wheel {
		t.Errorf("the recorded wheel has %d bytes, not %d", len(got), len(wheel))
	}
}

// serveNpm lets the origin be a registry with one package, and returns its
// archive.
func serveNpm(t *testing.T, o *origin) string {
	t.Helper()
	var archive bytes.Buffer
	g := gzip.NewWriter(&archive)
	a := tar.NewWriter(g)
	for _, f := range [][2]string{{"package/package.json", `{"name":"morning","version":"1.0.0"}`}, {"package/index.js", "module.exports = 'good morning'\n"}} {
		if err := a.WriteHeader(&tar.Header{Name: f[0], Mode: 0o644, Size: int64(len(f[1]))}); err != nil {
			t.Fatal(err)
		}
		io.WriteString(a, f[1])
	}
	a.Close()
	g.Close()
	sum := sha1.Sum(archive.Bytes())
	o.serveBytes("/morning", "application/json", fmt.Sprintf(
		`{"name":"morning","dist-tags":{"latest":"1.0.0"},"versions":{"1.0.0":{"name":"morning","version":"1.0.0","dist":{"tarball":%q,"shasum":%q}}}}`,
		o.HTTPS+"/morning/-/morning-1.0.0.tgz", hex.EncodeToString(sum[:])))
	o.serveBytes("/morning/-/", "application/octet-stream", archive.String())
	return archive.String()
}

func TestNpm(t *testing.T) {
	npm := need(t, "npm")
	t.Parallel()
	o := newOrigin(t)
	archive := serveNpm(t, o)
	p := start(t)
	dir := t.TempDir()
	run(t, nil, npm, "install", "--prefix", dir, "--registry", o.HTTPS+"/", "--proxy", p.URL(), "--https-proxy", p.URL(), "--noproxy", "", "--cafile", p.CA,
		"--no-audit", "--no-fund", "--no-update-notifier", "morning")
	if text, err := os.ReadFile(filepath.Join(dir, "node_modules/morning/index.js")); err != nil || !strings.Contains(string(text), "good morning") {
		t.Errorf("installed %q, %v", text, err)
	}
	s := p.recorded()
	f := s.flow("/morning-1.0.0.tgz")
	f.completed()
	if got := s.body(f); got != archive {
		t.Errorf("the recorded archive has %d bytes, not %d", len(got), len(archive))
	}
}

func TestApt(t *testing.T) {
	apt := need(t, "apt-get")
	t.Parallel()
	o := newOrigin(t)
	deb := strings.Repeat("not a real package, but apt only looks at size and hash here\n", 1000)
	o.serveBytes("/apt/Packages", "text/plain", fmt.Sprintf("Package: morning\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody <nobody@example.com>\n"+
		"Description: a greeting\nFilename: morning.deb\nSize: %d\nSHA256: %s\n", len(deb), textSHA256(deb)))
	o.serveBytes("/apt/morning.deb", "application/octet-stream", deb)
	p := start(t)
	dir := t.TempDir()
	for _, sub := range []string{"state/lists/partial", "cache/archives/partial", "etc/apt.conf.d", "etc/preferences.d"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "sources.list"), "deb [trusted=yes] "+o.HTTPS+"/apt ./\n")
	write(t, filepath.Join(dir, "status"), "")
	options := []string{"-q", "-o", "Dir::State=" + dir + "/state", "-o", "Dir::State::status=" + dir + "/status", "-o", "Dir::Cache=" + dir + "/cache",
		"-o", "Dir::Etc=" + dir + "/etc", "-o", "Dir::Etc::sourcelist=" + dir + "/sources.list", "-o", "APT::Sandbox::User=", "-o", "Acquire::https::Proxy=" + p.URL(),
		"-o", "Acquire::https::CaInfo=" + p.CA, "-o", "Acquire::Retries=0", "-o", "Debug::NoLocking=1"}
	run(t, nil, apt, append(options, "update")...)
	run(t, nil, "sh", append([]string{"-c", `cd "$0" && exec "$@"`, dir, apt}, append(options, "download", "morning")...)...)
	found, _ := filepath.Glob(filepath.Join(dir, "morning*.deb"))
	if len(found) != 1 || fileSHA256(t, found[0]) != textSHA256(deb) {
		t.Errorf("downloaded %v", found)
	}
	f := p.recorded().flow("/apt/morning.deb")
	f.completed()
	if f.Response.Size != int64(len(deb)) {
		t.Errorf("recorded %d bytes", f.Response.Size)
	}
}
