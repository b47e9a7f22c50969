package store

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"midstream/flow"
)

// grep returns the files below dir that contain text.
func grep(t *testing.T, dir, text string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		p, err := os.ReadFile(path)
		if bytes.Contains(p, []byte(text)) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// What is deleted is nowhere in the folder any more, and all else is there.
func TestDelete(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{})
	const flows = 9
	secret := func(i int) string { return "secret-" + strings.Repeat(string(rune('a'+i)), 12) }
	for i := range flows {
		f := answered(exchange(i), 0)
		f.Request.Path = "/" + secret(i)
		f.Request.Fields.Add("Cookie", secret(i))
		f.Comment = secret(i)
		r := s.Start()
		r.Head(f, flow.ToClient)
		n := int64(0)
		for range 40 {
			p := bytes.Repeat([]byte(secret(i)+" "), 1000*(1+i%3))
			r.Piece(flow.ToClient, p)
			n += int64(len(p))
			if i == 4 {
				s.Flush()
			}
		}
		f = completed(f)
		f.ResponseBody.Sent, f.ResponseBody.Received = n, n
		r.End(f)
	}
	live := s.Start()
	live.Head(answered(exchange(20), 0), flow.ToClient)
	s.Flush()
	// One has been written again before.
	if err := s.Edit(4, func(f *flow.Flow) { f.Marker = "m" }); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), []uint64{2, 10}); !errors.Is(err, ErrRunning) {
		t.Errorf("one that runs: %v", err)
	}
	if len(grep(t, dir, secret(1))) == 0 {
		t.Error("it is not there to begin with")
	}
	if err := s.Delete(t.Context(), []uint64{2, 4, 5, 9, 77}); err != nil {
		t.Fatal(err)
	}
	gone := []int{1, 3, 4, 8}
	check := func(t *testing.T) {
		t.Helper()
		r := openRead(t, dir)
		for i := range flows {
			files := grep(t, dir, secret(i))
			if slices.Contains(gone, i) {
				if len(files) > 0 {
					t.Errorf("flow %d is still in %v", i+1, files)
				}
				if _, err := r.Get(t.Context(), uint64(i+1)); !errors.Is(err, ErrNotFound) {
					t.Errorf("flow %d: %v", i+1, err)
				}
				continue
			}
			if n := bytes.Count(bodyOf(t, r, uint64(i+1), flow.ToClient), []byte(secret(i))); n != 40*1000*(1+i%3) {
				t.Errorf("flow %d: its body has the text %d times", i+1, n)
			}
		}
		if got := numbersOf(t, r, SearchOptions{Filter: filter(t, "~s & ~e | ~c 200"), Oldest: true}); !slices.Equal(got, []uint64{1, 3, 6, 7, 8, 10}) {
			t.Errorf("found %v", got)
		}
	}
	check(t)
	live.End(completed(answered(exchange(20), 0)))
	s.Close()
	check(t)
	for _, p := range indexFiles(dir) {
		os.Remove(p)
	}
	check(t)
	if h, err := Check(t.Context(), dir); err != nil || len(h.Damage) > 0 || h.Flows != 6 {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestEdit(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{})
	recordBody(s, 5000)
	live := s.Start()
	live.Head(answered(exchange(2), 0), flow.ToClient)
	s.Flush()
	before := bodyOf(t, openRead(t, dir), 1, flow.ToClient)
	change := func(f *flow.Flow) { f.Marker, f.Comment, f.Metadata = "red", "why\nnot", map[string]string{"k": "v"} }
	if err := s.Edit(1, change); err != nil {
		t.Fatal(err)
	}
	if err := s.Edit(2, change); !errors.Is(err, ErrRunning) {
		t.Errorf("one that runs: %v", err)
	}
	if err := s.Edit(9, change); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "change flow 9") {
		t.Errorf("none: %v", err)
	}
	live.End(completed(answered(exchange(2), 0)))
	s.Close()
	if err := s.Edit(1, change); err == nil {
		t.Error("after Close")
	}
	for _, anew := range []bool{false, true} {
		if anew {
			for _, p := range indexFiles(dir) {
				os.Remove(p)
			}
		}
		r := openRead(t, dir)
		f, err := r.Get(t.Context(), 1)
		if err != nil || f.Marker != "red" || f.Comment != "why\nnot" || f.Metadata["k"] != "v" {
			t.Fatalf("%+v, %v", f, err)
		}
		if !bytes.Equal(bodyOf(t, r, 1, flow.ToClient), before) {
			t.Error("its body is another one")
		}
		if got := numbersOf(t, r, SearchOptions{Filter: filter(t, "~marked & ~marker red & ~comment not & ~meta 'k: v'")}); !slices.Equal(got, []uint64{1}) {
			t.Errorf("found %v", got)
		}
	}
}

func TestCheckAndRepair(t *testing.T) {
	dir := made(t, 30)
	if h, err := Check(t.Context(), dir); err != nil || len(h.Damage) > 0 || h.Flows != 30 || h.Heads == 0 || h.Bodies == 0 || h.Live {
		t.Fatalf("%+v, %v", h, err)
	}
	p, err := os.ReadFile(segmentPath(dir, headsStream, 1))
	if err != nil {
		t.Fatal(err)
	}
	p[len(p)/2] ^= 0x55
	if err := os.WriteFile(segmentPath(dir, headsStream, 1), p, 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := Check(t.Context(), dir)
	if err != nil || len(h.Damage) == 0 {
		t.Fatalf("%+v, %v", h, err)
	}
	if err := os.WriteFile(indexPath(dir), []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	if h, err := Check(t.Context(), dir); err != nil || len(h.Damage) < 2 {
		t.Fatalf("%+v, %v", h, err)
	}
	if err := Repair(dir); err != nil {
		t.Fatal(err)
	}
	if n := len(list(t, openRead(t, dir), ListOptions{})); n < 28 {
		t.Errorf("%d flows are left", n)
	}
	if err := Remove(dir); err != nil {
		t.Error(err)
	}
	if _, err := Check(t.Context(), t.TempDir()); err == nil {
		t.Error("a folder without session")
	}
}

func TestKeep(t *testing.T) {
	dir := made(t, 1)
	if err := Keep(dir, 90e9); err != nil {
		t.Fatal(err)
	}
	if i, err := Inspect(dir); err != nil || i.Meta.Keep != 90 {
		t.Errorf("%+v, %v", i, err)
	}
	if err := Keep(dir, -1); err != nil {
		t.Fatal(err)
	}
	if i, err := Inspect(dir); err != nil || !i.Expires().IsZero() {
		t.Errorf("%+v, %v", i, err)
	}
	s := openStore(t, dir, Config{})
	defer s.Close()
	if err := Keep(dir, 1e9); !errors.Is(err, ErrLocked) {
		t.Errorf("while it is written: %v", err)
	}
}
