package api

import (
	"context"
	"os"
	"sync"
	"time"

	"midstream/internal/flowview"
	body "midstream/internal/view"
)

// definitions is the file of the option protobuf_definitions, read when it is needed
// and again when it was changed. The zero value has read none.
type definitions struct {
	mu     sync.Mutex // guards the rest
	path   string
	at     time.Time
	schema *body.Schema
	err    error
}

// of returns the names in a file, nil where path is "".
func (d *definitions) of(ctx context.Context, path string) (*body.Schema, error) {
	if path == "" {
		return nil, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if path != d.path || !info.ModTime().Equal(d.at) {
		d.path, d.at = path, info.ModTime()
		d.schema, d.err = flowview.Definitions(context.WithoutCancel(ctx), path)
	}
	return d.schema, d.err
}
