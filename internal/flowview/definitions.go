package flowview

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"midstream/internal/view"
)

// Definitions reads a .proto file and what it imports, from its folder.
func Definitions(ctx context.Context, name string) (*view.Schema, error) {
	dir := filepath.Dir(name)
	return view.Compile(ctx, filepath.Base(name), func(path string) (io.ReadCloser, error) {
		return os.Open(filepath.Join(dir, filepath.FromSlash(path)))
	})
}
