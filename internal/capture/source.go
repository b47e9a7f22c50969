package capture

import (
	"bufio"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"midstream/internal/format"
	"midstream/internal/format/har"
	"midstream/internal/format/mitm"
	"midstream/internal/format/tnet"
)

// Source gives flows one by one.
type Source interface {
	// Next returns the next flow, io.EOF behind the last. A *Damaged names one
	// flow that cannot be read, and may come with what is left of it; Next goes
	// on behind it. Any other error ends the source.
	Next() (*format.Item, error)
	// Progress is how much of the source was read: of how many octets, or flows.
	Progress() (done, of int64)
	Close() error
}

// Damaged says that one flow of a source cannot be read, or not whole.
type Damaged struct{ Err error }

func (d *Damaged) Error() string { return d.Err.Error() }

func (d *Damaged) Unwrap() error { return d.Err }

// Open opens what lies at path; "-" is stdin. kind says what it is; "" finds out.
func Open(ctx context.Context, path string, kind Kind, stdin io.Reader) (Source, error) {
	if path == "-" {
		return openPipe(stdin, kind)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read flows: %w", err)
	}
	if info.IsDir() || kind == Session {
		return openSession(ctx, path)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read flows from %s: it is no regular file; - reads stdin", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read flows: %w", err)
	}
	s, err := openFile(f, info.Size(), kind)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("read flows from %s: %w", path, err)
	}
	return s, nil
}

// openPipe reads what comes into a temporary file first, but flows of a flow
// file as they come.
func openPipe(stdin io.Reader, kind Kind) (Source, error) {
	in := bufio.NewReaderSize(stdin, 64<<10)
	if kind == "" {
		head, err := in.Peek(512)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, fmt.Errorf("read flows from stdin: %w", err)
		}
		if kind, err = detect(format.Octets(head)); err != nil {
			return nil, fmt.Errorf("read flows from stdin: %w", err)
		}
	}
	if kind == Mitm {
		return &pipe{in: in}, nil
	}
	var s spool
	b, err := s.add(in)
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("read flows from stdin: %w", err)
	}
	file, err := openFile(s.file, b.Size(), kind)
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("read flows from stdin: %w", err)
	}
	return file, nil
}

// file is a source that is one file.
type file struct {
	f      *os.File
	bodies spool
	whole  spool // of a zlib stream, what it holds
	size   int64
	next   func() (*format.Item, error)
	offset func() int64
}

func openFile(f *os.File, size int64, kind Kind) (Source, error) {
	var src io.ReaderAt = f
	if kind == "" {
		var err error
		if kind, err = detect(f); err != nil {
			return nil, err
		}
	}
	s := &file{f: f, size: size}
	if kind == ZHAR {
		z, err := zlib.NewReader(io.NewSectionReader(f, 0, size))
		if err != nil {
			return nil, fmt.Errorf("it is no zlib stream: %w", err)
		}
		b, err := s.whole.add(z)
		if err != nil {
			s.whole.Close()
			return nil, fmt.Errorf("its zlib stream: %w", err)
		}
		src, s.size = b, b.Size()
	}
	switch kind {
	case HAR, ZHAR:
		r := har.NewReader(src, s.size, s.bodies.add)
		s.next, s.offset = r.Next, r.Offset
	case Mitm:
		r := mitm.NewReader(src, s.size)
		s.next, s.offset = r.Next, r.Offset
	default:
		return nil, fmt.Errorf("a file is no %s", kind)
	}
	return s, nil
}

func (s *file) Next() (*format.Item, error) {
	s.bodies.reset()
	it, err := s.next()
	return it, passable(it, err)
}

// passable makes a Damaged of an error behind which more flows may come.
func passable(it *format.Item, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	_, one := errors.AsType[*mitm.Damaged](err)
	_, other := errors.AsType[*har.Damaged](err)
	if one || other || it != nil {
		return &Damaged{err}
	}
	return err
}

func (s *file) Progress() (done, of int64) { return s.offset(), s.size }

func (s *file) Close() error {
	return errors.Join(s.bodies.Close(), s.whole.Close(), s.f.Close())
}

// pipe reads the flows of a flow file as they come.
type pipe struct {
	in    *bufio.Reader
	flows spool
	count int
	done  int64
	own   mitm.Reader
}

func (p *pipe) Next() (*format.Item, error) {
	p.flows.reset()
	element, err := p.element()
	if err != nil {
		return nil, err
	}
	p.count++
	p.own.Continue(element, element.Size())
	it, err := p.own.Next()
	p.done += element.Size()
	return it, passable(it, err)
}

// element takes the next element out of the pipe.
func (p *pipe) element() (format.Body, error) {
	length, n, err := peekPrefix(p.in)
	if err != nil || n == 0 {
		if err == nil {
			err = io.EOF
		}
		if err != io.EOF {
			err = fmt.Errorf("read flows from stdin: flow %d, at byte %d: %w", p.count+1, p.done, err)
		}
		return nil, err
	}
	b, err := p.flows.add(io.LimitReader(p.in, int64(n)+length+1))
	if err != nil {
		return nil, fmt.Errorf("read flows from stdin: %w", err)
	}
	return b, nil
}

func (p *pipe) Progress() (done, of int64) { return p.done, 0 }

func (p *pipe) Close() error { return p.flows.Close() }

// peekPrefix reads the length in front of an element, which stays in the pipe.
func peekPrefix(in *bufio.Reader) (length int64, n int, err error) {
	head, err := in.Peek(16)
	if len(head) == 0 {
		return 0, 0, err
	}
	if length, n, err = tnet.Prefix(head); err == nil && n == 0 {
		err = tnet.ErrCut
	}
	return length, n, err
}
