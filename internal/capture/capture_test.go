package capture

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"midstream/flow"
	"midstream/internal/format"
	"midstream/internal/store"
	"midstream/internal/ws"
)

var start = time.Date(2024, 5, 6, 7, 8, 9, 123456000, time.UTC)

func exchange(path string) *flow.Flow {
	f := &flow.Flow{ID: flow.NewID(), Start: start, End: start.Add(time.Second), Comment: "look", Marker: ":star:", Metadata: map[string]string{"who": "me"},
		Client: &flow.Conn{ID: flow.NewID(), Peer: "127.0.0.1:1000", Local: "127.0.0.1:8080", Mode: "regular", Start: start},
		Server: &flow.Conn{ID: flow.NewID(), Address: "site.test:443", Peer: "192.0.2.7:443", Start: start, Connected: start.Add(time.Millisecond),
			TLS: &flow.TLS{Version: 0x0304, Cipher: 0x1301, SNI: "site.test", ALPN: "h2", Offered: []string{"h2", "http/1.1"}}},
		Request: &flow.Request{Message: flow.Message{Version: flow.HTTP2, Start: start, End: start.Add(10 * time.Millisecond), Fields: flow.Fields{{Name: "accept", Value: "*/*"}}},
			Method: "POST", Scheme: "https", Host: "192.0.2.7", Port: 443, Authority: "site.test", Path: path},
		Response: &flow.Response{Message: flow.Message{Version: flow.HTTP2, Start: start.Add(20 * time.Millisecond), End: start.Add(time.Second),
			Fields: flow.Fields{{Name: "content-type", Value: "text/plain"}}, Trailers: flow.Fields{{Name: "x-sum", Value: "1"}}}, Status: 200},
		Interim:  []flow.Response{{Message: flow.Message{Version: flow.HTTP2}, Status: 103}},
		Findings: []flow.Finding{{Code: "a-finding", Text: "something was seen"}},
		Tries:    []flow.Try{{Address: "192.0.2.7:443", Start: start}},
		Outcome:  flow.Outcome{Kind: flow.ClientLeft, Bytes: 11, Phase: "body", Text: "the client left"}}
	f.RequestBody = flow.Body{Disposition: flow.Tee, Reason: "the default", Declared: 8, Received: 8, Sent: 8, Ended: true}
	f.ResponseBody = flow.Body{Disposition: flow.Hold, Reason: "a hook", Declared: -1, Received: 11, Sent: 11}
	return f
}

// record makes a session with an exchange, a WebSocket, a tunnel, an exchange
// whose body was not recorded, and one that failed.
func record(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "session")
	s, err := store.Open(dir, store.Config{})
	if err != nil {
		t.Fatal(err)
	}
	put := func(f *flow.Flow, pieces ...any) {
		r := s.StartAt(f.Start)
		r.Head(f, flow.ToServer)
		for i := 0; i < len(pieces); i += 2 {
			r.PieceAt(pieces[i].(flow.Side), []byte(pieces[i+1].(string)), f.Start.Add(time.Duration(i+1)*time.Millisecond))
		}
		r.End(f)
	}
	put(exchange("/a"), flow.ToServer, "question", flow.ToClient, "hello ", flow.ToClient, "world")

	socket := exchange("/ws")
	socket.Request.Version, socket.Response.Version = flow.HTTP11, flow.HTTP11
	socket.Request.Authority = ""
	socket.Response.Status, socket.Response.Reason = 101, "Switching Protocols"
	socket.Response.Fields = flow.Fields{{Name: "Upgrade", Value: "websocket"}}
	socket.Response.Trailers = nil
	frame := func(op ws.Opcode, text string, masked bool) string {
		return string(ws.AppendHeader(nil, ws.Header{Fin: true, Opcode: op, Masked: masked, Length: int64(len(text))})) + text
	}
	c, a := frame(ws.Text, "hi", true), frame(ws.Binary, "\x00\x01", false)
	bye := frame(ws.Close, string(ws.AppendClose(nil, 1000, "bye")), true)
	socket.RequestBody = flow.Body{Disposition: flow.Tee, Declared: -1, Sent: int64(len(c) + len(bye)), Received: int64(len(c) + len(bye)), Ended: true}
	socket.ResponseBody = flow.Body{Disposition: flow.Tee, Declared: -1, Sent: int64(len(a)), Received: int64(len(a)), Ended: true}
	put(socket, flow.ToServer, c, flow.ToClient, a, flow.ToServer, bye)

	tunnel := exchange("")
	tunnel.Kind, tunnel.Request, tunnel.Response, tunnel.Interim = flow.TCP, nil, nil, nil
	tunnel.RequestBody = flow.Body{Disposition: flow.Tee, Declared: -1, Sent: 4, Received: 4, Ended: true}
	tunnel.ResponseBody = flow.Body{Disposition: flow.Tee, Declared: -1, Sent: 8, Received: 8, Ended: true}
	put(tunnel, flow.ToClient, "220 ", flow.ToServer, "HELO", flow.ToClient, "250 ")

	passed := exchange("/passed")
	passed.ResponseBody = flow.Body{Disposition: flow.Pass, Reason: "larger than stream_large_bodies", Declared: 5000, Received: 5000, Sent: 5000, Ended: true}
	put(passed, flow.ToServer, "question")

	failed := exchange("/failed")
	failed.Response, failed.Interim = nil, nil
	failed.Server = nil
	failed.ResponseBody = flow.Body{}
	failed.Outcome = flow.Outcome{Kind: flow.Failed, Phase: "dial", Text: "dial server: refused"}
	put(failed, flow.ToServer, "question")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// copyAll writes what src has to dst, and returns what was lost.
func copyAll(t *testing.T, src Source, dst Sink) []string {
	t.Helper()
	var lost []string
	for {
		it, err := src.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		l, err := dst.Write(it)
		if err != nil {
			t.Fatal(err)
		}
		lost = append(append(lost, it.Lost...), l...)
	}
	if err := errors.Join(src.Close(), dst.Close()); err != nil {
		t.Fatal(err)
	}
	return lost
}

func open(t *testing.T, path string) Source {
	t.Helper()
	s, err := Open(context.Background(), path, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// picture is all that a source has, as text.
func picture(t *testing.T, path string) string {
	t.Helper()
	src := open(t, path)
	defer src.Close()
	var out strings.Builder
	for {
		it, err := src.Next()
		if err == io.EOF {
			return out.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		f := *it.Flow
		f.Carried, f.Number = nil, 0
		for _, b := range []*flow.Body{&f.RequestBody, &f.ResponseBody} {
			b.Messages = 0
		}
		js, err := json.MarshalIndent(f, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		out.Write(js)
		for side, b := range it.Bodies {
			if b != nil && it.Closing == nil && it.Messages == nil {
				p, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
				if err != nil {
					t.Fatal(err)
				}
				out.WriteString("\n" + flow.Side(side).String() + ": " + string(p))
			}
		}
		if it.Messages != nil {
			for m, err := range it.Messages {
				if err != nil {
					t.Fatal(err)
				}
				p, _ := io.ReadAll(io.NewSectionReader(m.Content, 0, m.Content.Size()))
				js, _ := json.Marshal([]any{m.FromClient, m.Text, string(p), m.Time.UnixMicro()})
				out.Write(append([]byte("\n"), js...))
			}
		}
		if it.Closing != nil {
			c := *it.Closing
			c.Time = time.Time{}
			js, _ := json.Marshal(c)
			out.Write(append([]byte("\n"), js...))
		}
		out.WriteString("\n")
	}
}

func TestASessionThroughAFlowFileIsTheSameSession(t *testing.T) {
	from := record(t)
	file := filepath.Join(t.TempDir(), "x.mitm")
	dst, err := Create(file, Mitm, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if lost := copyAll(t, open(t, from), dst); len(lost) > 0 {
		t.Error("lost on the way out:", lost)
	}
	to := filepath.Join(t.TempDir(), "again")
	rec, err := OpenSession(to)
	if err != nil {
		t.Fatal(err)
	}
	if lost := copyAll(t, open(t, file), rec); len(lost) > 0 {
		t.Error("lost on the way in:", lost)
	}
	sameText(t, picture(t, from), picture(t, to))
}

func sameText(t *testing.T, want, got string) {
	t.Helper()
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	bad := 0
	for i := range max(len(a), len(b)) {
		x, y := "", ""
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			if bad++; bad < 12 {
				t.Errorf("line %d\n  was %s\n  is  %s", i, x, y)
			}
		}
	}
}

// Files of mitmproxy before version 12 have a WebSocket apart from its handshake,
// and may lack that: its messages are read all the same, and a handshake that stands
// alone has no end that it never had.
func TestAWebSocketApartFromItsHandshake(t *testing.T) {
	alone := exchange("/alone")
	alone.Response.Status, alone.Response.Fields, alone.Response.Trailers = 101, flow.Fields{{Name: "Upgrade", Value: "websocket"}}, nil
	alone.RequestBody, alone.ResponseBody = flow.Body{}, flow.Body{}
	apart := exchange("/apart")
	apart.Response, apart.RequestBody, apart.ResponseBody = nil, flow.Body{Disposition: flow.Tee}, flow.Body{Disposition: flow.Tee}
	hi := func(yield func(format.Message, error) bool) {
		yield(format.Message{FromClient: true, Text: true, Content: format.Octets("hi"), Time: start}, nil)
	}
	all := throughASession(t, &format.Item{Flow: alone}, &format.Item{Flow: apart, Messages: hi, Closing: &format.Closing{Known: true, Code: 1000, Time: start}})
	if len(all) != 2 || all[0].Closing != nil || all[0].Messages != nil {
		t.Fatalf("the handshake: %+v", all)
	}
	var said []string
	for m, err := range all[1].Messages {
		if err != nil {
			t.Fatal(err)
		}
		p := make([]byte, m.Content.Size())
		m.Content.ReadAt(p, 0)
		said = append(said, string(p))
	}
	if len(said) != 1 || said[0] != "hi" || all[1].Closing.Code != 1000 || all[1].Flow.Findings[len(all[1].Flow.Findings)-1].Code != "handshake-missing" {
		t.Errorf("%q, %+v, %+v", said, all[1].Closing, all[1].Flow.Findings)
	}
}

// A body that is not in a file is missing in the session, too, and not empty.
func TestMissingIsNotEmpty(t *testing.T) {
	missing, empty := exchange("/missing"), exchange("/empty")
	for _, f := range []*flow.Flow{missing, empty} {
		f.RequestBody, f.ResponseBody = flow.Body{}, flow.Body{}
	}
	format.Missing(&missing.ResponseBody)
	all := throughASession(t, &format.Item{Flow: missing}, &format.Item{Flow: empty, Bodies: [2]format.Body{nil, format.Octets(nil)}})
	if len(all) != 2 || all[0].Bodies[flow.ToClient] != nil || all[1].Bodies[flow.ToClient] == nil {
		t.Errorf("%+v", all)
	}
}

// throughASession records items and reads them again.
func throughASession(t *testing.T, items ...*format.Item) (all []*format.Item) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "session")
	rec, err := OpenSession(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range items {
		if lost, err := rec.Write(it); err != nil || len(lost) > 0 {
			t.Fatal(lost, err)
		}
	}
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	src := open(t, dir)
	for it, err := src.Next(); err != io.EOF; it, err = src.Next() {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, it)
	}
	return all
}

func TestASessionIsCopiedAsItIs(t *testing.T) {
	from := record(t)
	to := filepath.Join(t.TempDir(), "copy")
	rec, err := OpenSession(to)
	if err != nil {
		t.Fatal(err)
	}
	if lost := copyAll(t, open(t, from), rec); len(lost) > 0 {
		t.Error("lost:", lost)
	}
	sameText(t, picture(t, from), picture(t, to))
	// Control frames are there too, as they are copied as octets.
	r, err := store.OpenReader(to)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := r.Body(context.Background(), 2, flow.ToServer)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if p, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size())); err != nil || !bytes.HasSuffix(p, []byte("\x03\xe8bye")) {
		t.Errorf("%q, %v", p, err)
	}
}

func TestArchivesOfBothKindsAreFound(t *testing.T) {
	from := record(t)
	for _, kind := range []Kind{HAR, ZHAR} {
		file := filepath.Join(t.TempDir(), "anything")
		dst, err := Create(file, kind, nil, Options{Creator: "midstream", CreatorVersion: "1"})
		if err != nil {
			t.Fatal(err)
		}
		lost := copyAll(t, open(t, from), dst)
		if !slices.Contains(lost, "a flow of type tcp") || !slices.Contains(lost, "the content of the response, which was not recorded") {
			t.Errorf("%s: lost %q", kind, lost)
		}
		got := picture(t, file)
		for _, want := range []string{"request: question", "response: hello world", `[true,true,"hi",`, `"Text": "dial server: refused"`} {
			if !strings.Contains(got, want) {
				t.Errorf("%s has no %s:\n%s", kind, want, got)
			}
		}
	}
}

func TestAFlowFileIsReadFromAPipeAsItComes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.mitm")
	dst, err := Create(file, Mitm, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	copyAll(t, open(t, record(t)), dst)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	in, out := io.Pipe()
	src, err := Open(context.Background(), "-", Mitm, in)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	length := bytes.IndexByte(whole, ':')
	first := length + 2
	for _, c := range whole[:length] {
		_ = c
	}
	n := 0
	for _, c := range whole[:length] {
		n = n*10 + int(c-'0')
	}
	first += n
	go func() {
		_, _ = out.Write(whole[:first+16]) // the first flow, and how the second begins
		_, _ = out.Write(whole[first+16 : len(whole)-5])
		out.Close()
	}()
	it, err := src.Next()
	if err != nil || it.Flow.Request.Path != "/a" {
		t.Fatal(it, err)
	}
	count := 1
	for {
		it, err := src.Next()
		if err == io.EOF {
			break
		}
		var damaged *Damaged
		if err != nil && !errors.As(err, &damaged) {
			t.Fatal(err)
		}
		if err != nil && (count != 4 || it == nil || it.Flow.Outcome.Kind != flow.Interrupt) {
			t.Error("flow", count+1, err)
		}
		count++
	}
	if count != 5 {
		t.Error(count, "flows")
	}
}

func TestAFileIsWholeOrNotThere(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "x.har")
	dst, err := Create(file, HAR, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the file is there before it is whole")
	}
	dst.Abort()
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Error("left behind:", left)
	}
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(file, HAR, nil, Options{}); !errors.Is(err, ErrExists) {
		t.Error(err)
	}
	dst, err = Create(file, HAR, nil, Options{Replace: true})
	if err != nil {
		t.Fatal(err)
	}
	if p, _ := os.ReadFile(file); string(p) != "precious" {
		t.Errorf("%q", p)
	}
	if err := dst.Close(); err != nil {
		t.Fatal(err)
	}
	if p, _ := os.ReadFile(file); !json.Valid(p) {
		t.Errorf("%q", p)
	}
}

func TestFlowsAreAddedToAFlowFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.mitm")
	for range 2 {
		dst, err := Create(file, Mitm, nil, Options{Append: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := dst.Write(&format.Item{Flow: exchange("/x")}); err != nil {
			t.Fatal(err)
		}
		if err := dst.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(picture(t, file), `"Path": "/x"`); n != 2 {
		t.Error(n, "flows")
	}
}

// Half a flow at the end of a file is what a kill leaves; what is added to it is read.
func TestFlowsAreAddedBehindHalfAFlow(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.mitm")
	for range 2 {
		dst, err := Create(file, Mitm, nil, Options{Append: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := dst.Write(&format.Item{Flow: exchange("/x")}); err != nil {
			t.Fatal(err)
		}
		if err := dst.Close(); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(file); err != nil || os.Truncate(file, info.Size()-3) != nil {
			t.Fatal(err)
		}
	}
	src, err := Open(t.Context(), file, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	flows := 0
	for {
		it, err := src.Next()
		if _, ok := errors.AsType[*Damaged](err); err != nil && !ok {
			break
		}
		if it != nil && it.Flow.Request.Path == "/x" {
			flows++
		}
	}
	if flows != 2 {
		t.Errorf("%d flows", flows)
	}
}

func TestAFileThatIsReadIsNotBegunAnew(t *testing.T) {
	dir := t.TempDir()
	file, link, har := filepath.Join(dir, "x.mitm"), filepath.Join(dir, "link"), filepath.Join(dir, "x.har")
	for path, text := range map[string]string{file: "precious", har: `{"log":{}}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{file: "it is being read and would be lost", link: "it is being read", "+" + har: "is no flow file", "+": "no name of a file behind the +"} {
		r, err := OpenRotating(name, nil, Options{Read: []string{filepath.Join(dir, "none"), file}}, time.Now)
		if err == nil {
			r.Abort()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for path, want := range map[string]string{file: "precious", har: `{"log":{}}`} {
		if p, _ := os.ReadFile(path); string(p) != want {
			t.Errorf("%s has %q", path, p)
		}
	}
}

func TestWhatIsNoCaptureIsAnError(t *testing.T) {
	dir := t.TempDir()
	odd := filepath.Join(dir, "odd")
	if err := os.WriteFile(odd, []byte("MZ binary"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		odd: `it is no flow file and no HAR: it begins with "MZ binary"; name its kind with --from if it is one`, filepath.Join(dir, "none"): "no such file", "/dev/null": "no regular file",
	} {
		if _, err := Open(context.Background(), path, "", nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	for name, want := range map[string]Kind{"a.mitm": Mitm, "a.FLOW": Mitm, "a.har": HAR, "a.zhar": ZHAR, dir: Session, "new/": Session, "what": ""} {
		if got := ByName(name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
}
