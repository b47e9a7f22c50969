package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"midstream/internal/capture"
	"midstream/internal/flowview"
	"midstream/internal/store"
)

// unpacked is the folder under confdir in which files are read.
const unpacked = "reading"

// recording is what a command reads: a session, or one that was made of a file
// and goes when it is closed.
type recording struct {
	*store.Reader
	file    string // that it was made of
	folder  string // that goes
	damaged int    // flows of the file that could not be read whole
}

// Close closes the session. What was made of a file is removed.
func (r *recording) Close() error {
	err := r.Reader.Close()
	if r.folder != "" {
		err = errors.Join(err, os.RemoveAll(r.folder))
	}
	return err
}

// all says of what was done with all flows that some could not be read.
func (r *recording) all(err error) error {
	if err == nil && r.damaged > 0 {
		return partialError("%s of %s could not be read, or not whole: see above", plural(r.damaged, "flow"), r.file)
	}
	return err
}

// readFile makes a session of a flow file or an archive, up to a flow.
func (c *flowsCommand) readFile(ctx context.Context, path string, upTo uint64) (*recording, error) {
	reg, err := loadFor(c.env, c.confdir, nil)
	if err != nil {
		return nil, err
	}
	ctx, stop := untilSignalTold(ctx, c.env, func(os.Signal) {})
	defer stop()
	src, err := capture.Open(ctx, path, "", c.env.stdin)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	bar := newProgress(c.env)
	defer bar.done()
	dir, damaged, err := capture.Unpack(ctx, src, capture.Unpacking{
		Under: filepath.Join(reg.Path("confdir"), unpacked), UpTo: upTo,
		Step: func() { bar.show(src.Progress) },
		Told: func(err error) {
			bar.done()
			fmt.Fprintln(c.env.stderr, oneLine(err.Error()))
		},
	})
	if err != nil {
		return nil, err
	}
	r, err := store.OpenReader(filepath.Join(dir, "session"))
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return &recording{Reader: r, file: path, folder: dir, damaged: damaged}, nil
}

// recording opens what a command reads, and in it what is needed to know the
// flow id; "" for all. dir is the session or file that a flow's name has.
func (c *flowsCommand) recording(ctx context.Context, dir, id string) (*recording, error) {
	switch {
	case c.file != "" && c.session != "":
		return nil, usageError("-r and --session name two recordings: give one of them")
	case c.file != "" && dir != "" && dir != c.file:
		return nil, usageError("the flow's name and -r name two recordings: give one of them")
	case c.file != "":
		dir = c.file
	}
	if dir != "" && isFile(dir) || c.file != "" && !isFolder(c.file) {
		if c.session != "" {
			return nil, usageError("the flow's name and --session name two recordings: give one of them")
		}
		upTo, err := strconv.ParseUint(id, 10, 63)
		if err != nil {
			upTo = 0
		}
		return c.readFile(ctx, dir, upTo)
	}
	r, err := c.reader(dir)
	if err != nil {
		return nil, err
	}
	return &recording{Reader: r}, nil
}

// isFile tells whether path is to be read as a file: all but folders, and what is
// not there.
func isFile(path string) bool {
	info, err := os.Stat(path)
	return path == "-" || err == nil && !info.IsDir()
}

// isFolder tells whether path is to be read as a session.
func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// changeable refuses to change a file.
func (c *flowsCommand) changeable(words []string) error {
	file := c.file
	if len(words) == 1 && file == "" {
		if dir, _ := flowview.SplitName(words[0]); dir != "" && isFile(dir) {
			file = dir
		}
	}
	if file != "" {
		return usageError("%s is read and not changed: midstream convert makes a session of it, which can be", file)
	}
	return nil
}
