package capture

import (
	"bufio"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"midstream/internal/format"
	"midstream/internal/format/har"
	"midstream/internal/format/mitm"
)

// Sink takes flows one by one.
type Sink interface {
	// Write adds a flow, and tells what the kind has no place for.
	Write(*format.Item) (lost []string, err error)
	// Close makes what was written whole, and gives a file its name.
	Close() error
	// Abort gives up: a file that was not there before is not there afterwards.
	Abort()
}

// Options say how a file is written. The zero value is right for most.
type Options struct {
	// Version of a flow file; 0 is the newest.
	Version int64
	// Creator and CreatorVersion are what an archive says it was made by.
	Creator, CreatorVersion string
	// Replace allows a file to be there already. Append adds to it, and Grow gives
	// it its name from the start: flow files only, which are whole after each flow.
	Replace, Append, Grow bool
	// Read are files that are being read: Grow does not begin one of them anew.
	Read []string
}

// ErrExists says that a file is there already.
var ErrExists = errors.New("it is there already; --force replaces it")

// Create makes a file of flows at path; "-" is stdout. What is written has
// another name until Close.
func Create(path string, kind Kind, stdout io.Writer, o Options) (Sink, error) {
	if o.Version == 0 {
		o.Version = mitm.Version
	}
	if err := mitm.ParseVersion(o.Version); err != nil {
		return nil, err
	}
	if (o.Append || o.Grow) && kind != Mitm {
		return nil, fmt.Errorf("add flows to %s: they can be added to a flow file only, not to a %s", path, kind)
	}
	out, err := openOutput(path, stdout, o)
	if err != nil {
		return nil, fmt.Errorf("write flows to %s: %w", path, err)
	}
	switch kind {
	case Mitm:
		w := mitm.NewWriter(out, o.Version)
		return &sink{output: out, write: w.Write}, nil
	case HAR, ZHAR:
		var to io.Writer = out
		var z *zlib.Writer
		if kind == ZHAR {
			z = zlib.NewWriter(out)
			to = z
		}
		w := har.NewWriter(to, o.Creator, o.CreatorVersion)
		return &sink{output: out, write: w.Write, end: func() error {
			err := w.Close()
			if z != nil {
				err = errors.Join(err, z.Close())
			}
			return err
		}}, nil
	}
	out.abort()
	return nil, fmt.Errorf("write flows to %s: a file is no %s", path, kind)
}

// sink is a sink that is one file.
type sink struct {
	*output
	write func(*format.Item) ([]string, error)
	end   func() error
}

func (s *sink) Write(it *format.Item) ([]string, error) { return s.write(it) }

func (s *sink) Close() error {
	var err error
	if s.end != nil {
		err = s.end()
	}
	if err != nil {
		s.abort()
		return err
	}
	return s.finish()
}

func (s *sink) Abort() { s.abort() }

// output is a file that has another name until it is whole.
type output struct {
	w     io.Writer
	file  *os.File // nil for stdout
	name  string
	final string // "" where the file has its name already
}

func openOutput(path string, stdout io.Writer, o Options) (*output, error) {
	if path == "-" {
		return &output{w: stdout}, nil
	}
	if o.Append || o.Grow {
		how := os.O_APPEND
		switch {
		case o.Append:
			if err := takesFlows(path); err != nil {
				return nil, err
			}
		case slices.ContainsFunc(o.Read, func(other string) bool { return sameFile(path, other) }):
			return nil, errors.New("it is being read and would be lost: give another name, or + in front of it to add to it")
		default:
			how = os.O_TRUNC
		}
		f, err := os.OpenFile(path, os.O_WRONLY|how|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		return &output{w: f, file: f, name: path}, nil
	}
	info, err := os.Lstat(path)
	switch {
	case err == nil && !info.Mode().IsRegular() && info.Mode()&os.ModeSymlink == 0:
		// A device or a named pipe is written as it is.
		if info.IsDir() {
			return nil, errors.New("it is a folder")
		}
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return nil, err
		}
		return &output{w: f, file: f, name: path}, nil
	case err == nil && !o.Replace:
		return nil, ErrExists
	case err == nil:
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return nil, err
	}
	return &output{w: f, file: f, name: f.Name(), final: path}, nil
}

// takesFlows fails for a file that is there and to which no flows can be added.
func takesFlows(path string) error {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil // that is told when it is opened
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	if kind, err := detect(f); err != nil || kind != Mitm {
		return errors.New("it is there already and is no flow file, so nothing can be added to it")
	}
	return nil
}

func sameFile(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && x.Mode().IsRegular() && os.SameFile(x, y)
}

func (o *output) Write(p []byte) (int, error) { return o.w.Write(p) }

func (o *output) finish() error {
	if o.file == nil {
		if b, ok := o.w.(*bufio.Writer); ok {
			return b.Flush()
		}
		return nil
	}
	err := o.file.Close()
	if err == nil && o.final != "" {
		err = os.Rename(o.name, o.final)
	}
	if err != nil {
		if o.final != "" {
			os.Remove(o.name)
		}
		return fmt.Errorf("write flows: %w", err)
	}
	return nil
}

func (o *output) abort() {
	if o.file != nil {
		o.file.Close()
		if o.final != "" {
			os.Remove(o.name)
		}
	}
}
