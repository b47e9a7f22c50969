package body

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"testing"

	"midstream/flow"
	"midstream/hook"
)

// repeat is a Reader of total bytes in pieces of p.
type repeat struct {
	p     []byte
	total int
	ready bool
}

func (r *repeat) Read(b []byte) (int, error) {
	if r.total <= 0 {
		return 0, io.EOF
	}
	n := copy(b, r.p)
	r.total -= n
	return n, nil
}
func (r *repeat) Ready() bool           { return r.ready }
func (r *repeat) Trailers() flow.Fields { return nil }
func (r *repeat) Cancel(error)          {}

type void struct{}

func (void) Write(p []byte) (int, error)     { return len(p), nil }
func (void) WriteMore(p []byte) (int, error) { return len(p), nil }
func (void) Close(flow.Fields) error         { return nil }
func (void) Abort(error)                     {}
func (void) Sending()                        {}
func (void) Piece([]byte)                    {}
func (void) Sent()                           {}

// benchRelay moves b.N pieces through one relay, so that allocations are those
// of a piece.
func benchRelay(b *testing.B, piece []byte, ready bool, wrap func(Reader) Reader) {
	src := wrap(&repeat{p: piece, total: b.N * len(piece), ready: ready})
	b.SetBytes(int64(len(piece)))
	b.ReportAllocs()
	b.ResetTimer()
	if _, err := Relay(context.Background(), void{}, src, void{}, RelayOptions{Buffers: new(Buffers)}); err != nil {
		b.Fatal(err)
	}
}

func through(b *testing.B, t hook.Transform) func(Reader) Reader {
	return func(src Reader) Reader { return Transformed(b.Context(), src, t, TransformOptions{}) }
}

func plainly(src Reader) Reader { return src }

func BenchmarkRelay(b *testing.B) {
	b.Run("32K", func(b *testing.B) { benchRelay(b, make([]byte, 32<<10), false, plainly) })
	b.Run("100", func(b *testing.B) { benchRelay(b, make([]byte, 100), false, plainly) })
	b.Run("100-ready", func(b *testing.B) { benchRelay(b, make([]byte, 100), true, plainly) })
}

func BenchmarkTransformed(b *testing.B) {
	b.Run("32K", func(b *testing.B) { benchRelay(b, make([]byte, 32<<10), false, through(b, identity{})) })
	b.Run("100", func(b *testing.B) { benchRelay(b, make([]byte, 100), false, through(b, identity{})) })
}

// page is 32 KiB of text in which "example.org" comes once a KiB.
var page = bytes.Repeat(append(bytes.Repeat([]byte("Lorem ipsum dolor sit amet, e. "), 32), "at example.org, https://example.com\n"...)[:1024], 32)

func BenchmarkReplace(b *testing.B) {
	for name, old := range map[string]string{"rare": "nowhere", "one-a-KiB": "example.org", "dense": "or"} {
		b.Run(name, func(b *testing.B) {
			benchRelay(b, page, false, through(b, Replace([]byte(old), []byte("EXAMPLE.NET"))))
		})
	}
}

func BenchmarkRewrite(b *testing.B) {
	for name, pattern := range map[string]string{"prefix": `example\.[a-z]+`, "class": `[A-Z][a-z]+ ipsum`, "fold": `(?i)example\.org`, "nothing-to-skip": `\b\w+\.org\b`} {
		b.Run(name, func(b *testing.B) {
			benchRelay(b, page, false, through(b, replaceRegexp(regexp.MustCompile(pattern), []byte("<$0>"))))
		})
		b.Run(name+"-regexp", func(b *testing.B) { // the same by package regexp, for comparison
			re := regexp.MustCompile(pattern)
			b.SetBytes(int64(len(page)))
			for b.Loop() {
				re.ReplaceAll(page, []byte("<$0>"))
			}
		})
	}
}

func BenchmarkLines(b *testing.B) {
	benchRelay(b, page, false, through(b, Lines(func(line []byte) ([]byte, error) { return line, nil })))
}

func BenchmarkCoded(b *testing.B) {
	for _, name := range []string{"gzip", "br", "zstd"} {
		b.Run(name, func(b *testing.B) {
			benchRelay(b, page, false, func(src Reader) Reader {
				src, err := Encoded(src, name)
				if err != nil {
					b.Fatal(err)
				}
				if src, err = Decoded(src, name); err != nil {
					b.Fatal(err)
				}
				return src
			})
		})
	}
}
