package body

import (
	"errors"
	"io"
	"os"
	"slices"

	"midstream/flow"
)

// Spool keeps a held body: in memory first, then in a file that nobody else can
// open. It belongs to one goroutine, and Close must be called; what Open
// returned may be read from several at once as long as nothing is written.
type Spool struct {
	budget *Budget
	len    int64
	closed bool

	blocks [][]byte // what is not in the file: all of it, or the tail
	memory int64    // reserved for blocks

	file     *os.File // nil while all is in memory
	name     string   // of the file, where it could not be removed at once
	inFile   int64    // bytes in the file
	reserved int64    // of the disk
}

const (
	// firstBlock is the memory that a body takes first; each further block is
	// twice the one before it, up to tailBlock.
	firstBlock = 4 << 10
	// tailBlock is what is collected before it is written to the file.
	tailBlock = 64 << 10
	// diskStep is how much of the disk is reserved at a time.
	diskStep = 1 << 20
)

var errSpoolClosed = errors.New("the held body was given up already")

// NewSpool returns an empty spool that draws on b.
func NewSpool(b *Budget) *Spool { return &Spool{budget: b} }

// Len returns how many bytes it keeps.
func (s *Spool) Len() int64 { return s.len }

// Write keeps a copy of p: all of it, or none and an error that is an
// ErrTooLarge. What was kept before stays readable then.
func (s *Spool) Write(p []byte) (int, error) {
	if s.closed {
		return 0, errSpoolClosed
	}
	if s.len+int64(len(p)) > s.budget.limits.Body {
		return 0, &LimitError{What: "the length of a held body", Limit: s.budget.limits.Body}
	}
	if s.file == nil && !s.grow(len(p)) {
		if err := s.spill(); err != nil {
			return 0, err
		}
	}
	if s.file != nil {
		return s.writeTail(p)
	}
	s.keep(p)
	s.len += int64(len(p))
	return len(p), nil
}

// grow makes room for n more bytes in memory.
func (s *Spool) grow(n int) bool {
	limit := s.budget.limits.BodyMemory
	if s.len+int64(n) > limit {
		return false
	}
	if k := len(s.blocks); k > 0 {
		n -= cap(s.blocks[k-1]) - len(s.blocks[k-1])
	}
	for n > 0 {
		size := int64(firstBlock)
		if k := len(s.blocks); k > 0 {
			size = min(int64(cap(s.blocks[k-1]))*2, tailBlock)
		}
		size = min(size, limit) // a limit below one block
		if !s.budget.takeMemory(size) {
			return false
		}
		s.memory += size
		s.blocks = append(s.blocks, make([]byte, 0, size))
		n -= int(size)
	}
	return true
}

// keep copies p into the blocks, which have room for it.
func (s *Spool) keep(p []byte) {
	for i := range s.blocks {
		b := &s.blocks[i]
		n := min(cap(*b)-len(*b), len(p))
		*b = append(*b, p[:n]...)
		p = p[n:]
	}
}

// spill moves the body from memory into a file. When that fails it stays where
// it is.
func (s *Spool) spill() error {
	if err := s.create(); err != nil {
		return s.failed("create its file", err)
	}
	if err := s.reserve(s.len); err != nil {
		s.remove()
		return err
	}
	var at int64
	for _, b := range s.blocks {
		n, err := s.file.WriteAt(b, at)
		if at += int64(n); err != nil {
			s.remove()
			return s.failed("write its file", err)
		}
	}
	s.inFile = at
	s.budget.give(s.memory, 0)
	s.memory = 0
	if s.budget.takeMemory(tailBlock) { // without it each piece is written as it comes
		s.memory = tailBlock
	}
	s.blocks = [][]byte{make([]byte, 0, s.memory)}
	return nil
}

// writeTail collects p and writes what is full.
func (s *Spool) writeTail(p []byte) (int, error) {
	tail := s.blocks[0]
	if len(tail)+len(p) > cap(tail) {
		if err := s.reserve(s.len + int64(len(p))); err != nil {
			return 0, err
		}
		if len(tail) > 0 {
			if _, err := s.file.WriteAt(tail, s.inFile); err != nil {
				return 0, s.failed("write its file", err)
			}
			s.inFile += int64(len(tail))
			// Readers may still hold the old tail.
			tail = make([]byte, 0, cap(tail))
			s.blocks[0] = tail
		}
		if len(p) >= cap(tail) {
			if _, err := s.file.WriteAt(p, s.inFile); err != nil {
				return 0, s.failed("write its file", err)
			}
			s.inFile += int64(len(p))
			s.len += int64(len(p))
			return len(p), nil
		}
	}
	s.blocks[0] = append(tail, p...)
	s.len += int64(len(p))
	return len(p), nil
}

// reserve makes sure that n bytes of the disk are this body's.
func (s *Spool) reserve(n int64) error {
	if n <= s.reserved {
		return nil
	}
	step := (n - s.reserved + diskStep - 1) / diskStep * diskStep
	if err := s.budget.takeDisk(step); err != nil {
		return err
	}
	s.reserved += step
	return nil
}

func (s *Spool) create() error {
	if err := os.MkdirAll(s.budget.dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(s.budget.dir, "held-*")
	if err != nil {
		return err
	}
	s.file, s.name = f, f.Name()
	if os.Remove(s.name) == nil {
		s.name = "" // it goes away with the process, however that ends
	}
	return nil
}

func (s *Spool) failed(what string, err error) error {
	return &LimitError{What: what, Err: err}
}

// remove closes the file and makes sure that it is gone.
func (s *Spool) remove() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if s.name != "" {
		err = errors.Join(err, os.Remove(s.name))
	}
	s.file, s.name = nil, ""
	return err
}

// Close gives up the body, its file and its share of the budget. It may be
// called more than once. Readers that are open fail from now on, or read what
// is in memory.
func (s *Spool) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	err := s.remove()
	s.budget.give(s.memory, s.reserved)
	s.memory, s.reserved, s.blocks = 0, 0, nil
	return err
}

// Open returns the body from its start as it is now; what is written later is
// not in it. It may be called many times.
func (s *Spool) Open() (io.ReadCloser, error) {
	if s.closed {
		return nil, errSpoolClosed
	}
	r := &spoolReader{blocks: slices.Clone(s.blocks)}
	if s.inFile > 0 {
		r.file = io.NewSectionReader(s.file, 0, s.inFile)
	}
	return r, nil
}

// Replay returns the body as a Reader, to be sent; trailers are those it came
// with, or what hooks made of them.
func (s *Spool) Replay(trailers flow.Fields) (Reader, error) {
	r, err := s.Open()
	if err != nil {
		return nil, err
	}
	return From(r, trailers), nil
}

// spoolReader reads the file and then the blocks.
type spoolReader struct {
	file   *io.SectionReader // nil when it is read, or there is none
	blocks [][]byte
	closed bool
}

func (r *spoolReader) Read(p []byte) (int, error) {
	if r.closed {
		return 0, os.ErrClosed
	}
	for r.file != nil {
		n, err := r.file.Read(p)
		if err == io.EOF {
			r.file, err = nil, nil
		}
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
	}
	for len(r.blocks) > 0 {
		n := copy(p, r.blocks[0])
		if r.blocks[0] = r.blocks[0][n:]; len(r.blocks[0]) == 0 {
			r.blocks = r.blocks[1:]
		}
		if n > 0 || len(p) == 0 {
			return n, nil
		}
	}
	return 0, io.EOF
}

func (r *spoolReader) Close() error {
	r.closed = true
	return nil
}
