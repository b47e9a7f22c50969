package redaction

import (
	"encoding/base64"
	"io"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/internal/coding"
	"midstream/internal/engine"
	"midstream/internal/message"
	"midstream/internal/ws"
)

func prefixed(flags byte, payload string) string {
	n := len(payload)
	return string([]byte{flags, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}) + payload
}

// said are the messages of a body, without their frames.
func said(t *testing.T, kind message.Kind, octets string) (all []string) {
	t.Helper()
	s := message.New(kind, "", 0)
	s.Write([]byte(octets))
	s.End()
	c := message.Codec{Kind: kind}
	for p, ok := s.Next(); ok; p, ok = s.Next() {
		m, err := c.Read(p.Raw)
		if err != nil || p.What != message.Message || p.Unfinished {
			t.Fatalf("%q: %v", p.Raw, err)
		}
		all = append(all, string(m.Data))
	}
	return all
}

func TestMessagesInFrames(t *testing.T) {
	r := newTest(t, `regex:CANARY-[a-z]+`)
	zipped, err := coding.Encode("gzip", []byte("\x0a\x0bCANARY-zipped, a message that is compressed"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, contentType string
		kind              message.Kind
		in                string
		want              []string
	}{
		{"gRPC keeps lengths", "application/grpc", message.GRPC, prefixed(0, "\x0a\x21CANARY-abcdefghijklmnopqrstuvwxyz") + prefixed(0, "\x0a\x08CANARY-a"),
			[]string{"\x0a\x21" + string(fit([]byte(tagged("«CANARY-abcdefghijklmnopqrstuvwxyz»")), 33)), "\x0a\x08********"}},
		{"gRPC, compressed", "application/grpc+proto", message.GRPC, prefixed(1, string(zipped)), []string{"\x0a\x0b*************, a message that is compressed"}},
		{"gRPC, compressed as nobody knows", "application/grpc", message.GRPC, prefixed(1, "CANARY-x"), []string{"[redacted: not looked into: decode gzip: "}},
		{"Connect with JSON, and its end", "application/connect+json", message.Connect, prefixed(0, `{"password":"p"}`) + prefixed(2, `{"metadata":{"set-cookie":["x"]}}`),
			[]string{tagged(`{"password":"«p»"}`), tagged(`{"metadata":{"set-cookie":"«["x"]»"}}`)}},
		{"gRPC-Web, its trailers", "application/grpc-web", message.GRPCWeb, prefixed(0, "x") + prefixed(0x80, "grpc-status: 0\r\nx-api-key: abcdef\r\n"),
			[]string{"x", tagged("grpc-status: 0\r\nx-api-key: «abcdef»\r\n")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := engine.Content{Side: flow.ToClient, Fields: flow.Fields{{Name: "Content-Type", Value: c.contentType}, {Name: "Grpc-Encoding", Value: "gzip"}}}
			for i := 0; i <= len(c.in); i += 7 {
				out, err := through(t, r, in, true, c.in[:i], c.in[i:])
				if err != nil {
					t.Fatal(err)
				}
				got := said(t, c.kind, out)
				if len(got) != len(c.want) {
					t.Fatalf("%q", got)
				}
				for k := range got {
					if got[k] != c.want[k] && !(strings.HasPrefix(c.want[k], "[") && strings.HasPrefix(got[k], c.want[k])) {
						t.Errorf("got %q, want %q", got[k], c.want[k])
					}
				}
			}
		})
	}
}

func TestMessagesInBase64(t *testing.T) {
	r := newTest(t)
	in := engine.Content{Fields: flow.Fields{{Name: "Content-Type", Value: "application/grpc-web-text"}}}
	text := base64.StdEncoding.EncodeToString([]byte(prefixed(0, `{"password":"p"}`))) + base64.StdEncoding.EncodeToString([]byte(prefixed(0x80, "cookie: abcdef\r\n")))
	out, err := through(t, r, in, true, text[:9], text[9:])
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(message.Base64(strings.NewReader(out)))
	if got := strings.Join(said(t, message.GRPCWeb, string(plain)), "|"); err != nil || got != tagged("{\"password\":\"«p»\"}|cookie: «abcdef»\r\n") {
		t.Errorf("%q, %v", got, err)
	}
}

func TestMessagesThatAreTooLong(t *testing.T) {
	r := newTest(t)
	in := engine.Content{Fields: flow.Fields{{Name: "Content-Type", Value: "application/grpc"}}}
	var pieces []string
	for all := prefixed(0, strings.Repeat("x", maxMessage+1)) + prefixed(0, "after"); all != ""; {
		n := min(len(all), 32<<10)
		pieces, all = append(pieces, all[:n]), all[n:]
	}
	out, err := through(t, r, in, true, pieces...)
	if err != nil {
		t.Fatal(err)
	}
	if got := said(t, message.GRPC, out); len(got) != 2 || !strings.HasPrefix(got[0], "[redacted: not looked into") || got[1] != "after" {
		t.Errorf("%.200q", got)
	}
	if out, err = through(t, r, in, true, prefixed(0, "before")+"\xff no frame"); err == nil || out != prefixed(0, "before") {
		t.Errorf("%q, %v", out, err)
	}
}

func frame(first byte, payload string, mask bool) string {
	h := ws.Header{Fin: first&0x80 != 0, RSV: first >> 4 & 7, Opcode: ws.Opcode(first & 15), Masked: mask, Length: int64(len(payload))}
	if mask {
		h.Mask = [4]byte{'m', 'a', 's', 'k'}
	}
	p := []byte(payload)
	ws.Cipher(p, h.Mask, 0)
	return string(append(ws.AppendHeader(nil, h), p...))
}

func TestSocket(t *testing.T) {
	r := newTest(t, `regex:CANARY-[a-z]+`)
	deflated, ok := new(ws.Deflater).Message(ws.Deflate{On: true, NoContext: true}, []byte(`{"api_key":"`+strings.Repeat("z", 40)+`"}`))
	if !ok {
		t.Fatal("not compressed")
	}
	in := frame(0x01, `{"password":"se`, true) + frame(0x89, "token: CANARY-ping", true) + frame(0x80, `cret"}`, true) +
		frame(0xc1, string(deflated), true) + frame(0x82, "\x01CANARY-bin", true) + frame(0x81, "Authorization: Bearer abc\nx", true) + frame(0x88, "\x03\xe8see CANARY-close", true)
	want := []string{tagged("ping token: «CANARY-ping»"), tagged(`text {"password":"«secret»"}`), tagged(`text {"api_key":"«` + strings.Repeat("z", 40) + `»"}`),
		tagged("binary \x01«CANARY-bin»"), tagged("text Authorization: «Bearer abc»\nx"), tagged("close \x03\xe8see «CANARY-close»")}
	c := engine.Content{What: engine.InSocket, Side: flow.ToServer, Fields: flow.Fields{{Name: "Sec-WebSocket-Extensions", Value: "permessage-deflate; client_no_context_takeover"}}}
	for i := 0; i <= len(in); i++ {
		out, err := through(t, r, c, true, in[:i], in[i:])
		if err != nil {
			t.Fatal(err)
		}
		s := ws.NewSplitter(ws.Deflate{}, 0)
		var got []string
		s.Write([]byte(out))
		for m, ok := s.Next(); ok; m, ok = s.Next() {
			got = append(got, m.Opcode.String()+" "+string(m.Payload))
		}
		if s.Err() != nil || strings.Join(got, "|") != strings.Join(want, "|") {
			t.Fatalf("cut at %d:\n got %q\nwant %q\n%v", i, got, want, s.Err())
		}
		s.Close()
	}
	out, err := through(t, r, c, true, frame(0x81, "a", true)+"\xff\xff no frame\nAuthorization: Bearer CANARY-x\n")
	if err != nil || strings.Contains(out, "CANARY") || !strings.Contains(out, "no frame\nAuthorization: [redacted:") {
		t.Errorf("%q, %v", out, err)
	}
	// What is broken off inside a credential does not show its beginning.
	out, err = through(t, r, c, false, frame(0x01, `{"password":"secr`, true))
	if err != nil || strings.Contains(out, "secr\"") || !strings.Contains(out, tagBegin) {
		t.Errorf("%q, %v", out, err)
	}
}
