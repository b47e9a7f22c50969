package har

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"midstream/internal/format"
)

// Spool keeps what r gives where it costs no memory, until the source that asks
// for it is closed.
type Spool func(r io.Reader) (format.Body, error)

// Reader reads the entries of a HAR one by one.
type Reader struct {
	s     scanner
	spool Spool
	state state
	count int
}

type state uint8

const (
	atStart   state = iota
	inEntries       // before an entry, or the end of the list
	done
)

// NewReader reads the size octets of src. Bodies above 64 KiB go to spool.
func NewReader(src io.ReaderAt, size int64, spool Spool) *Reader {
	return &Reader{s: scanner{src: io.NewSectionReader(src, 0, size), size: size}, spool: spool}
}

// Offset is how far the file has been read, in octets.
func (r *Reader) Offset() int64 { return r.s.offset() }

// Next returns the next entry, io.EOF behind the last. A Damaged can be passed
// over: call Next again. Any other error ends the file.
func (r *Reader) Next() (*format.Item, error) {
	if r.state == atStart {
		if err := r.open(); err != nil {
			r.state = done
			return nil, err
		}
	}
	if r.state == done {
		return nil, io.EOF
	}
	b, err := r.s.token()
	if err == nil && r.count > 0 {
		switch b {
		case ',':
			r.s.pos++
			b, err = r.s.token()
		case ']':
		default:
			err = r.s.wrong("%q where ',' or ']' was expected", b)
		}
	}
	if err == nil && b == ']' {
		r.state = done
		return nil, io.EOF
	}
	r.count++
	from := r.s.offset()
	var v value
	if err == nil {
		r.s.values = 0
		v, err = r.s.value(0)
	}
	if err != nil {
		r.state = done
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("the file ends inside entry %d, which begins at byte %d", r.count, from)
		}
		return nil, err
	}
	it, err := r.item(&v)
	if err != nil {
		return nil, &Damaged{Entry: r.count, Offset: from, Err: err}
	}
	return it, nil
}

// Damaged is an entry that is no exchange that can be read.
type Damaged struct {
	Entry  int   // which one, from 1
	Offset int64 // where it begins
	Err    error
}

func (d *Damaged) Error() string {
	return fmt.Sprintf("entry %d, at byte %d of the file: %v", d.Entry, d.Offset, d.Err)
}

func (d *Damaged) Unwrap() error { return d.Err }

// errFound ends the search for the entries.
var errFound = errors.New("found")

// open finds the list of entries.
func (r *Reader) open() error {
	var mark [3]byte
	if n, _ := r.s.src.ReadAt(mark[:], 0); n == 3 && string(mark[:]) == "\xef\xbb\xbf" {
		if err := r.s.fill(3); err != nil {
			return errors.New("the file is empty")
		}
	}
	if b, err := r.s.token(); err != nil || b != '{' {
		return errors.New("the file is no HAR: it does not begin with a JSON object")
	}
	err := r.s.object(func(name string) error {
		if name != "log" {
			r.s.values = 0
			_, err := r.s.value(1)
			return err
		}
		return r.s.object(func(name string) error {
			if name != "entries" {
				r.s.values = 0
				_, err := r.s.value(2)
				return err
			}
			if err := r.s.expect('['); err != nil {
				return err
			}
			return errFound
		})
	})
	switch {
	case errors.Is(err, errFound):
		r.state = inEntries
		return nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the file is no HAR, or is cut off before its first entry")
	case err != nil:
		return fmt.Errorf("the file is no HAR: %w", err)
	}
	return errors.New("the file is no HAR: it has no log with entries")
}

// content is the octets of a string of a HAR, encoded as encoding says.
func (r *Reader) content(v *value, encoding string) (format.Body, error) {
	if v == nil || v.kind != 's' {
		return format.Octets(nil), nil
	}
	coded := strings.EqualFold(encoding, "base64")
	if v.ref == nil {
		if !coded {
			return format.Octets(v.text), nil
		}
		p, err := io.ReadAll(decodeBase64(strings.NewReader(v.text)))
		if err != nil {
			return nil, fmt.Errorf("its base64 is damaged: %w", err)
		}
		return format.Octets(p), nil
	}
	var in io.Reader = &unescaper{r: io.NewSectionReader(v.ref, 0, v.ref.Size())}
	if coded {
		in = decodeBase64(in)
	}
	b, err := r.spool(in)
	if err != nil {
		return nil, fmt.Errorf("keep a body of %d octets: %w", v.ref.Size(), err)
	}
	return b, nil
}

// decodeBase64 takes both alphabets, with padding or without, and white space.
func decodeBase64(r io.Reader) io.Reader {
	return base64.NewDecoder(base64.RawStdEncoding, &plainBase64{r: r})
}

type plainBase64 struct{ r io.Reader }

func (b *plainBase64) Read(p []byte) (int, error) {
	for {
		n, err := b.r.Read(p)
		kept := bytes.Map(func(c rune) rune {
			switch c {
			case '-':
				return '+'
			case '_':
				return '/'
			case '=', '\n', '\r', ' ', '\t':
				return -1
			}
			return c
		}, p[:n])
		n = copy(p, kept)
		if n > 0 || err != nil {
			return n, err
		}
	}
}
