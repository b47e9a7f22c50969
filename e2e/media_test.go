package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// media is what players and downloaders fetch: one file that is served by
// ranges, and a playlist of pieces of it.
func media(o *origin) string {
	var b bytes.Buffer
	io.CopyN(&b, &pattern{}, 1<<20)
	video := b.String()
	o.mux.HandleFunc("/video.mp4", func(w http.ResponseWriter, r *http.Request) {
		o.note(r)
		w.Header().Set("ETag", `"v1"`)
		http.ServeContent(w, r, "video.mp4", time.Time{}, strings.NewReader(video))
	})
	const pieces = 8
	list := "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n"
	for i := range pieces {
		list += fmt.Sprintf("#EXTINF:4.0,\nsegment%d.ts\n", i)
		o.serveBytes(fmt.Sprintf("/hls/segment%d.ts", i), "video/mp2t", video[i*len(video)/pieces:(i+1)*len(video)/pieces])
	}
	o.serveBytes("/hls/list.m3u8", "application/vnd.apple.mpegurl", list+"#EXT-X-ENDLIST\n")
	return video
}

func TestVideoByRange(t *testing.T) {
	need(t, "curl")
	t.Parallel()
	o := newOrigin(t)
	video := media(o)
	p := start(t, "--stream", "600k")
	at := o.HTTPS + "/video.mp4"
	if got := curl(t, p, "-r", "1000-1999", at+"?middle"); got != video[1000:2000] {
		t.Errorf("a range came as %d bytes", len(got))
	}
	if got := curl(t, p, "-r", "-100", at+"?last"); got != video[len(video)-100:] {
		t.Errorf("the last bytes came as %d bytes", len(got))
	}
	if got := curl(t, p, "-i", "-r", "0-0,10-19", at+"?several"); !strings.Contains(got, "multipart/byteranges") || !strings.Contains(got, video[10:20]) {
		t.Errorf("several ranges: %d bytes", len(got))
	}
	if got := curl(t, p, "-o", os.DevNull, "-w", "%{http_code}", "-r", "9999999-", at+"?behind"); got != "416" {
		t.Errorf("behind the end: %s", got)
	}
	// A download that broke off goes on where it was.
	part := filepath.Join(t.TempDir(), "video.mp4")
	write(t, part, video[:300_000])
	curl(t, p, "-C", "-", "-o", part, at+"?resumed")
	if fileSHA256(t, part) != textSHA256(video) {
		t.Error("the resumed file is another")
	}
	s := p.recorded()
	for path, want := range map[string]sized{"?middle": {"tee", 1000, "complete"}, "?last": {"tee", 100, "complete"}, "?resumed": {"pass", int64(len(video) - 300_000), "not recorded"}} {
		f := s.flow("/video.mp4" + path)
		f.completed()
		if f.Status != 206 || f.Response != want {
			t.Errorf("%s is recorded as %+v", path, f)
		}
	}
	if got := o.asked("/video.mp4?resumed").Header.Get("Range"); got != "bytes=300000-" {
		t.Errorf("the origin was asked for %q", got)
	}
}

func TestHLS(t *testing.T) {
	need(t, "curl")
	t.Parallel()
	o := newOrigin(t)
	video := media(o)
	p := start(t)
	dir := t.TempDir()
	var line []string
	n := 0
	for entry := range strings.Lines(curl(t, p, o.HTTPS+"/hls/list.m3u8")) {
		if !strings.HasPrefix(entry, "#") {
			line = append(line, "-o", filepath.Join(dir, fmt.Sprint(n)), o.HTTPS+"/hls/"+strings.TrimSpace(entry))
			n++
		}
	}
	curl(t, p, append([]string{"--parallel"}, line...)...)
	var got strings.Builder
	for i := range n {
		piece, err := os.ReadFile(filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		got.Write(piece)
	}
	if n != 8 || got.String() != video {
		t.Errorf("%d pieces make %d bytes, not %d", n, got.Len(), len(video))
	}
	s := p.recorded()
	f := s.flow("/hls/segment3.ts")
	f.completed()
	if s.body(f) != video[3*len(video)/8:4*len(video)/8] {
		t.Error("a recorded piece is another")
	}
}

func TestWget(t *testing.T) {
	wget := need(t, "wget")
	t.Parallel()
	o := newOrigin(t)
	video := media(o)
	p := start(t)
	file := filepath.Join(t.TempDir(), "video.mp4")
	line := []string{"-nv", "--tries=1", "--no-config", "-e", "use_proxy=on", "-e", "https_proxy=" + p.URL(), "-e", "http_proxy=" + p.URL(), "--ca-certificate=" + p.CA, "-O", file}
	for _, base := range []string{o.HTTP, o.HTTPS} {
		run(t, nil, wget, append(line, base+"/video.mp4?whole")...)
		if fileSHA256(t, file) != textSHA256(video) {
			t.Errorf("%s: the file is another", base)
		}
	}
	write(t, file, video[:500_000])
	run(t, nil, wget, append(line, "-c", o.HTTPS+"/video.mp4?rest")...)
	if fileSHA256(t, file) != textSHA256(video) {
		t.Error("the resumed file is another")
	}
	run(t, nil, wget, append(line, "--post-data=sent", o.HTTPS+"/sink?post")...)
	if a := o.asked("/sink?post"); a.Size != 4 || a.Method != "POST" {
		t.Errorf("the post arrived as %+v", a)
	}
	// A server that breaks off is seen to break off.
	if out, _, err := attempt(t, nil, wget, append(line, o.HTTPS+"/cut?framing=length")...); err == nil {
		t.Errorf("a body that was cut is taken for whole: %s", out)
	}
	f := p.recorded().flow("/video.mp4?rest")
	f.completed()
	if f.Status != 206 || f.Response.Size != int64(len(video)-500_000) {
		t.Errorf("recorded as %+v", f)
	}
}
