package web

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The page is what its source makes: it is built again, elsewhere, and every
// file compared.
func TestTheBuiltFilesMatchTheSource(t *testing.T) {
	node, dir := workshop(t)
	out := t.TempDir()
	build := exec.Command(node, filepath.Join("node_modules", "vite", "bin", "vite.js"), "build", "--outDir", out, "--emptyOutDir")
	build.Dir = dir
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the page: %v\n%s", err, text)
	}
	made, kept := contents(t, os.DirFS(out)), contents(t, Files())
	for name, text := range made {
		if !bytes.Equal(text, kept[name]) {
			t.Errorf("%s is not what the source makes: run `npm run build` in web/, and commit internal/web/dist", name)
		}
	}
	for name := range kept {
		if made[name] == nil {
			t.Errorf("%s is made by nothing", name)
		}
	}
}

// Types of scripts and components fit.
func TestThePageIsOfOnePiece(t *testing.T) {
	node, dir := workshop(t)
	tool := filepath.Join("node_modules", "svelte-check", "bin", "svelte-check")
	if _, err := os.Stat(filepath.Join(dir, tool)); err != nil {
		t.Skip("svelte-check is not installed: scripts/deps does it")
	}
	check := exec.Command(node, tool, "--tsconfig", "./tsconfig.json", "--threshold", "error", "--output", "machine")
	check.Dir = dir
	if text, err := check.CombinedOutput(); err != nil {
		t.Errorf("check the page: %v\n%s", err, text)
	}
}

// workshop is a copy of the page's source that can be built, and the node to do it.
func workshop(t *testing.T) (node, dir string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	modules := modules(t)
	source := filepath.Join("..", "..", "web")
	dir = t.TempDir()
	for _, name := range []string{"index.html", "package.json", "svelte.config.js", "tsconfig.json", "vite.config.js"} {
		text, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"src", "public"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(source, name))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Skip(err)
	}
	return node, dir
}

// modules finds the packages that the build takes: of a person who works on
// the page, or those that scripts/deps has installed.
func modules(t *testing.T) string {
	t.Helper()
	dirs := []string{filepath.Join("..", "..", "web", "node_modules")}
	if cache, err := os.UserCacheDir(); err == nil {
		dirs = append(dirs, filepath.Join(cache, "midstream-test", "web", "node_modules"))
	}
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, "vite")); err == nil {
			whole, err := filepath.Abs(dir)
			if err != nil {
				t.Fatal(err)
			}
			return whole
		}
	}
	t.Skip("the packages of web/package-lock.json are not installed: scripts/deps does it")
	return ""
}

// The page is small: whoever opens it over a slow line waits for at most that.
func TestThePageIsSmall(t *testing.T) {
	const most = 150_000 // octets, compressed
	var all bytes.Buffer
	for name, text := range contents(t, Files()) {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if _, err := w.Write(text); err != nil {
			t.Fatal(err)
		}
		w.Close()
		t.Logf("%s: %d, compressed %d", name, len(text), b.Len())
		all.Write(b.Bytes())
	}
	if all.Len() > most {
		t.Errorf("the page has %d octets compressed, more than %d", all.Len(), most)
	}
}

// Nothing of the page runs from inside the HTML: the server's policy forbids it.
func TestThePageHasNoInlineScript(t *testing.T) {
	index, err := fs.ReadFile(Files(), "index.html")
	if err != nil {
		t.Fatal(err)
	}
	for rest := index; ; {
		at := bytes.Index(rest, []byte("<script"))
		if at < 0 {
			return
		}
		rest = rest[at:]
		end := bytes.Index(rest, []byte("</script>"))
		tag := rest[:bytes.IndexByte(rest, '>')+1]
		if end != len(tag) || !bytes.Contains(tag, []byte(` src="/assets/`)) {
			t.Errorf("a script that is no file of ours: %s", rest[:end])
		}
		rest = rest[end:]
	}
}

func contents(t *testing.T, files fs.FS) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		all[path], err = fs.ReadFile(files, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
