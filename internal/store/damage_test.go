package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"midstream/flow"
)

// made is a closed session of n flows with bodies of 1,000 octets each.
func made(t testing.TB, n int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{})
	for i := range n {
		r := s.Start()
		f := answered(exchange(i), 1000)
		r.Head(f, flow.ToClient)
		r.Piece(flow.ToClient, bytes.Repeat([]byte{byte(i + 1)}, 1000))
		r.End(completed(f))
		s.Flush()
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func change(t *testing.T, path string, f func(p []byte) []byte) {
	t.Helper()
	p, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, f(p), 0o600); err != nil {
		t.Fatal(err)
	}
}

func dropIndex(dir string) {
	for _, p := range indexFiles(dir) {
		os.Remove(p)
	}
}

// Damage in the middle of a segment costs what was damaged, and no more.
func TestDamageCostsOnlyWhatWasDamaged(t *testing.T) {
	dir := made(t, 10)
	change(t, segmentPath(dir, bodiesStream, 1), func(p []byte) []byte {
		at := bytes.Index(p, bytes.Repeat([]byte{4}, 1000)) // the body of flow 4
		p[at+500] ^= 0xff
		return p
	})
	change(t, segmentPath(dir, headsStream, 1), func(p []byte) []byte {
		at := bytes.Index(p, []byte("/path?n=6")) // the head of flow 7
		copy(p[at:], "xxxxxxxxx")
		return p
	})
	dropIndex(dir)
	r := openRead(t, dir)
	rows := list(t, r, ListOptions{})
	if len(rows) != 9 {
		t.Fatalf("%d flows are left of 10", len(rows))
	}
	for _, row := range rows {
		b, err := r.Body(t.Context(), row.Number, flow.ToClient)
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.ReadAt(make([]byte, 1000), 0)
		b.Close()
		if damaged := errors.Is(err, ErrDamaged); damaged != (row.Number == 4) {
			t.Fatalf("flow %d: %v", row.Number, err)
		}
	}
}

// A torn tail is cut, whatever is in it, and the next flows come behind it.
func TestTornTailIsCut(t *testing.T) {
	for name, tail := range map[string][]byte{
		"zeros":         make([]byte, 5000),
		"garbage":       bytes.Repeat([]byte("garbage"), 100),
		"half a record": appendRecord(nil, kindPiece, 1, 99, make([]byte, 500))[:300],
	} {
		t.Run(name, func(t *testing.T) {
			dir := made(t, 3)
			for _, stream := range []uint8{headsStream, bodiesStream} {
				change(t, segmentPath(dir, stream, 1), func(p []byte) []byte { return append(p, tail...) })
			}
			s := openStore(t, dir, Config{})
			number := recordBody(s, 1000)
			if number != 4 {
				t.Fatalf("the next flow is %d", number)
			}
			s.Close()
			dropIndex(dir)
			r := openRead(t, dir)
			if rows := list(t, r, ListOptions{}); len(rows) != 4 {
				t.Fatalf("%d flows", len(rows))
			}
			for n := uint64(1); n <= 4; n++ {
				if p := bodyOf(t, r, n, flow.ToClient); len(p) != 1000 {
					t.Fatalf("flow %d: %d octets", n, len(p))
				}
			}
		})
	}
}

// What the index lacks is taken from the segments, by readers and writers.
func TestIndexIsBroughtUpToDate(t *testing.T) {
	dir := made(t, 5)
	db, err := sql.Open("sqlite", indexURL(dir, ""))
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{"DELETE FROM flows WHERE number > 2", fmt.Sprintf("UPDATE meta SET value = %d WHERE name = 'heads'", int64(posOf(1, segmentHeader)))} {
		if _, err := db.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	db.Close()
	r := openRead(t, dir)
	if rows := list(t, r, ListOptions{}); len(rows) != 5 {
		t.Fatalf("a reader sees %d flows", len(rows))
	}
	r.Close()
	openStore(t, dir, Config{}).Close()
	r = openRead(t, dir)
	var n int
	if err := r.db.QueryRow("SELECT count(*) FROM flows").Scan(&n); err != nil || n != 5 {
		t.Fatalf("the index has %d flows, %v", n, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	sqlFile := func(statements ...string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			db, err := sql.Open("sqlite", indexURL(dir, ""))
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			for _, q := range statements {
				if _, err := db.Exec(q); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		want  string
	}{
		{"a newer index", sqlFile("PRAGMA user_version = 7"), "index version 7, this midstream knows up to 2"},
		{"another program's database", sqlFile("PRAGMA application_id = 5"), "not the index of a session"},
		{"an index with a trigger", sqlFile("CREATE TRIGGER t AFTER INSERT ON flows BEGIN DELETE FROM flows; END"), "not the index of a session"},
		{"a newer session", func(t *testing.T, dir string) {
			change(t, filepath.Join(dir, metaFile), func(p []byte) []byte {
				return bytes.Replace(p, []byte(`"schema": 1`), []byte(`"schema": 9`), 1)
			})
		}, "schema 9, this midstream knows up to 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := made(t, 2)
			c.spoil(t, dir)
			if s, err := Open(dir, Config{}); err == nil || !strings.Contains(err.Error(), c.want) {
				if err == nil {
					s.Close()
				}
				t.Errorf("Open: %v", err)
			}
			if r, err := OpenReader(dir); err == nil || !strings.Contains(err.Error(), c.want) {
				if err == nil {
					r.Close()
				}
				t.Errorf("OpenReader: %v", err)
			}
		})
	}
}

// A damaged index is made anew.
func TestDamagedIndexIsMadeAnew(t *testing.T) {
	for name, spoil := range map[string]func(p []byte) []byte{
		"not a database": func([]byte) []byte { return []byte("this is no database, and it is long enough to be read as one") },
		"empty":          func([]byte) []byte { return nil },
		"torn":           func(p []byte) []byte { return p[:len(p)/2] },
	} {
		t.Run(name, func(t *testing.T) {
			dir := made(t, 4)
			change(t, indexPath(dir), spoil)
			r := openRead(t, dir)
			if rows := list(t, r, ListOptions{}); len(rows) != 4 {
				t.Fatalf("%d flows", len(rows))
			}
		})
	}
}

func TestOneProcessWrites(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{})
	if _, err := Open(dir, Config{}); !errors.Is(err, ErrLocked) {
		t.Fatalf("a second writer: %v", err)
	}
	s.Close()
	openStore(t, dir, Config{}).Close()
}

// A folder with something else in it is not touched.
func TestForeignFolderIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	before, _ := os.Stat(dir)
	if _, err := Open(dir, Config{}); err == nil || !strings.Contains(err.Error(), "thesis.txt") {
		t.Fatalf("%v", err)
	}
	after, _ := os.Stat(dir)
	entries, _ := os.ReadDir(dir)
	if len(entries) != 1 || before.Mode() != after.Mode() {
		t.Fatalf("%v, %v", entries, after.Mode())
	}
	if _, err := OpenReader(dir); err == nil || !strings.Contains(err.Error(), "there is no session here") {
		t.Fatalf("%v", err)
	}
}

func TestGetOfNoFlow(t *testing.T) {
	r := openRead(t, made(t, 1))
	if _, err := r.Get(context.Background(), 2); !errors.Is(err, ErrNotFound) {
		t.Fatalf("%v", err)
	}
}
