package coding

import (
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// shelfSize bounds what is kept of one kind: a compressor holds up to 1 MiB.
const shelfSize = 4

// A shelf keeps a few idle compressors, which are costly to make. What does
// not fit is left to the garbage collector.
type shelf[T any] struct {
	mu   sync.Mutex
	idle []T // guarded by mu, at most shelfSize
}

func (s *shelf[T]) take() (t T, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.idle)
	if n == 0 {
		return t, false
	}
	t = s.idle[n-1]
	clear(s.idle[n-1:])
	s.idle = s.idle[:n-1]
	return t, true
}

func (s *shelf[T]) put(t T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) < shelfSize {
		s.idle = append(s.idle, t)
	}
}

// The shelves are shared by all: they hold no state that a caller could see.
var (
	brotliWriters shelf[*brotli.Writer]
	gzipWriters   shelf[*gzip.Writer]
	zlibWriters   shelf[*zlib.Writer]
	zstdWriters   shelf[*zstd.Encoder]
)
