package coding

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"
)

var codings = []string{"gzip", "x-gzip", "GZIP", "deflate", "deflateraw", "br", "zstd", "gzip, br", "zstd , deflate,identity", "identity", "", "none"}

// sample is text that compresses, with some that does not.
func sample(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for b.Len() < n {
		if r.IntN(4) == 0 {
			for range 20 {
				b.WriteByte(byte(r.Uint32()))
			}
		}
		b.WriteString("data: {\"token\": \"hello\"}\n\n")
	}
	return b.Bytes()[:n]
}

func TestRoundTrip(t *testing.T) {
	for _, name := range codings {
		for _, n := range []int{0, 1, 100, 70_000, 600_000} {
			p := sample(n)
			enc, err := Encode(name, p)
			if err != nil {
				t.Fatalf("encode %d bytes with %q: %v", n, name, err)
			}
			dec, err := Decode(name, enc, int64(n)+1)
			if err != nil || !bytes.Equal(dec, p) {
				t.Errorf("%q: %d bytes came back as %d, %v", name, n, len(dec), err)
			}
		}
	}
}

func TestNames(t *testing.T) {
	if !Known("gzip,br") || Known("gzip,x") || !Identity(" identity,") || Identity("gzip") {
		t.Error("a name is taken for what it is not")
	}
	for _, name := range []string{"utf8", "gzip br", "gzip;q=1", strings.Repeat("gzip,", 9)} {
		_, derr := Decode(name, []byte("x"), 0)
		_, eerr := Encode(name, []byte("x"))
		for _, err := range []error{derr, eerr} {
			if _, ok := errors.AsType[*UnknownError](err); !ok {
				t.Errorf("%q: got %v, want an UnknownError", name, err)
			}
		}
	}
}

func TestNothingDecodesToNothing(t *testing.T) {
	for _, name := range codings {
		if p, err := Decode(name, nil, 0); err != nil || len(p) != 0 {
			t.Errorf("%q whole: got %q, %v", name, p, err)
		}
		d, err := NewDecoder(name, strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := d.Read(make([]byte, 10)); n != 0 || err != io.EOF {
			t.Errorf("%q streamed: got %d, %v", name, n, err)
		}
	}
}

func TestLimit(t *testing.T) {
	for _, name := range codings {
		enc, err := Encode(name, make([]byte, 1<<20))
		if err != nil {
			t.Fatal(err)
		}
		_, err = Decode(name, enc, 1<<20-1)
		if _, ok := errors.AsType[*LimitError](err); !ok {
			t.Errorf("%q: got %v, want a LimitError", name, err)
		}
		if _, err := Decode(name, enc, 1<<20); err != nil {
			t.Errorf("%q: at the limit: %v", name, err)
		}
	}
}

func gzipped(t *testing.T, p []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Name, w.Comment, w.Extra = "a name", "a comment", []byte("extra")
	w.Write(p)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestLenientGzip(t *testing.T) {
	p := sample(5000)
	z := gzipped(t, p)
	var zl bytes.Buffer
	zw := zlib.NewWriter(&zl)
	zw.Write(p)
	zw.Close()
	damaged := bytes.Clone(z)
	damaged[len(damaged)-6] ^= 1
	for _, c := range []struct {
		name string
		in   []byte
		want []byte
		err  string
	}{
		{"whole", z, p, ""},
		{"one octet", z[:1], nil, ""},
		{"cut in its head", z[:7], nil, ""},
		{"cut in its name", z[:20], nil, ""},
		{"cut in its tail", z[:len(z)-3], p, ""},
		{"two members", append(bytes.Clone(z), z...), append(bytes.Clone(p), p...), ""},
		{"followed by something else", append(bytes.Clone(z), "garbage"...), p, ""},
		{"zlib under its name", zl.Bytes(), p, ""},
		{"text", []byte("<html>"), nil, "not gzip data"},
		{"wrong checksum", damaged, nil, "checksum"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Decode("gzip", c.in, 0)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("got %v, want %q in it", err, c.err)
				}
				return
			}
			if err != nil || !bytes.Equal(got, c.want) {
				t.Errorf("got %d bytes, %v, want %d", len(got), err, len(c.want))
			}
		})
	}
	half, err := Decode("gzip", z[:len(z)/2], 0)
	if err != nil || len(half) == 0 || !bytes.HasPrefix(p, half) {
		t.Errorf("cut in its data: got %d bytes, %v", len(half), err)
	}
}

func TestDeflate(t *testing.T) {
	p := sample(5000)
	var raw, wrapped bytes.Buffer
	fw, _ := flate.NewWriter(&raw, 6)
	fw.Write(p)
	fw.Close()
	zw := zlib.NewWriter(&wrapped)
	zw.Write(p)
	zw.Close()
	for name, in := range map[string][]byte{"raw": raw.Bytes(), "in zlib": wrapped.Bytes()} {
		if got, err := Decode("deflate", in, 0); err != nil || !bytes.Equal(got, p) {
			t.Errorf("%s: got %d bytes, %v", name, len(got), err)
		}
		if _, err := Decode("deflate", in[:len(in)/2], 0); err != io.ErrUnexpectedEOF {
			t.Errorf("%s, cut: got %v", name, err)
		}
	}
}

func TestDamagedDataIsAnError(t *testing.T) {
	for _, name := range []string{"gzip", "deflate", "br", "zstd"} {
		enc, err := Encode(name, sample(10_000))
		if err != nil {
			t.Fatal(err)
		}
		for i := 12; i < 200; i++ {
			enc[i] ^= 0x55
		}
		if p, err := Decode(name, enc, 1<<24); err == nil {
			t.Errorf("%s: decoded to %d bytes", name, len(p))
		}
	}
}

func TestZstdWindowIsBounded(t *testing.T) {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithWindowSize(maxWindow*2), zstd.WithEncoderLevel(zstd.SpeedDefault))
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(w, io.LimitReader(rand.NewChaCha8([32]byte{}), maxWindow*2+1))
	w.Close()
	if _, err := Decode("zstd", b.Bytes(), 0); err == nil {
		t.Error("a window of 16 MiB was accepted")
	}
}

// flushers are writers of the codings by other hands, as a server would use.
var flushers = map[string]func(w io.Writer) Encoder{
	"gzip":       func(w io.Writer) Encoder { return gzip.NewWriter(w) },
	"deflate":    func(w io.Writer) Encoder { return zlib.NewWriter(w) },
	"deflateraw": func(w io.Writer) Encoder { f, _ := flate.NewWriter(w, 6); return f },
	"br":         func(w io.Writer) Encoder { return brotli.NewWriterLevel(w, 5) },
	"zstd": func(w io.Writer) Encoder {
		z, _ := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
		return z
	},
}

// meter hands out what it was given and fails when it is asked for more.
type meter struct {
	t    *testing.T
	data bytes.Buffer
	open bool
	byte bool
}

func (m *meter) Read(p []byte) (int, error) {
	if m.data.Len() == 0 {
		if m.open {
			m.t.Helper()
			m.t.Fatal("the decoder asks for more than it needs")
		}
		return 0, io.EOF
	}
	if m.byte {
		p = p[:1]
	}
	return m.data.Read(p)
}

func TestFlushedBlocksAreReadAtOnce(t *testing.T) {
	own := func(name string) func(w io.Writer) Encoder {
		return func(w io.Writer) Encoder {
			e, err := NewEncoder(name, w)
			if err != nil {
				t.Fatal(err)
			}
			return e
		}
	}
	run := func(name string, writer func(w io.Writer) Encoder, single bool) {
		src := &meter{t: t, open: true, byte: single}
		w := writer(&src.data)
		d, err := NewDecoder(name, src)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		for i := range 40 {
			event := sample(10 + i*i*50)
			w.Write(event)
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, len(event))
			for n := 0; n < len(got); {
				m, err := d.Read(got[n:min(len(got), n+32<<10)])
				if err != nil {
					t.Fatalf("%s: event %d: after %d of %d bytes: %v", name, i, n, len(got), err)
				}
				n += m
			}
			if !bytes.Equal(got, event) {
				t.Fatalf("%s: event %d came out changed", name, i)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		src.open = false
		if n, err := io.Copy(io.Discard, d); n != 0 || err != nil {
			t.Errorf("%s: after the last event: %d bytes, %v", name, n, err)
		}
	}
	for name, writer := range flushers {
		run(name, writer, false)
		run(name, writer, true)
	}
	for _, name := range codings {
		run(name, own(name), false)
	}
}

func TestErrorsOfTheSourceComeThrough(t *testing.T) {
	bad := errors.New("connection reset")
	for name := range flushers {
		enc, err := Encode(name, sample(10_000))
		if err != nil {
			t.Fatal(err)
		}
		d, err := NewDecoder(name, io.MultiReader(bytes.NewReader(enc[:len(enc)/2]), failing{bad}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, d); !errors.Is(err, bad) {
			t.Errorf("%s: got %v", name, err)
		}
		d.Close()
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestDecodersByOtherHands(t *testing.T) {
	p := sample(100_000)
	for name, reader := range map[string]func(r io.Reader) (io.Reader, error){
		"gzip":       func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"deflate":    func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) },
		"deflateraw": func(r io.Reader) (io.Reader, error) { return flate.NewReader(r), nil },
	} {
		for range 2 { // the second one uses the first one's compressor
			enc, err := Encode(name, p)
			if err != nil {
				t.Fatal(err)
			}
			r, err := reader(bytes.NewReader(enc))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, p) {
				t.Errorf("%s: got %d bytes, %v", name, len(got), err)
			}
		}
	}
}

func TestAnyCutDecodesTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(codings).Draw(t, "coding")
		p := sample(rapid.IntRange(0, 3000).Draw(t, "length"))
		var b bytes.Buffer
		e, err := NewEncoder(name, &b)
		if err != nil {
			t.Fatal(err)
		}
		for rest := p; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "written")
			e.Write(rest[:n])
			rest = rest[n:]
			if rapid.Bool().Draw(t, "flush") {
				e.Flush()
			}
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		d, err := NewDecoder(name, &shreds{t: t, p: b.Bytes()})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(d); err != nil || !bytes.Equal(got, p) {
			t.Fatalf("%s: got %d bytes, %v, want %d", name, len(got), err, len(p))
		}
	})
}

type shreds struct {
	t *rapid.T
	p []byte
}

func (s *shreds) Read(p []byte) (int, error) {
	if len(s.p) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), rapid.IntRange(1, 50).Draw(s.t, "read"))], s.p)
	s.p = s.p[n:]
	return n, nil
}

func TestClosedCodersFail(t *testing.T) {
	e, _ := NewEncoder("gzip", io.Discard)
	e.Close()
	if _, err := e.Write([]byte("x")); err == nil {
		t.Error("a closed encoder takes bytes")
	}
	d, _ := NewDecoder("gzip", strings.NewReader("x"))
	d.Close()
	if _, err := d.Read(make([]byte, 1)); err == nil {
		t.Error("a closed decoder gives bytes")
	}
}

func FuzzDecode(f *testing.F) {
	for _, name := range []string{"gzip", "deflate", "br", "zstd"} {
		enc, err := Encode(name, sample(300))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(name, enc)
		f.Add(name, enc[:len(enc)/2])
	}
	f.Fuzz(func(t *testing.T, name string, p []byte) {
		out, err := Decode(name, p, 1<<20)
		if err == nil && len(out) > 1<<20 {
			t.Errorf("%d bytes came out", len(out))
		}
	})
}

func BenchmarkDecodeGzip(b *testing.B) {
	p := sample(1 << 20)
	enc, _ := Encode("gzip", p)
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode("gzip", enc, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	p := sample(64 << 10)
	for _, name := range []string{"gzip", "deflate", "br", "zstd"} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(p)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Encode(name, p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
