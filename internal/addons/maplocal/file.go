package maplocal

import (
	"fmt"
	"io"
	"io/fs"
	"mime"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"midstream/flow"
	"midstream/hook"
)

// object is a file that can be sent.
type object struct {
	folder, name string
	size         int64
	changed      time.Time
}

// open looks at the file name below folder: only a regular file counts, and
// nothing that a link leads out of the folder to.
func open(folder, name string) (*object, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	st, err := root.Stat(name)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fs.ErrNotExist
	}
	return &object{folder, name, st.Size(), st.ModTime()}, nil
}

// answer makes the response to req: all of the file, or the one range of it that
// is asked for (RFC 9110 section 14). Nothing lets a cache keep it.
func (o *object) answer(req *flow.Request, server string) *hook.Response {
	var fields flow.Fields
	if server != "" {
		fields.Add("Server", server)
	}
	fields.Add("Content-Type", mediaType(o.name))
	fields.Add("Accept-Ranges", "bytes")
	fields.Add("Cache-Control", "no-store")
	if value := req.Fields.Get("Range"); value != "" && (req.Method == "GET") && !req.Fields.Has("If-Range") {
		switch from, n, ok := parseRange(value, o.size); {
		case ok && n > 0:
			fields.Add("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, from+n-1, o.size))
			return hook.MakeResponseFrom(206, fields, &piece{o, from, n})
		case ok:
			fields.Del("Content-Type")
			fields.Add("Content-Range", fmt.Sprintf("bytes */%d", o.size))
			return hook.MakeResponse(416, fields, nil)
		}
	}
	if req.Method == "HEAD" { // what GET would say (RFC 9110 section 9.3.2)
		fields.Add("Content-Length", strconv.FormatInt(o.size, 10))
	}
	return hook.MakeResponseFrom(200, fields, &piece{o, 0, o.size})
}

// parseRange reads a Range field with one range of bytes. n is 0 for a range that
// the file has nothing of; ok is false for what is not understood, which is to
// be passed over.
func parseRange(value string, size int64) (from, n int64, ok bool) {
	unit, spec, found := strings.Cut(value, "=")
	if !found || !flow.EqualFold(flow.TrimSpace(unit), "bytes") || strings.Contains(spec, ",") {
		return 0, 0, false
	}
	first, last, found := strings.Cut(flow.TrimSpace(spec), "-")
	if !found {
		return 0, 0, false
	}
	if first == "" {
		k, ok := position(last)
		if !ok {
			return 0, 0, false
		}
		k = min(k, size)
		return size - k, k, true
	}
	from, ok = position(first)
	if !ok {
		return 0, 0, false
	}
	end := size - 1
	if last != "" {
		l, ok := position(last)
		if !ok || l < from {
			return 0, 0, false
		}
		end = min(end, l)
	}
	if from >= size {
		return 0, 0, true
	}
	return from, end - from + 1, true
}

func position(s string) (int64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// types are those that do not depend on what a machine has installed.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".htm": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
	".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8", ".json": "application/json",
	".txt": "text/plain; charset=utf-8", ".xml": "application/xml", ".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg",
	".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp", ".ico": "image/x-icon", ".wasm": "application/wasm",
	".pdf": "application/pdf", ".mp4": "video/mp4", ".webm": "video/webm", ".mp3": "audio/mpeg", ".woff": "font/woff", ".woff2": "font/woff2",
	".m3u8": "application/vnd.apple.mpegurl", ".ts": "video/mp2t", ".zip": "application/zip", ".gz": "application/gzip",
}

func mediaType(name string) string {
	ext := strings.ToLower(path.Ext(name))
	if t := types[ext]; t != "" {
		return t
	}
	if t := mime.TypeByExtension(ext); t != "" {
		return t
	}
	return "application/octet-stream"
}

// piece is a part of a file as the body of a response.
type piece struct {
	o    *object
	from int64
	n    int64
}

// Len implements hook.Source.
func (p *piece) Len() int64 { return p.n }

// Open implements hook.Source. The file is opened with the first read: a response
// to HEAD has none.
func (p *piece) Open() (io.ReadCloser, error) { return &reading{p: p, left: p.n}, nil }

type reading struct {
	p    *piece
	f    *os.File
	left int64
}

func (r *reading) Read(b []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	if r.f == nil {
		f, err := r.p.o.open()
		if err != nil {
			return 0, err
		}
		if _, err := f.Seek(r.p.from, io.SeekStart); err != nil {
			f.Close()
			return 0, err
		}
		r.f = f
	}
	n, err := r.f.Read(b[:min(int64(len(b)), r.left)])
	r.left -= int64(n)
	if err == io.EOF && r.left > 0 {
		return n, fmt.Errorf("%s became shorter while it was sent", r.p.o.name)
	}
	if err == io.EOF {
		err = nil
	}
	return n, err
}

func (r *reading) Close() error {
	if r.f == nil {
		return nil
	}
	return r.f.Close()
}

func (o *object) open() (*os.File, error) {
	root, err := os.OpenRoot(o.folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Open(o.name)
}
