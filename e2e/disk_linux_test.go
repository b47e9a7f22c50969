package e2e

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// mounted mounts a small file system for a session, or skips the test: that
// asks for root.
func mounted(t *testing.T, kind string, size string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	mount := []string{"-t", "tmpfs", "-o", "size=" + size, "none", dir}
	if kind == "ext4" {
		image := filepath.Join(t.TempDir(), "image")
		need(t, "mkfs.ext4")
		for _, line := range [][]string{{"truncate", "-s", size, image}, {"mkfs.ext4", "-q", "-F", image}} {
			if out, err := exec.Command(line[0], line[1:]...).CombinedOutput(); err != nil {
				t.Skipf("no file system of its own can be made here: %s: %v %s", line[0], err, out)
			}
		}
		mount = []string{"-o", "loop", image, dir}
	}
	if out, err := exec.Command("mount", mount...).CombinedOutput(); err != nil {
		t.Skipf("no file system of its own can be mounted here: %v %s", err, out)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// passes wants a download to pass whole.
func passes(t *testing.T, c *http.Client, address string, size int64) {
	t.Helper()
	r := get(t, c, address)
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil || n != size {
		t.Fatalf("%s: %d bytes passed, want %d, %v", address, n, size, err)
	}
}

// cutWith wants a flow whose record is cut, to say where and why, and to give
// back that much.
func (r *recording) cutWith(path, reason string, sent int64) {
	r.p.t.Helper()
	f := r.flow(path)
	f.completed()
	if f.Response.Record != "cut" || f.Response.Size != sent {
		r.p.t.Errorf("%s is recorded as %+v", path, f.Response)
	}
	if page := r.show(f); !strings.Contains(page, reason) || !strings.Contains(page, "record cut") {
		r.p.t.Errorf("%s: the page does not say %q:\n%s", path, reason, page)
	}
	out, stderr, err := r.p.try("flows", "body", "--session", r.p.Session, "--raw", strconv.FormatUint(f.Number, 10))
	var exit *exec.ExitError
	if !asExit(err, &exit) || exit.ExitCode() != 3 || !strings.Contains(stderr, reason) {
		r.p.t.Errorf("%s: flows body ends with %v: %s", path, err, stderr)
	}
	if n := int64(len(out)); n >= sent || textSHA256(out) != patternSHA256(n) {
		r.p.t.Errorf("%s: %d other bytes are recorded", path, n)
	}
}

func asExit(err error, to **exec.ExitError) bool {
	e, ok := err.(*exec.ExitError)
	*to = e
	return ok
}

// saidOnce wants a line on standard error, once.
func (p *proxy) saidOnce(text string) {
	p.t.Helper()
	if n := strings.Count(p.stderr.String(), text); n != 1 {
		p.t.Errorf("%q was said %d times", text, n)
	}
}

// A disk that is full stops the recording, not the traffic; when there is space
// again recording goes on. Each is said once.
func TestFullDiskStopsRecordingOnly(t *testing.T) {
	t.Parallel()
	disk := mounted(t, "tmpfs", "48m")
	ballast := filepath.Join(disk, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 24<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	o := newOrigin(t)
	p := startAtSession(t, filepath.Join(disk, "session"), "--set", "session_min_free=0")
	c := p.client()
	const size = 64 << 20
	passes(t, c, o.HTTPS+"/big?full=1&size="+strconv.Itoa(size), size)
	p.waitStderr("recording has stopped")
	passes(t, c, o.HTTP+"/hello?while=full", 6)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	p.waitStderr("the disk works again")
	passes(t, c, o.HTTPS+"/hello?again=1", 6)
	s := p.recorded()
	p.saidOnce("recording has stopped")
	p.saidOnce("the disk works again")
	s.cutWith("full=1&size="+strconv.Itoa(size), "no space left on device", size)
	s.cutWith("/hello?while=full", "no space left on device", 6)
	if f := s.flow("/hello?again=1"); f.Response.Record != "complete" || s.body(f) != "hello\n" {
		t.Errorf("behind the outage: %+v", f)
	}
}

// Below the floor of free disk no bodies are recorded, which is said once.
func TestFloorOfFreeDisk(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p := startAtSession(t, filepath.Join(mounted(t, "tmpfs", "32m"), "session"), "--set", "session_min_free=1t")
	c := p.client()
	for i := range 3 {
		passes(t, c, o.HTTPS+"/hello?n="+strconv.Itoa(i), 6)
	}
	s := p.recorded()
	p.saidOnce("the disk is nearly full")
	for i := range 3 {
		s.cutWith("/hello?n="+strconv.Itoa(i), "session_min_free", 6)
	}
}

// A disk that hangs delays the traffic by record_stall at most: then the record
// is cut, and says so.
func TestDiskThatHangs(t *testing.T) {
	t.Parallel()
	need(t, "fsfreeze")
	disk := mounted(t, "ext4", "256m")
	o := newOrigin(t)
	p := startAtSession(t, filepath.Join(disk, "session"), "--set", "record_stall=200ms", "--set", "session_min_free=0")
	c := p.client()
	passes(t, c, o.HTTPS+"/hello?before=1", 6)
	thaw := func() { exec.Command("fsfreeze", "--unfreeze", disk).Run() }
	if out, err := exec.Command("fsfreeze", "--freeze", disk).CombinedOutput(); err != nil {
		t.Skipf("the file system cannot be frozen here: %v %s", err, out)
	}
	t.Cleanup(thaw)
	const size = 64 << 20
	passes(t, c, o.HTTPS+"/big?hang=1&size="+strconv.Itoa(size), size)
	thaw()
	passes(t, c, o.HTTPS+"/hello?after=1", 6)
	s := p.recorded()
	s.cutWith("hang=1&size="+strconv.Itoa(size), "the disk could not keep up for 200ms (record_stall)", size)
	for _, path := range []string{"/hello?before=1", "/hello?after=1"} {
		if f := s.flow(path); f.Response.Record != "complete" {
			t.Errorf("%s: %+v", path, f)
		}
	}
}
