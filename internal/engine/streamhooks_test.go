package engine

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/coding"
	"midstream/internal/message"
)

// onMessage is an addon that hears the messages of every format but events.
type onMessage func(ctx context.Context, x *hook.Exchange, m *hook.StreamMessage) error

func (f onMessage) GRPCMessage(ctx context.Context, x *hook.Exchange, m *hook.StreamMessage) error {
	return f(ctx, x, m)
}

func (f onMessage) StreamMessage(ctx context.Context, x *hook.Exchange, m *hook.StreamMessage) error {
	return f(ctx, x, m)
}

func messagesDo(f func(m *hook.StreamMessage)) onMessage {
	return func(_ context.Context, _ *hook.Exchange, m *hook.StreamMessage) error { f(m); return nil }
}

// edits does to messages what their data asks for.
var edits = messagesDo(func(m *hook.StreamMessage) {
	switch string(m.Data) {
	case "drop":
		m.Drop()
	case "change":
		m.Data = []byte("changed!")
	case "add":
		m.InsertBefore([]byte("one"), []byte("two"))
		m.InsertAfter([]byte("three"), []byte("four"))
	case "bad":
		m.Data = []byte("a\x1e\r\n--b\r\nb")
	case "press":
		m.Compressed = !m.Compressed
	}
})

func framed(flags byte, payload string) string {
	return string(binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(payload)))) + payload
}

func pressed(t *testing.T, s string) string {
	p, err := coding.Encode("gzip", []byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return string(p)
}

func awsMessage(payload string) string {
	headers := "\x0b:event-type\x07\x00\x01x"
	b := binary.BigEndian.AppendUint32(nil, uint32(16+len(headers)+len(payload)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(headers)))
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	b = append(append(b, headers...), payload...)
	return string(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b)))
}

func TestMessagesAreChangedOnTheirWay(t *testing.T) {
	grpc, web, connect := []string{"Content-Type: application/grpc+proto", "Grpc-Encoding: gzip"}, []string{"Content-Type: application/grpc-web"},
		[]string{"Content-Type: application/connect+json", "Connect-Content-Encoding: gzip"}
	lines, sequence, mixed := []string{"Content-Type: application/x-ndjson"}, []string{"Content-Type: application/json-seq"}, []string{"Content-Type: multipart/mixed; boundary=b"}
	stream := []string{"Content-Type: application/vnd.amazon.eventstream"}
	for name, c := range map[string]struct {
		fields   []string
		in, want string // want "" is in
		finding  string
	}{
		"gRPC, nothing":       {grpc, framed(0, "x") + framed(1, pressed(t, "y")) + framed(0, "") + framed(1, ""), "", ""},
		"gRPC, changed":       {grpc, framed(0, "change") + framed(0, "x"), framed(0, "changed!") + framed(0, "x"), ""},
		"gRPC, compressed":    {grpc, framed(1, pressed(t, "change")), framed(1, pressed(t, "changed!")), ""},
		"gRPC, dropped":       {grpc, framed(1, pressed(t, "drop")) + framed(0, "x"), framed(0, "x"), ""},
		"gRPC, added":         {grpc, framed(1, pressed(t, "add")), framed(0, "one") + framed(0, "two") + framed(1, pressed(t, "add")) + framed(0, "three") + framed(0, "four"), ""},
		"gRPC, compress":      {grpc, framed(0, "press") + framed(1, pressed(t, "press")), framed(1, pressed(t, "press")) + framed(0, "press"), ""},
		"gRPC, unknown":       {[]string{"Content-Type: application/grpc", "Grpc-Encoding: snappy"}, framed(1, "?") + framed(0, "change"), framed(1, "?") + framed(0, "changed!"), "message-unseen"},
		"gRPC, no coding":     {[]string{"Content-Type: application/grpc"}, framed(0, "press"), "", "message-refused"},
		"gRPC, damaged":       {grpc, framed(1, "not gzip") + framed(0, "drop"), framed(1, "not gzip"), "message-unseen"},
		"not gRPC":            {grpc, framed(0, "drop") + "<html>" + framed(0, "drop"), "<html>" + framed(0, "drop"), ""},
		"gRPC, unfinished":    {grpc, framed(0, "change")[:9], "", ""},
		"gRPC-Web, trailers":  {web, framed(0, "change") + framed(0x80, "change"), framed(0, "changed!") + framed(0x80, "changed!"), ""},
		"Connect, end":        {connect, framed(0, "drop") + framed(3, pressed(t, "change")), framed(3, pressed(t, "changed!")), ""},
		"NDJSON, nothing":     {lines, "{}\n\n \r\n[1]\r\n2", "", ""},
		"NDJSON, changed":     {lines, "change\r\n\nchange\nchange", "changed!\r\n\nchanged!\nchanged!", ""},
		"NDJSON, dropped":     {lines, "1\ndrop\n2\n", "1\n2\n", ""},
		"NDJSON, added":       {lines, "add\nadd", "one\ntwo\nadd\nthree\nfour\none\ntwo\nadd\nthree\nfour\n", ""},
		"NDJSON, refused":     {lines, "bad\n", "", "message-refused"},
		"sequence, nothing":   {sequence, "\x1e1\n\x1e{\n}\n", "", ""},
		"sequence, changed":   {sequence, "\x1echange\n\x1edrop\n\x1e2\n", "\x1echanged!\n\x1e\x1e2\n", ""},
		"sequence, added":     {sequence, "\x1eadd\n", "\x1eone\n\x1etwo\n\x1eadd\n\x1ethree\n\x1efour\n", ""},
		"sequence, refused":   {sequence, "\x1ebad\n", "", "message-refused"},
		"AWS, nothing":        {stream, awsMessage("x") + awsMessage(""), "", ""},
		"AWS, changed":        {stream, awsMessage("change") + awsMessage("drop"), awsMessage("changed!"), ""},
		"AWS, added":          {stream, awsMessage("add"), awsMessage("one") + awsMessage("two") + awsMessage("add") + awsMessage("three") + awsMessage("four"), ""},
		"AWS, damaged":        {stream, awsMessage("drop")[:len(awsMessage("drop"))-1] + "x" + awsMessage("drop"), awsMessage("drop")[:len(awsMessage("drop"))-1] + "x", "message-unseen"},
		"parts, nothing":      {mixed, "pre\r\n--b\r\nA: b\r\n\r\nx\r\n--b\r\n\r\n\r\n--b--\r\nend", "", ""},
		"parts, changed":      {mixed, "--b\r\nA: b\r\nContent-Length: 6\r\nC: d\r\n\r\nchange\r\n--b--", "--b\r\nA: b\r\nContent-Length: 8\r\nC: d\r\n\r\nchanged!\r\n--b--", ""},
		"parts, scanned":      {mixed, "--b\n\nchange\n--b\n\ndrop\n--b--", "--b\n\nchanged!\n--b--", ""},
		"parts, added":        {mixed, "--b\r\nContent-Length: 3\r\n\r\nadd\r\n--b--", "--b\r\nContent-Length: 3\r\n\r\none\r\n--b\r\nContent-Length: 3\r\n\r\ntwo\r\n--b\r\nContent-Length: 3\r\n\r\nadd\r\n--b\r\nContent-Length: 5\r\n\r\nthree\r\n--b\r\nContent-Length: 4\r\n\r\nfour\r\n--b--", ""},
		"parts, added, lines": {mixed, "--b\n\nadd\n--b--", "--b\n\none\n--b\n\ntwo\n--b\n\nadd\n--b\n\nthree\n--b\n\nfour\n--b--", ""},
		"parts, refused":      {mixed, "--b\n\nbad\n--b--", "", "message-refused"},
		"nothing at all":      {lines, "", "", ""},
	} {
		for _, coded := range []string{"", "gzip"} {
			wire, err := coding.Encode(coded, []byte(c.in))
			if err != nil {
				t.Fatal(err)
			}
			if c.in == "" {
				wire = nil
			}
			head := fields(c.fields...)
			if coded != "" {
				head = append(head, fields("Content-Encoding: "+coded)...)
			}
			want := c.want
			if want == "" {
				want = c.in
			}
			for _, cut := range []int{1, 5, 1 << 20} {
				b := newBody()
				for rest := string(wire); rest != ""; {
					n := min(cut, len(rest))
					b.feed(rest[:n])
					rest = rest[n:]
				}
				b.end(nil)
				s := newStream(flow.HTTP11, "GET", nil, nil)
				r := serve(t, Policy{}, s, upstream(answers(200, chunked, head, b)), edits)
				got, err := coding.Decode(coded, []byte(s.sink.text()), 0)
				if err != nil || string(got) != want || s.sink.end() != "closed" {
					t.Errorf("%s, coded %q, cut at %d: %v, %s\n got %q\nwant %q", name, coded, cut, err, s.sink.end(), got, want)
				}
				if r.end.ResponseBody.Transformed != (want != c.in) {
					t.Errorf("%s: rewritten: %v", name, r.end.ResponseBody.Transformed)
				}
				if r.body[flow.ToClient].String() != s.sink.text() {
					t.Errorf("%s: recorded is not what was sent", name)
				}
				if c.finding != "" != slices.ContainsFunc(findings(r.end), func(f string) bool { return strings.HasPrefix(f, "message-") }) || c.finding != "" && !slices.Contains(findings(r.end), c.finding) {
					t.Errorf("%s: findings %v, want %q", name, findings(r.end), c.finding)
				}
			}
		}
	}
}

// Messages in base64 are changed inside it; what is no base64 passes.
func TestMessagesInBase64AreChanged(t *testing.T) {
	code := base64.StdEncoding.EncodeToString
	for _, c := range []struct{ in, want, rest string }{
		{code([]byte(framed(0, "change"))) + code([]byte(framed(0, "x"))), framed(0, "changed!") + framed(0, "x"), ""},
		{code([]byte(framed(0, "drop") + framed(0x80, "x"))), framed(0x80, "x"), ""},
		{code([]byte(framed(0, "x"))) + "<html>", framed(0, "x"), "<html>"},
		{"AAA", "", "AAA"},
	} {
		for cut := range len(c.in) + 1 {
			b := newBody()
			for _, p := range []string{c.in[:cut], c.in[cut:]} {
				if p != "" {
					b.feed(p)
				}
			}
			b.end(nil)
			s := newStream(flow.HTTP11, "GET", nil, nil)
			serve(t, Policy{}, s, upstream(answers(200, chunked, fields("Content-Type: application/grpc-web-text"), b)), edits)
			var d message.Base64Decoder
			text, ok := strings.CutSuffix(s.sink.text(), c.rest)
			got, _, err := d.Append(nil, []byte(text))
			if !ok || err != nil || string(got) != c.want || s.sink.end() != "closed" {
				t.Fatalf("%q cut at %d: %q: %q %v, want %q and %q", c.in, cut, s.sink.text(), got, err, c.want, c.rest)
			}
		}
	}
}

// Each message leaves before the next has come, in both directions.
func TestMessagesAreNotHeldBack(t *testing.T) {
	b := newBody()
	s := newStream(flow.HTTP11, "GET", nil, nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		serve(t, Policy{}, s, upstream(answers(200, chunked, fields("Content-Type: application/grpc"), b)), edits)
	}()
	for i := range 3 {
		b.feed(framed(0, "change"))
		s.sink.await((i + 1) * len(framed(0, "changed!")))
	}
	b.end(nil)
	<-done
}

// What a hook is told of a message.
func TestWhatAHookIsTold(t *testing.T) {
	var told []hook.StreamMessage
	s := newStream(flow.HTTP11, "GET", nil, nil)
	in := framed(1, pressed(t, "hello")) + framed(0, strings.Repeat("x", grpcLimit+(100<<10))) + framed(0, "y")
	r := serve(t, Policy{}, s, upstream(answers(200, chunked, fields("Content-Type: application/grpc", "Grpc-Encoding: gzip"), wholeBody(in))),
		messagesDo(func(m *hook.StreamMessage) { told = append(told, *m) }))
	if len(told) != 2 || string(told[0].Data) != "hello" || !told[0].Compressed || told[0].Kind != "grpc" || told[0].Side != flow.ToClient ||
		told[1].Index != 2 || told[1].Offset != int64(len(in)-6) || told[1].Compressed {
		t.Errorf("told of %d", len(told))
	}
	if !slices.Contains(findings(r.end), "message-large") || !bytes.Equal(r.body[flow.ToClient].Bytes(), []byte(in)) {
		t.Errorf("findings %v", findings(r.end))
	}
}
