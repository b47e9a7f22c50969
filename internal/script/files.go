package script

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/dop251/goja"
)

// maxFiles bounds the files that one engine has open.
const maxFiles = 256

// openFiles are those that a script has open. Writing waits for the disk, and with
// it the flow whose function writes: a slow disk slows the body down.
type openFiles struct {
	mu     sync.Mutex // guards the rest
	list   map[*os.File]struct{}
	closed bool
}

// open opens a file to write, and makes the folders that it is to lie in.
func (s *openFiles) open(path string, how int) (*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, fmt.Errorf("open %s: the script has ended", path)
	case len(s.list) >= maxFiles:
		return nil, fmt.Errorf("open %s: the script has %d files open already: close those that are done", path, maxFiles)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|how, 0o600)
	if err != nil {
		return nil, err
	}
	if s.list == nil {
		s.list = make(map[*os.File]struct{})
	}
	s.list[f] = struct{}{}
	return f, nil
}

func (s *openFiles) close(f *os.File) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.list[f]; !ok {
		return nil
	}
	delete(s.list, f)
	return f.Close()
}

// end closes all that a script has left open; it opens no more.
func (s *openFiles) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for f := range s.list {
		f.Close()
	}
	s.list = nil
}

// filesNamespace is the global files. A path is relative to the folder that midstream
// was started in.
func (e *engine) filesNamespace() *goja.Object {
	ns := e.vm.NewObject()
	set := func(name string, how int) {
		ns.Set(name, func(fc goja.FunctionCall) goja.Value {
			path, ok := fc.Argument(0).Export().(string)
			if !ok || path == "" {
				panic(e.typeError("files.%s takes a path", name))
			}
			f, err := e.files.open(path, how)
			if err != nil {
				panic(e.failure(err))
			}
			return e.fileObject(path, f)
		})
	}
	set("create", os.O_TRUNC)
	set("append", os.O_APPEND)
	return ns
}

func (e *engine) fileObject(path string, f *os.File) goja.Value {
	o := e.vm.NewObject()
	o.DefineDataProperty("path", e.vm.ToValue(path), goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_TRUE)
	o.Set("write", func(fc goja.FunctionCall) goja.Value {
		p, ok := e.bytesOrText(fc.Argument(0))
		if !ok {
			panic(e.typeError("write takes bytes or a string, not %s", kindOf(fc.Argument(0))))
		}
		if _, err := f.Write(p); err != nil {
			panic(e.failure(err))
		}
		return goja.Undefined()
	})
	o.Set("close", func(goja.FunctionCall) goja.Value {
		if err := e.files.close(f); err != nil {
			panic(e.failure(err))
		}
		return goja.Undefined()
	})
	return o
}
