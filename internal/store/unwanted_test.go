package store

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"midstream/flow"
)

// What session_filter does not mean is not recorded, and what was recorded of it
// until that could be told is erased.
func TestSessionFilter(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{Filter: filter(t, "~c 404 | ~d ^keep | ~marked")})
	secret := func(i int) string { return "secret-" + strings.Repeat(string(rune('a'+i)), 12) }
	var want []uint64
	for i := range 12 {
		f := exchange(i)
		f.Request.Path = "/" + secret(i)
		f.Request.Host = []string{"keep.example", "other.example"}[i%2]
		f.Request.Fields.Set("Host", f.Request.Host)
		r := s.Start()
		r.Head(f, flow.ToServer)
		if i%4 > 1 {
			s.Flush()
		}
		for range 5 {
			r.Piece(flow.ToServer, bytes.Repeat([]byte(secret(i)+" "), 3000))
			if i%4 > 1 {
				s.Flush()
			}
		}
		g := answered(f, 0)
		if i%3 == 0 {
			g.Response.Status = 404
		}
		r.Head(g, flow.ToClient)
		r.Piece(flow.ToClient, []byte(secret(i)))
		if i%4 == 3 {
			s.Flush()
		}
		g = completed(g)
		if i == 11 {
			g.Marker = "m"
		}
		r.End(g)
		if i%2 == 0 || i%3 == 0 || i == 11 {
			want = append(want, uint64(i+1))
		}
	}
	// A mark may come until the end, so all are kept until then.
	s.Flush()
	check := func(t *testing.T) {
		t.Helper()
		r := openRead(t, dir)
		if got := numbersOf(t, r, SearchOptions{Oldest: true}); !slices.Equal(got, want) {
			t.Errorf("recorded are %v, want %v", got, want)
		}
		for i := range 12 {
			files := grep(t, dir, secret(i))
			if kept := slices.Contains(want, uint64(i+1)); kept != (len(files) > 0) {
				t.Errorf("flow %d, kept %t, is in %v", i+1, kept, files)
			} else if kept && len(bodyOf(t, r, uint64(i+1), flow.ToServer)) != 5*3000*len(secret(i)+" ") {
				t.Errorf("flow %d is not whole", i+1)
			}
		}
	}
	check(t)
	s.Close()
	check(t)
	for _, p := range indexFiles(dir) {
		os.Remove(p)
	}
	check(t)
	if h, err := Check(t.Context(), dir); err != nil || len(h.Damage) > 0 {
		t.Errorf("%+v, %v", h, err)
	}
}

// Where a head tells, nothing is taken at all.
func TestSessionFilterByTheFirstHead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{Filter: filter(t, "~d ^keep")})
	r := s.Start()
	r.Head(exchange(1), flow.ToServer)
	r.Piece(flow.ToServer, []byte("not to be kept"))
	if state, n, _ := r.State(flow.ToServer); state != flow.Unrecorded || n != 0 {
		t.Errorf("%v, %d octets", state, n)
	}
	r.End(completed(answered(exchange(1), 0)))
	s.Close()
	if list := list(t, openRead(t, dir), ListOptions{}); len(list) > 0 || s.Missing() > 0 {
		t.Errorf("%d flows, %d missing", len(list), s.Missing())
	}
	if found := grep(t, dir, "not to be kept"); len(found) > 0 {
		t.Errorf("it is in %v", found)
	}
}
