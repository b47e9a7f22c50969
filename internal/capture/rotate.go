package capture

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"midstream/internal/format"
)

// Rotating is a flow file whose name may hold a time: when that changes, another
// file is begun.
type Rotating struct {
	pattern string
	stdout  io.Writer
	o       Options
	now     func() time.Time
	name    string
	file    Sink
}

// OpenRotating opens a flow file. "+" in front of its name adds to what is there,
// otherwise that is replaced; % and a letter stand for parts of the time, as
// strftime has them. Folders that are not there are made.
func OpenRotating(name string, stdout io.Writer, o Options, now func() time.Time) (*Rotating, error) {
	if rest, ok := strings.CutPrefix(name, "+"); ok {
		name, o.Append = rest, true
	}
	if name == "" {
		return nil, errors.New("there is no name of a file behind the +")
	}
	o.Grow = !o.Append
	r := &Rotating{pattern: name, stdout: stdout, o: o, now: now}
	if _, err := strftime(name, now()); err != nil {
		return nil, fmt.Errorf("the name %q: %w", name, err)
	}
	return r, r.turn()
}

// turn opens the file of now, where that is another one.
func (r *Rotating) turn() error {
	name, err := strftime(r.pattern, r.now())
	if err != nil || name == r.name {
		return err
	}
	if r.file != nil {
		if err := r.file.Close(); err != nil {
			return err
		}
		r.file = nil
	}
	if dir := filepath.Dir(name); dir != "." {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("write flows to %s: %w", name, err)
		}
	}
	r.file, err = Create(name, Mitm, r.stdout, r.o)
	if err == nil {
		r.name = name
	}
	return err
}

// Write adds a flow to the file of now.
func (r *Rotating) Write(it *format.Item) ([]string, error) {
	if err := r.turn(); err != nil {
		return nil, err
	}
	return r.file.Write(it)
}

// Close closes the file.
func (r *Rotating) Close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}

// Abort closes the file; what was written stays.
func (r *Rotating) Abort() { _ = r.Close() }

// strftime puts parts of t in the place of % and a letter. An unknown letter is
// an error.
func strftime(pattern string, t time.Time) (string, error) {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '%' {
			b.WriteByte(pattern[i])
			continue
		}
		if i++; i == len(pattern) {
			return "", fmt.Errorf("a %% at its end: write %%%% for one")
		}
		switch c := pattern[i]; c {
		case '%':
			b.WriteByte('%')
		case 'j':
			fmt.Fprintf(&b, "%03d", t.YearDay())
		case 's':
			fmt.Fprint(&b, t.Unix())
		case 'f':
			fmt.Fprintf(&b, "%06d", t.Nanosecond()/1000)
		case 'V':
			_, week := t.ISOWeek()
			fmt.Fprintf(&b, "%02d", week)
		case 'w':
			fmt.Fprint(&b, int(t.Weekday()))
		case 'u':
			fmt.Fprint(&b, (int(t.Weekday())+6)%7+1)
		default:
			layout := layouts[c]
			if layout == "" {
				return "", fmt.Errorf("%%%c is no part of a time that is known (%%Y %%m %%d %%H %%M %%S and others of strftime)", c)
			}
			b.WriteString(t.Format(layout))
		}
	}
	return b.String(), nil
}

// layouts are the parts that time.Format has.
var layouts = map[byte]string{
	'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'e': "_2", 'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM", 'a': "Mon", 'A': "Monday",
	'b': "Jan", 'h': "Jan", 'B': "January", 'Z': "MST", 'z': "-0700", 'F': "2006-01-02", 'T': "15:04:05", 'R': "15:04", 'D': "01/02/06", 'c': "Mon Jan _2 15:04:05 2006",
}
