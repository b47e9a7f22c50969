package capture

import (
	"fmt"
	"io"
	"os"

	"midstream/internal/format"
)

// spool keeps what cannot be read twice in a file that nobody else sees. The
// zero value is ready.
type spool struct {
	file *os.File
	size int64
}

// add appends what r gives.
func (s *spool) add(r io.Reader) (format.Body, error) {
	if s.file == nil {
		f, err := os.CreateTemp("", "midstream-*")
		if err != nil {
			return nil, fmt.Errorf("make a temporary file: %w", err)
		}
		s.file = f
		os.Remove(f.Name()) // where an open file cannot be removed, close does it
	}
	from := s.size
	n, err := io.Copy(io.NewOffsetWriter(s.file, from), r)
	s.size += n
	if err != nil {
		return nil, err
	}
	return io.NewSectionReader(s.file, from, n), nil
}

// writer writes behind what was added; the caller adds to size what it has written.
func (s *spool) writer() (io.Writer, error) {
	if s.file == nil {
		if _, err := s.add(eof{}); err != nil {
			return nil, err
		}
	}
	return io.NewOffsetWriter(s.file, s.size), nil
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// reset forgets what was added.
func (s *spool) reset() {
	if s.file != nil && s.size > 0 {
		_ = s.file.Truncate(0)
		s.size = 0
	}
}

func (s *spool) Close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	os.Remove(s.file.Name())
	return err
}
