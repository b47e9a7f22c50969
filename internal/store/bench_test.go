//go:build unix

package store

import (
	"bytes"
	"io"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"midstream/flow"
)

func cpuSeconds() float64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// BenchmarkBulk records one download in pieces of 32 KiB.
func BenchmarkBulk(b *testing.B) {
	s := openStore(b, filepath.Join(b.TempDir(), "s"), Config{Stall: -1})
	piece := bytes.Repeat([]byte("midstream"), 32<<10/9+1)[:32<<10]
	r := s.Start()
	f := answered(exchange(1), 0)
	r.Head(f, flow.ToClient)
	b.SetBytes(int64(len(piece)))
	b.ReportAllocs()
	cpu := cpuSeconds()
	b.ResetTimer()
	for range b.N {
		r.Piece(flow.ToClient, piece)
	}
	b.StopTimer()
	f = completed(f)
	f.ResponseBody.Sent = int64(b.N) * int64(len(piece))
	r.End(f)
	s.Flush()
	b.ReportMetric((cpuSeconds()-cpu)/float64(b.N)/float64(len(piece))*(1<<30), "cpu-s/GiB")
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/(1<<20), "sys-MiB")
}

// BenchmarkFlow records small exchanges on one connection, index included.
func BenchmarkFlow(b *testing.B) {
	s := openStore(b, filepath.Join(b.TempDir(), "s"), Config{Stall: -1})
	f := answered(exchange(1), 200)
	for range 8 {
		f.Request.Fields.Add("X-Some-Field", "some value of a usual length")
		f.Response.Fields.Add("X-Some-Field", "some value of a usual length")
	}
	end := completed(f)
	by := &asked{picture: f}
	body := make([]byte, 200)
	b.ReportAllocs()
	cpu := cpuSeconds()
	b.ResetTimer()
	for i := range b.N {
		r := s.Start()
		r.Ask(by)
		r.Ask(by)
		r.Piece(flow.ToClient, body)
		r.End(end)
		if i%100 == 99 {
			s.Flush() // as large as batches are at 10,000 a second
		}
	}
	b.StopTimer()
	s.Close()
	b.ReportMetric((cpuSeconds()-cpu)/float64(b.N)*1e6, "cpu-us/flow")
}

// BenchmarkEvent records events of 60 octets of one stream.
func BenchmarkEvent(b *testing.B) {
	s := openStore(b, filepath.Join(b.TempDir(), "s"), Config{Stall: -1})
	r := s.Start()
	r.Head(answered(exchange(1), 0), flow.ToClient)
	event := make([]byte, 60)
	b.ReportAllocs()
	for b.Loop() {
		r.Piece(flow.ToClient, event)
	}
}

func BenchmarkEncodeFlow(b *testing.B) {
	f := completed(answered(exchange(1), 200))
	var p []byte
	b.ReportAllocs()
	for b.Loop() {
		p = appendFlow(p[:0], f, 1, 2)
	}
}

// BenchmarkRead reads a recorded body.
func BenchmarkRead(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "s")
	s := openStore(b, dir, Config{Stall: -1})
	number := recordBody(s, 256<<20)
	body, err := openRead(b, dir).Body(b.Context(), number, flow.ToClient)
	if err != nil {
		b.Fatal(err)
	}
	defer body.Close()
	b.SetBytes(256 << 20)
	b.ReportAllocs()
	for b.Loop() {
		if n, err := io.Copy(io.Discard, io.NewSectionReader(body, 0, body.Size())); err != nil || n != 256<<20 {
			b.Fatal(n, err)
		}
	}
}
