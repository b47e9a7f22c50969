package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// asyncFile is a file for writing past the page cache, in a folder of the
// package: the system's temporary one may be memory.
func asyncFile(t *testing.T) (path string, plain, direct *os.File, a asyncWriter) {
	t.Helper()
	dir, err := os.MkdirTemp(".", "async-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path = filepath.Join(dir, "f")
	if plain, err = os.Create(path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { plain.Close() })
	if direct = openDirect(path); direct == nil {
		t.Skip("the file system has no O_DIRECT")
	}
	t.Cleanup(func() { direct.Close() })
	if a = newAsync(); a == nil {
		t.Skip("the system has no io_submit")
	}
	t.Cleanup(a.close)
	return path, plain, direct, a
}

func TestAsyncWritesWhatItIsGiven(t *testing.T) {
	path, plain, direct, a := asyncFile(t)
	var want []byte
	for round := range 20 {
		var vector [][]byte
		for i := range 3 {
			p := alignedBytes((i + 1) * 2 * alignment)
			for j := range p {
				p[j] = byte(round*31 + i*7 + j)
			}
			vector = append(vector, p)
		}
		at := int64(len(want))
		want = append(want, bytes.Join(vector, nil)...)
		if round%2 == 0 {
			if err := extend(plain, at, int64(len(want))+1<<20); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.write(direct, vector, at); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got[:len(want)], want) {
		t.Error("the file holds something else")
	}
}

func TestAsyncTellsWhyItFails(t *testing.T) {
	path, _, direct, a := asyncFile(t)
	vector := [][]byte{alignedBytes(alignment)}
	if err := a.write(direct, vector, 1); !unsupportedDirect(err) {
		t.Errorf("an offset that is not aligned: %v", err)
	}
	reading, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reading.Close()
	if err := a.write(reading, vector, 0); !errors.Is(err, unix.EBADF) {
		t.Errorf("a file that is open for reading: %v", err)
	}
	if err := a.write(direct, vector, 0); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
