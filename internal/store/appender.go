package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// The sizes at which a segment is sealed and the next one begun.
const (
	bodiesRoll   = 256 << 20
	headsRoll    = 64 << 20
	smallestRoll = 256 << 10
)

// asyncWriter writes while its caller waits without holding a thread.
type asyncWriter interface {
	write(f *os.File, vector [][]byte, at int64) error
	close()
}

// extendBy is which part of its final size a segment is made longer by at a time:
// the kernel writes past the end of a file only while its caller holds a thread.
const extendBy = 64

// appender writes one stream of segments. It belongs to the writer.
type appender struct {
	dir     string
	stream  uint8
	session [8]byte
	roll    int64

	number uint32
	at     int64 // where the next record goes
	file   *os.File
	direct *os.File // past the page cache; nil where that cannot be had
	async  asyncWriter
	size   int64 // of the file: from at on it may be octets to come
	tail   *tail // told of at; nil for heads

	seals   sync.WaitGroup // sealed segments on their way to the disk
	sealErr func(error)
	fault   func() error // for tests: an error of the disk
}

// pos is where the next record goes.
func (a *appender) pos() Pos { return posOf(a.number, a.at) }

// open continues the segment number at offset at, or begins it where at is 0.
// What the file holds beyond at is cut off.
func (a *appender) open(number uint32, at int64) error {
	path := segmentPath(a.dir, a.stream, number)
	flags := os.O_RDWR | os.O_CREATE
	if at == 0 {
		flags |= os.O_EXCL
	}
	if err := a.broken(); err != nil {
		return fmt.Errorf("open segment %s: %w", path, err)
	}
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return fmt.Errorf("open segment: %w", err)
	}
	err = f.Chmod(0o600)
	if errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	if err == nil {
		err = f.Truncate(at)
	}
	if err == nil && at == 0 {
		_, err = f.Write(appendSegmentHeader(nil, a.stream, number, a.session))
		at = segmentHeader
	}
	if err != nil {
		f.Close()
		if flags&os.O_EXCL != 0 {
			os.Remove(path) // it is begun again when the disk takes it
		}
		return fmt.Errorf("open segment %s: %w", path, err)
	}
	a.file, a.number, a.at, a.size = f, number, at, at
	if a.stream == bodiesStream {
		a.direct = openDirect(path)
	}
	a.tail.set(a.pos())
	return nil
}

func (a *appender) broken() error {
	if a.fault == nil {
		return nil
	}
	return a.fault()
}

// failed says of which segment err is, once: what the system says names it too.
func (a *appender) failed(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return fmt.Errorf("write segment %s: %w", segmentPath(a.dir, a.stream, a.number), err)
}

// write appends p through the page cache. After an error nothing was appended:
// the same may be written again.
func (a *appender) write(p []byte) error {
	err := a.broken()
	if err == nil {
		_, err = a.file.WriteAt(p, a.at)
	}
	if err != nil {
		return a.failed(err)
	}
	a.at += int64(len(p))
	a.size = max(a.size, a.at)
	a.tail.set(a.pos())
	return nil
}

// probe tells whether the disk takes something again, and removes what an
// earlier write may have left behind the last record.
func (a *appender) probe() error {
	err := a.broken()
	if err == nil {
		err = a.trim()
	}
	if err == nil {
		_, err = a.file.WriteAt(make([]byte, alignment), a.at)
		err = errors.Join(err, a.file.Truncate(a.at))
	}
	if err != nil {
		return a.failed(err)
	}
	return nil
}

// alignedPos is where writeAligned would write.
func (a *appender) alignedPos() int64 { return (a.at + alignment - 1) &^ (alignment - 1) }

// writeAligned appends the buffers, whose addresses and lengths are aligned, at
// alignedPos; past the page cache where that can be had.
func (a *appender) writeAligned(vector [][]byte) error {
	at := a.alignedPos()
	f := a.file
	if a.direct != nil {
		f = a.direct
	}
	err := a.broken()
	if err == nil && f == a.direct && a.async != nil {
		if err = a.reach(at, vector); err == nil {
			err = a.async.write(f, vector, at)
		}
	} else if err == nil {
		err = writeVector(f, vector, at)
	}
	if err != nil {
		if f != a.direct || !unsupportedDirect(err) {
			return a.failed(err)
		}
		a.direct.Close()
		a.direct = nil
		return a.writeAligned(vector)
	}
	for _, p := range vector {
		at += int64(len(p))
	}
	a.at = at
	a.size = max(a.size, at)
	a.tail.set(a.pos())
	return nil
}

// reach makes the file long enough for the buffers at offset at.
func (a *appender) reach(at int64, vector [][]byte) error {
	for _, p := range vector {
		at += int64(len(p))
	}
	if at <= a.size {
		return nil
	}
	size := at + a.roll/extendBy
	err := extend(a.file, a.size, size)
	if err != nil {
		size = at
		err = extend(a.file, a.size, size)
	}
	if err == nil {
		a.size = size
	}
	return err
}

// trim cuts off what the file has behind the last record.
func (a *appender) trim() error {
	if err := a.file.Truncate(a.at); err != nil {
		return err
	}
	a.size = a.at
	return nil
}

// writeEach writes the buffers one after the other.
func writeEach(f *os.File, vector [][]byte, at int64) error {
	for _, p := range vector {
		if _, err := f.WriteAt(p, at); err != nil {
			return err
		}
		at += int64(len(p))
	}
	return nil
}

// due tells whether the segment has reached its size.
func (a *appender) due() bool { return a.at >= a.roll }

// next seals the segment and begins the one after it. The seal is brought to
// the disk beside: sealErr is told of its failure. After an error the segment
// goes on.
func (a *appender) next() error {
	f, direct := a.file, a.direct
	if a.size > a.at {
		if err := a.trim(); err != nil {
			return fmt.Errorf("seal segment: %w", err)
		}
	}
	if err := a.open(a.number+1, 0); err != nil {
		return err
	}
	if direct != nil {
		direct.Close()
	}
	a.seals.Add(1)
	go func() {
		defer a.seals.Done()
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			a.sealErr(fmt.Errorf("seal segment: %w", err))
		}
	}()
	return nil
}

// close brings everything to the disk.
func (a *appender) close() error {
	if a.direct != nil {
		a.direct.Close()
		a.direct = nil
	}
	if a.async != nil {
		a.async.close()
		a.async = nil
	}
	a.tail.close()
	var err error
	if a.file != nil {
		if a.size > a.at {
			err = a.trim()
		}
		err = errors.Join(err, a.file.Sync(), a.file.Close())
		a.file = nil
	}
	a.seals.Wait()
	if err != nil {
		return fmt.Errorf("close segment: %w", err)
	}
	return nil
}

// makeFolder makes dir, 0700 whatever the umask.
func makeFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return &fs.PathError{Op: "open", Path: dir, Err: errors.New("not a folder")}
	}
	return os.Chmod(dir, 0o700)
}

func makeStreamFolder(dir string, stream uint8) error {
	return makeFolder(filepath.Join(dir, streamFolder(stream)))
}
