package message

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestKindsByContentType(t *testing.T) {
	for in, want := range map[string]Kind{
		"text/event-stream":                           SSE,
		"Text/Event-Stream ; charset=utf-8":           SSE,
		"text/event-streams":                          None,
		"application/x-ndjson":                        NDJSON,
		"application/jsonl; charset=utf-8":            NDJSON,
		"application/json-seq":                        JSONSeq,
		"application/json":                            None,
		"application/grpc":                            GRPC,
		"application/grpc+proto":                      GRPC,
		"application/grpc-web+proto":                  GRPCWeb,
		"application/grpc-web-text+proto":             GRPCWebText,
		"application/grpc-other":                      None,
		"application/connect+json":                    Connect,
		"application/vnd.amazon.eventstream":          AWS,
		"multipart/x-mixed-replace; boundary=x":       Multipart,
		"multipart/x-mixed-replace; boundary=\"x y\"": Multipart,
		"multipart/x-mixed-replace; boundary=a:b@c":   Multipart,
		"multipart/x-mixed-replace":                   None,
		"":                                            None,
	} {
		if got, _ := Of(in); got != want {
			t.Errorf("%q is %v, got %v", in, want, got)
		}
	}
	if _, b := Of(`multipart/x-mixed-replace; boundary="x y"; q=1`); b != "x y" {
		t.Errorf("boundary %q", b)
	}
	if _, b := Of("multipart/x-mixed-replace; boundary=a:b@c"); b != "a:b@c" {
		t.Errorf("boundary %q", b)
	}
}

func TestAWSHeaders(t *testing.T) {
	headers := "\x01a\x00" + "\x01b\x01" + "\x01c\x02\xff" + "\x01d\x03\x01\x00" + "\x01e\x04\x00\x00\x00\x07" +
		"\x01f\x05\x00\x00\x00\x00\x00\x00\x00\x08" + "\x01g\x06\x00\x01x" + "\x01h\x07\x00\x02hi" +
		"\x01i\x08\x00\x00\x00\x00\x00\x00\x03\xe8" + "\x01j\x09" + strings.Repeat("\xab", 16)
	m, err := ParseAWS([]byte(aws(headers, "payload")))
	if err != nil || string(m.Payload) != "payload" {
		t.Fatalf("%v, payload %q", err, m.Payload)
	}
	var got []string
	for _, h := range m.Headers {
		got = append(got, h.Name+"="+h.Value)
	}
	want := "a=true b=false c=-1 d=256 e=7 f=8 g=eA== h=hi i=1970-01-01T00:00:01Z j=" + strings.Repeat("ab", 16)
	if s := strings.Join(got, " "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
	if m.Header("h") != "hi" || m.Header("x") != "" {
		t.Error("Header does not find")
	}
	for name, in := range map[string]string{
		"short":         "abc",
		"no such type":  aws("\x01a\x0a", ""),
		"value missing": aws("\x01a\x07\x00\x09x", ""),
		"name missing":  aws("\x00\x00", ""),
		"cut name":      aws("\x09a", ""),
	} {
		if _, err := ParseAWS([]byte(in)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	damaged := []byte(aws("", "payload"))
	damaged[13] ^= 1
	if _, err := ParseAWS(damaged); !errors.Is(err, errChecksum) {
		t.Errorf("damaged: %v", err)
	}
}

func TestPrefixedMessages(t *testing.T) {
	m, err := ParsePrefixed(GRPC, []byte("\x01\x00\x00\x00\x02ab"))
	if err != nil || !m.Compressed || m.Trailers || m.End || string(m.Payload) != "ab" {
		t.Errorf("%+v %v", m, err)
	}
	if m, _ = ParsePrefixed(GRPCWeb, []byte("\x80\x00\x00\x00\x00")); !m.Trailers {
		t.Errorf("%+v", m)
	}
	if m, _ = ParsePrefixed(Connect, []byte("\x02\x00\x00\x00\x00")); !m.End {
		t.Errorf("%+v", m)
	}
	for _, in := range []string{"", "\x00\x00\x00\x00", "\x00\x00\x00\x00\x02a", "\x00\x00\x00\x00\x00a"} {
		if _, err := ParsePrefixed(GRPC, []byte(in)); err == nil {
			t.Errorf("%q: no error", in)
		}
	}
}

func TestParts(t *testing.T) {
	m, err := ParsePart([]byte("--b\r\nContent-Type: image/jpeg\r\nX: 1\r\n\r\nbody\r\n"))
	if err != nil || string(m.Body) != "body" || m.Fields.Get("content-type") != "image/jpeg" || m.Fields.Get("X") != "1" {
		t.Errorf("%+v %v", m, err)
	}
	if m, err = ParsePart([]byte("--b\nContent-Length: 2\n\n\r\n")); err != nil || string(m.Body) != "\r\n" {
		t.Errorf("%+v %v", m, err)
	}
	if m, err = ParsePart([]byte("--b\r\n\r\n")); err != nil || len(m.Body) != 0 || len(m.Fields) != 0 {
		t.Errorf("%+v %v", m, err)
	}
	if _, err = ParsePart([]byte("--b\r\nA: b")); err == nil {
		t.Error("a part without the end of its fields is read")
	}
}

func TestBase64Runs(t *testing.T) {
	for in, want := range map[string]string{"": "", "YQ==": "a", "YQ==YWI=YWJj": "aababc", "Y\r\nQ==\n": "a"} {
		for _, r := range []io.Reader{strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in))} {
			got, err := io.ReadAll(Base64(r))
			if err != nil || string(got) != want {
				t.Errorf("%q: %q %v", in, got, err)
			}
		}
	}
	if got, err := io.ReadAll(Base64(strings.NewReader("YWJjYQ"))); !errors.Is(err, io.ErrUnexpectedEOF) || string(got) != "abc" {
		t.Errorf("cut: %q %v", got, err)
	}
	if got, err := io.ReadAll(Base64(strings.NewReader("YWJj!!!!"))); err == nil || string(got) != "abc" {
		t.Errorf("damaged: %q %v", got, err)
	}
}
