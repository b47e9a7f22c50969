package capture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// leftover is how old what Unpack made is when it belongs to nobody any more.
const leftover = 24 * time.Hour

// Unpacking says how Unpack reads.
type Unpacking struct {
	// Under is the folder that sessions are made in; what a process that was killed
	// left there is removed a day later.
	Under string
	// UpTo is the number of the last flow that is wanted, 0 for all.
	UpTo uint64
	// Step, if not nil, is called behind each flow, and Told with each damage.
	Step func()
	Told func(error)
}

// Unpack makes a session of what src has: the number of a flow is its place in
// src. The caller removes the folder dir; damaged is how many flows could not be
// read, or not whole.
func Unpack(ctx context.Context, src Source, o Unpacking) (dir string, damaged int, err error) {
	if err := os.MkdirAll(o.Under, 0o700); err != nil {
		return "", 0, fmt.Errorf("read flows: %w", err)
	}
	sweep(o.Under, time.Now().Add(-leftover))
	if dir, err = os.MkdirTemp(o.Under, "flows-*"); err != nil {
		return "", 0, fmt.Errorf("read flows: %w", err)
	}
	dst, err := OpenSession(filepath.Join(dir, "session"))
	if err == nil {
		damaged, err = fill(ctx, src, dst, o)
		err = errors.Join(err, dst.Close())
	}
	if err != nil {
		os.RemoveAll(dir)
		return "", damaged, err
	}
	return dir, damaged, nil
}

// fill writes what src has to dst.
func fill(ctx context.Context, src Source, dst Sink, o Unpacking) (damaged int, err error) {
	for n := uint64(0); o.UpTo == 0 || n < o.UpTo; {
		if ctx.Err() != nil {
			return damaged, context.Cause(ctx)
		}
		it, err := src.Next()
		if err == io.EOF {
			return damaged, nil
		}
		if err != nil {
			if _, passable := errors.AsType[*Damaged](err); !passable && n == 0 {
				return damaged, err
			} else if damaged++; o.Told != nil {
				o.Told(err)
			}
			if _, passable := errors.AsType[*Damaged](err); !passable {
				return damaged, nil // what came before it is there
			}
			if it == nil {
				continue
			}
		}
		if _, err := dst.Write(it); err != nil {
			return damaged, err
		}
		n++
		if o.Step != nil {
			o.Step()
		}
	}
	return damaged, nil
}

// sweep removes what was made in dir before a time.
func sweep(dir string, before time.Time) {
	list, _ := os.ReadDir(dir)
	for _, e := range list {
		if info, err := e.Info(); err == nil && info.ModTime().Before(before) {
			os.RemoveAll(filepath.Join(dir, e.Name()))
		}
	}
}
