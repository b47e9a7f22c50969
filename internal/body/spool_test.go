package body

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"midstream/flow"
	"midstream/hook"

	"pgregory.net/rapid"
)

var _ hook.Source = (*Spool)(nil)

// small limits, so that every kind of growth happens with few bytes.
var small = Limits{BodyMemory: 16 << 10, Memory: 96 << 10, Body: 300 << 10, Disk: 8 << 20}

func pattern(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i * 7 >> 3)
	}
	return p
}

func readSpool(t interface{ Fatal(...any) }, s *Spool) []byte {
	r, err := s.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSpoolKeepsWhatIsWritten(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		b := NewBudget(filepath.Join(dir, "spill"), small)
		if rapid.Bool().Draw(t, "no memory left") {
			b.takeMemory(small.Memory - 8<<10)
			defer b.give(small.Memory-8<<10, 0)
		}
		s := NewSpool(b)
		var want []byte
		for range rapid.IntRange(0, 12).Draw(t, "pieces") {
			p := pattern(rapid.SampledFrom([]int{0, 1, 100, 4096, 5000, 20_000, 70_000}).Draw(t, "length"))
			n, err := s.Write(p)
			if err != nil {
				if !errors.Is(err, ErrTooLarge) || n != 0 || len(want)+len(p) <= int(small.Body) {
					t.Fatalf("write %d bytes after %d: %d, %v", len(p), len(want), n, err)
				}
				continue
			}
			want = append(want, p...)
			if rapid.IntRange(0, 3).Draw(t, "look") == 0 && !bytes.Equal(readSpool(t, s), want) {
				t.Fatal("not what was written")
			}
		}
		if got := readSpool(t, s); s.Len() != int64(len(want)) || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes, %d by Len, want %d", len(got), s.Len(), len(want))
		}
		r, err := s.Replay(flow.Fields{{Name: "t"}})
		if err != nil {
			t.Fatal(err)
		}
		list, err := read(r)
		if n := 0; err == io.EOF {
			for _, p := range list {
				n += len(p)
			}
			if n != len(want) || !r.Trailers().Has("t") {
				t.Fatalf("replayed %d bytes", n)
			}
		} else {
			t.Fatal(err)
		}
		if err := errors.Join(s.Close(), s.Close()); err != nil {
			t.Fatal(err)
		}
	})
	if left, _ := os.ReadDir(filepath.Join(dir, "spill")); len(left) > 0 {
		t.Errorf("%d files are left", len(left))
	}
}

func TestSpoolGivesBackItsShare(t *testing.T) {
	b := NewBudget(t.TempDir(), small)
	var all []*Spool
	for i := range 10 {
		s := NewSpool(b)
		all = append(all, s)
		if _, err := s.Write(pattern(10_000 * i)); err != nil {
			t.Fatal(err)
		}
		if m, d := b.InUse(); m > small.Memory || d > small.Disk {
			t.Errorf("%d bytes of memory and %d of the disk in use", m, d)
		}
	}
	for _, s := range all {
		s.Close()
	}
	if m, d := b.InUse(); m != 0 || d != 0 {
		t.Errorf("%d bytes of memory and %d of the disk are not given back", m, d)
	}
}

func TestSpoolLimits(t *testing.T) {
	t.Run("of the body", func(t *testing.T) {
		s := NewSpool(NewBudget(t.TempDir(), small))
		defer s.Close()
		s.Write(pattern(int(small.Body)))
		_, err := s.Write([]byte("x"))
		if l, ok := errors.AsType[*LimitError](err); !ok || l.Limit != small.Body || !errors.Is(err, ErrTooLarge) {
			t.Errorf("got %v", err)
		}
		if got := readSpool(t, s); len(got) != int(small.Body) {
			t.Errorf("%d bytes are left of what was kept", len(got))
		}
	})
	t.Run("of the disk", func(t *testing.T) {
		l := small
		l.Disk = diskStep
		b := NewBudget(t.TempDir(), l)
		one, two := NewSpool(b), NewSpool(b)
		defer one.Close()
		defer two.Close()
		if _, err := one.Write(pattern(70_000)); err != nil {
			t.Fatal(err)
		}
		if _, err := two.Write(pattern(10_000)); err != nil {
			t.Fatal(err)
		}
		if _, err := two.Write(pattern(10_000)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("got %v", err)
		}
		if got := readSpool(t, two); !bytes.Equal(got, pattern(10_000)) {
			t.Error("what was kept is lost")
		}
	})
	t.Run("half of what is free", func(t *testing.T) {
		b := NewBudget(t.TempDir(), Limits{Disk: 1 << 62})
		if _, known := freeDisk(b.dir); !known {
			t.Skip("the free space is not known here")
		}
		err := b.takeDisk(1 << 60)
		if l, ok := errors.AsType[*LimitError](err); !ok || l.Limit >= 1<<60 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a folder that cannot be", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		os.WriteFile(file, nil, 0o600)
		s := NewSpool(NewBudget(file, small))
		defer s.Close()
		s.Write(pattern(10_000))
		_, err := s.Write(pattern(10_000))
		if l, ok := errors.AsType[*LimitError](err); !ok || l.Err == nil || !errors.Is(err, ErrTooLarge) {
			t.Errorf("got %v", err)
		}
		if got := readSpool(t, s); !bytes.Equal(got, pattern(10_000)) {
			t.Error("what was kept is lost")
		}
	})
	t.Run("closed", func(t *testing.T) {
		s := NewSpool(NewBudget(t.TempDir(), small))
		s.Close()
		_, werr := s.Write([]byte("x"))
		_, oerr := s.Open()
		if werr == nil || oerr == nil {
			t.Error("a closed spool works")
		}
	})
}

func TestSpillFileIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spill")
	s := NewSpool(NewBudget(dir, small))
	defer s.Close()
	s.Write(pattern(20_000))
	info, err := s.file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	folder, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if os.PathSeparator == '/' && (info.Mode().Perm() != 0o600 || folder.Mode().Perm() != 0o700) {
		t.Errorf("file %v, folder %v", info.Mode(), folder.Mode())
	}
	if left, _ := os.ReadDir(dir); os.PathSeparator == '/' && len(left) != 0 {
		t.Error("others can see the file")
	}
}

func TestReadersOfASpoolAreApart(t *testing.T) {
	s := NewSpool(NewBudget(t.TempDir(), small))
	defer s.Close()
	s.Write(pattern(40_000))
	a, _ := s.Open()
	b, _ := s.Open()
	io.CopyN(io.Discard, a, 30_000)
	s.Write([]byte("later"))
	got, err := io.ReadAll(b)
	if err != nil || !bytes.Equal(got, pattern(40_000)) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	a.Close()
	if _, err := a.Read(make([]byte, 1)); err == nil {
		t.Error("a closed reader gives bytes")
	}
	b.Close()
}
