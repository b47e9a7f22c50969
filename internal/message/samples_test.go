package message

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"midstream/internal/coding"
)

// samplesEnv names the folder of samples NAME.response.txt, NAME.stream.txt and
// NAME.expected.json.
const samplesEnv = "MIDSTREAM_STREAM_SAMPLES"

func TestSamples(t *testing.T) {
	dir := os.Getenv(samplesEnv)
	if dir == "" {
		t.Skip(samplesEnv + " names no folder of samples")
	}
	heads, err := filepath.Glob(filepath.Join(dir, "*.response.txt"))
	if err != nil || len(heads) == 0 {
		t.Fatalf("no samples in %s: %v", dir, err)
	}
	known := 0
	for _, head := range heads {
		name := strings.TrimSuffix(filepath.Base(head), ".response.txt")
		fields := readFields(t, head)
		k, boundary := Of(fields.Get("Content-Type"))
		if k == None {
			continue
		}
		known++
		t.Run(name, func(t *testing.T) {
			in := read(t, strings.TrimSuffix(head, ".response.txt")+".stream.txt")
			if in, err = coding.Decode(fields.Get("Content-Encoding"), in, 0); err != nil {
				t.Fatal(err)
			}
			if k == GRPCWebText {
				if in, err = io.ReadAll(Base64(bytes.NewReader(in))); err != nil {
					t.Fatal(err)
				}
			}
			want := split(t, New(k, boundary, 0), in)
			for _, cut := range []int{1, 2, 3, 7, 64} {
				var pieces [][]byte
				for rest := in; len(rest) > 0; {
					n := min(cut, len(rest))
					pieces, rest = append(pieces, rest[:n]), rest[n:]
				}
				if got := split(t, New(k, boundary, 0), pieces...); shorthand(got) != shorthand(want) {
					t.Errorf("cut at %d: %s\nwhole: %s", cut, shorthand(got), shorthand(want))
				}
			}
			verify(t, k, want, read(t, strings.TrimSuffix(head, ".response.txt")+".expected.json"))
		})
	}
	if known < 10 {
		t.Errorf("only %d samples are of a known kind", known)
	}
}

// verify compares with what the samples say of themselves, where they do.
func verify(t *testing.T, k Kind, all []whole, text []byte) {
	var keys map[string]json.RawMessage
	json.Unmarshal(text, &keys) // what is not as expected is missed below
	var messages []json.RawMessage
	var parts []struct {
		Type   string
		Length int
		SHA1   string
	}
	var counts struct{ Messages, Lines int }
	json.Unmarshal(keys["messages"], &messages)
	json.Unmarshal(keys["parts"], &parts)
	json.Unmarshal(keys["counts"], &counts)
	n := 0
	for _, w := range all {
		if w.What == Lost || w.Unfinished {
			t.Errorf("%q is not a message", w.Raw)
		}
		if w.What != Message {
			continue
		}
		raw := []byte(w.Raw)
		switch k {
		case AWS:
			if _, err := ParseAWS(raw); err != nil {
				t.Error(err)
			}
		case GRPC, GRPCWeb, GRPCWebText, Connect:
			if m, err := ParsePrefixed(k, raw); err != nil {
				t.Error(err)
			} else if m.End || m.Trailers {
				continue
			}
		case Multipart:
			m, err := ParsePart(raw)
			if err != nil {
				t.Fatalf("part %d: %v", n, err)
			}
			if n >= len(parts) || parts[n].SHA1 == "" {
				break
			}
			sum := sha1.Sum(m.Body)
			if e := parts[n]; e.Type != m.Fields.Get("Content-Type") || e.Length != len(m.Body) || e.SHA1 != hex.EncodeToString(sum[:]) {
				t.Errorf("part %d is %s of %d octets, expected %+v", n, m.Fields.Get("Content-Type"), len(m.Body), e)
			}
		}
		n++
	}
	switch k {
	case GRPC, GRPCWeb, GRPCWebText, Connect:
		if n != len(messages) {
			t.Errorf("%d messages, expected %d", n, len(messages))
		}
	case AWS:
		if m := counts.Messages; m > 0 && n != m {
			t.Errorf("%d messages, expected %d", n, m)
		}
	case NDJSON:
		if m := counts.Lines; m > 0 && n != m {
			t.Errorf("%d lines, expected %d", n, m)
		}
	case Multipart:
		if len(parts) > 0 && n != len(parts) {
			t.Errorf("%d parts, expected %d", n, len(parts))
		}
	}
	if n == 0 {
		t.Error("no messages")
	}
}

func readFields(t *testing.T, path string) textproto.MIMEHeader {
	fields := textproto.MIMEHeader{}
	for i, line := range strings.Split(string(read(t, path)), "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok && i > 0 {
			fields.Set(strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
	return fields
}

func read(t *testing.T, path string) []byte {
	p, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
