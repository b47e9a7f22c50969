package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"midstream/flow"
	"midstream/internal/capture"
	"midstream/internal/format"
)

// flowFile writes a flow file of so many exchanges with bodies of 10 KiB.
func flowFile(t *testing.T, path string, count int) {
	t.Helper()
	w, err := capture.Create(path, capture.Mitm, nil, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	body := format.Octets(bytes.Repeat([]byte("a line of sixteen\n"), 10<<10/18))
	at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	for i := range count {
		f := &flow.Flow{ID: flow.NewID(), Start: at.Add(time.Duration(i) * time.Millisecond), Outcome: flow.Outcome{Kind: flow.Completed}}
		f.End = f.Start.Add(time.Millisecond)
		head := flow.Message{Version: flow.HTTP11, Start: f.Start, End: f.End, Fields: flow.Fields{{Name: "Host", Value: "site.test"}, {Name: "Content-Type", Value: "text/plain"}}}
		f.Request = &flow.Request{Message: head, Method: "GET", Scheme: "https", Host: "site.test", Port: 443, Path: "/a/b"}
		f.Response = &flow.Response{Message: head, Status: 200, Reason: "OK"}
		format.Kept(&f.ResponseBody, body.Size())
		if _, err := w.Write(&format.Item{Flow: f, Bodies: [2]format.Body{format.Octets(nil), body}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// measured runs a command and says last what it had at most, in KiB. The system counts
// what a process had before it became another program: this one is small, and a test
// with the race detector is not.
const measured = `import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)`

// peak runs midstream and returns the most memory it had, in KiB.
func peak(t *testing.T, dir string, args ...string) int64 {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("SKIPPED: python3 is not there, which says how much memory a command took: scripts/deps installs it")
	}
	cmd := exec.Command(python, append([]string{"-c", measured, binary}, args...)...)
	cmd.Env, cmd.Dir = cleanEnv("HOME="+dir), dir
	out, err := os.Create(filepath.Join(dir, "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	var errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &errs
	begun := time.Now()
	if err := cmd.Run(); err != nil {
		t.Fatalf("midstream %v: %v\n%s", args, err, errs.String())
	}
	said := strings.Fields(errs.String())
	kib, err := strconv.ParseInt(said[len(said)-1], 10, 64)
	if err != nil {
		t.Fatalf("midstream %v: %v\n%s", args, err, errs.String())
	}
	t.Logf("midstream %v: %v, peak of %d MiB", args, time.Since(begun).Round(10*time.Millisecond), kib>>10)
	return kib
}

// The memory that reading and writing files takes does not grow with them: ten
// times the flows take as much. make soak takes a file of 1 GiB with 100,000 flows.
func TestSoakFilesOfFlows(t *testing.T) {
	few, many := 200, 2000
	if soaking() {
		few, many = 10_000, 100_000
	} else {
		t.Parallel()
	}
	var before []int64
	for _, count := range []int{few, many} {
		dir := t.TempDir()
		flowFile(t, filepath.Join(dir, "in.mitm"), count)
		if info, err := os.Stat(filepath.Join(dir, "in.mitm")); err == nil {
			t.Logf("%d flows, %d MiB", count, info.Size()>>20)
		}
		for i, args := range [][]string{
			{"convert", "in.mitm", "session/"},
			{"convert", "session/", "out.har"},
			{"convert", "session/", "out.mitm"},
			{"convert", "out.har", "again.mitm"},
			{"flows", "list", "-r", "in.mitm"},
			{"flows", "export", "--as", "curl", "--session", "session", "~all"},
		} {
			kib := peak(t, dir, args...)
			if count == few {
				before = append(before, kib)
			} else if kib > before[i]*5/4+16<<10 {
				t.Errorf("midstream %v: %d KiB for %d flows, %d KiB for %d", args, before[i], few, kib, many)
			}
		}
	}
}
