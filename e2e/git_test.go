package e2e

import (
	"bytes"
	"io"
	"net/http"
	"net/http/cgi"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// serveGit lets the origin serve a repository with one commit at /git/repo.git.
// author is the environment of whoever commits, bare the folder of the
// repository, and root one for more.
func serveGit(t *testing.T, git string, o *origin) (author []string, root, bare string) {
	t.Helper()
	backend := filepath.Join(strings.TrimSpace(run(t, nil, git, "--exec-path")), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		t.Skip("git-http-backend is not installed")
	}
	root = t.TempDir()
	author = []string{"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@a.test", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@a.test", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0"}
	bare = filepath.Join(root, "repo.git")
	run(t, author, git, "init", "-q", "--bare", "-b", "main", bare)
	run(t, author, git, "-C", bare, "config", "http.receivepack", "true")
	seed := filepath.Join(root, "seed")
	run(t, author, git, "init", "-q", "-b", "main", seed)
	if err := os.WriteFile(filepath.Join(seed, "file"), []byte("first\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, author, git, "-C", seed, "add", "file")
	run(t, author, git, "-C", seed, "commit", "-q", "-m", "first")
	run(t, author, git, "-C", seed, "push", "-q", bare, "main")

	program := &cgi.Handler{
		Path: backend, Root: "/git", InheritEnv: []string{"PATH"},
		Env:    []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=a", "HOME=" + root},
		Stderr: logWriter{t},
	}
	o.mux.HandleFunc("/git/", func(w http.ResponseWriter, r *http.Request) {
		// CGI wants a length.
		body := o.note(r)
		r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
		program.ServeHTTP(w, r)
	})
	return author, root, bare
}

// A clone, and a push whose pack is too large for git's buffer and so goes up
// in chunks.
func TestGit(t *testing.T) {
	git := need(t, "git")
	t.Parallel()
	o := newOrigin(t)
	author, root, bare := serveGit(t, git, o)
	p := start(t)
	work := filepath.Join(root, "work")
	through := []string{"-c", "http.proxy=" + p.URL(), "-c", "http.sslCAInfo=" + p.CA}
	run(t, author, git, append(through, "clone", "-q", o.HTTPS+"/git/repo.git", work)...)
	if got, _ := os.ReadFile(filepath.Join(work, "file")); string(got) != "first\n" {
		t.Errorf("cloned %q", got)
	}
	data, err := os.ReadFile(patternFile(t, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(work, "big"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, author, git, "-C", work, "add", "big")
	run(t, author, git, "-C", work, "commit", "-q", "-m", "second")
	run(t, author, git, append(append([]string{"-C", work}, through...), "-c", "core.compression=0", "-c", "http.postBuffer=65536", "push", "-q", "origin", "main")...)
	if got := run(t, author, git, "-C", bare, "log", "--format=%s", "main"); got != "second\nfirst\n" {
		t.Errorf("after the push the repository has %q", got)
	}
	if a := o.asked("/git/repo.git/git-receive-pack"); !a.Chunked {
		t.Errorf("the push arrived as %+v, not in chunks", a)
	}
	s := p.recorded()
	f := s.flow("/git/repo.git/git-receive-pack")
	f.completed()
	if f.Request.Size < 1<<19 || f.Request.Record != "complete" {
		t.Errorf("the push is recorded as %+v", f)
	}
	s.flow("/git/repo.git/git-upload-pack").completed()
}

// logWriter shows what a child says when the test fails.
type logWriter struct{ t testing.TB }

func (w logWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", p)
	return len(p), nil
}
