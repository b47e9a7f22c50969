package capture

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"midstream/internal/store"
)

// Whatever a file holds: an error, or flows; and nothing is left of an unpacking
// that failed.
func FuzzUnpack(f *testing.F) {
	f.Add([]byte(`{"log":{"entries":[{"request":{"method":"GET","url":"https://a.test/"},"response":{"status":200,"content":{"text":"x"}}}]}}`))
	f.Add([]byte(`{"log":{"entries":[` + strings.Repeat("[", 10_000)))
	f.Add([]byte("4294967296:x"))
	f.Add([]byte("99999999999999999999:x"))
	f.Add([]byte("78 9c"))
	f.Add([]byte("\x78\x9c\x00"))
	f.Add([]byte("12:7:version;2:21#}"))
	f.Fuzz(func(t *testing.T, octets []byte) {
		dir := t.TempDir()
		path := filepath.Join(dir, "in")
		if err := os.WriteFile(path, octets, 0o600); err != nil {
			t.Fatal(err)
		}
		src, err := Open(context.Background(), path, "", nil)
		if err != nil {
			return
		}
		defer src.Close()
		under := filepath.Join(dir, "under")
		out, _, err := Unpack(context.Background(), src, Unpacking{Under: under, UpTo: 4})
		if err != nil {
			if left, _ := os.ReadDir(under); len(left) > 0 {
				t.Errorf("%v is left behind", left)
			}
			return
		}
		r, err := store.OpenReader(filepath.Join(out, "session"))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for _, err := range r.List(context.Background(), store.ListOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestUnpackKeepsThePlaceOfEachFlowAndStopsWhereItIsTold(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "in.har")
	text := `{"log":{"entries":[{"request":{"method":"GET","url":"https://a.test/1"}},{"request":{"method":"GET"}},{"request":{"method":"GET","url":"https://a.test/2"}},{"request":{"method":"GET","url":"https://a.test/3"}}]}}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	under := filepath.Join(dir, "under")
	old := filepath.Join(under, "flows-old")
	if err := errors.Join(os.MkdirAll(old, 0o700), os.Chtimes(old, time.Now(), time.Now().Add(-2*leftover))); err != nil {
		t.Fatal(err)
	}
	src := open(t, path)
	defer src.Close()
	var told []error
	out, damaged, err := Unpack(context.Background(), src, Unpacking{Under: under, UpTo: 2, Told: func(err error) { told = append(told, err) }})
	if err != nil || damaged != 1 || len(told) != 1 {
		t.Fatalf("%v, %d damaged: %v", err, damaged, told)
	}
	r, err := store.OpenReader(filepath.Join(out, "session"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var paths string
	for s, err := range r.List(context.Background(), store.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		paths += s.Path
	}
	if paths != "/1/2" {
		t.Errorf("flows %q", paths)
	}
	if _, err := os.Stat(old); err == nil {
		t.Error("what a killed process left is still there")
	}
}

func TestAnUnpackingThatIsStoppedLeavesNothing(t *testing.T) {
	src := open(t, record(t))
	defer src.Close()
	ctx, cancel := context.WithCancelCause(context.Background())
	stopped := errors.New("stopped")
	under := filepath.Join(t.TempDir(), "under")
	_, _, err := Unpack(ctx, src, Unpacking{Under: under, Step: func() { cancel(stopped) }})
	if !errors.Is(err, stopped) {
		t.Errorf("it ended with %v", err)
	}
	if left, _ := os.ReadDir(under); len(left) > 0 {
		t.Errorf("%v is left behind", left)
	}
}
