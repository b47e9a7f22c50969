package http1

import (
	"strings"
	"testing"

	"midstream/flow"
)

func TestResponseHeads(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	refused := verdict{502, 502, ""}
	repaired := func(code string) verdict { return verdict{0, 502, code} }
	for _, c := range []struct {
		name, head string
		want       verdict
		sent       string // "" = as it came
	}{
		{"plain", ok + "A: b\r\n\r\n", verdict{}, ""},
		{"no reason, no space", "HTTP/1.1 200\r\nX-A:\r\n\r\n", verdict{}, ""},
		{"no reason, a space", "HTTP/1.1 200 \r\n\r\n", verdict{}, ""},
		{"an own reason", "HTTP/1.1 200 Na \xc3\xafve  \r\n\r\n", verdict{}, ""},
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\n", verdict{}, ""},
		{"bare LF", "HTTP/1.1 200 OK\nA: b\n\n", repaired(BareLineFeed), ""},
		{"LF and CRLF", "HTTP/1.1 200 OK\nA: b\r\n\n", repaired(BareLineFeed), ok + "A: b\r\n\r\n"},
		{"blank line before", "\r\n" + ok + "\r\n", verdict{0, 0, BlankBeforeStart}, ok + "\r\n"},
		{"spaces before the status", "HTTP/1.1   200 OK\r\n\r\n", repaired(StatusLineOdd), ok + "\r\n"},
		{"status of two digits", "HTTP/1.1 20 OK\r\n\r\n", refused, ""},
		{"status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", refused, ""},
		{"status with a sign", "HTTP/1.1 +20 OK\r\n\r\n", refused, ""},
		{"status 099", "HTTP/1.1 099 OK\r\n\r\n", refused, ""},
		{"status 999", "HTTP/1.1 999 Odd\r\n\r\n", repaired(StatusOdd), ""},
		{"status and reason in one", "HTTP/1.1 200OK\r\n\r\n", refused, ""},
		{"no status", "HTTP/1.1\r\n\r\n", refused, ""},
		{"version 2", "HTTP/2 200 OK\r\n\r\n", repaired(VersionOdd), ok + "\r\n"},
		{"version 1.2", "HTTP/1.2 200 OK\r\n\r\n", repaired(VersionOdd), ok + "\r\n"},
		{"version 0.9", "HTTP/0.9 200 OK\r\n\r\n", repaired(VersionOdd), "HTTP/1.0 200 OK\r\n\r\n"},
		{"lower-case version", "http/1.1 200 OK\r\n\r\n", repaired(VersionOdd), ok + "\r\n"},
		{"radio", "ICY 200 OK\r\n\r\n", repaired(VersionOdd), "HTTP/1.0 200 OK\r\n\r\n"},
		{"another protocol", "RTSP/1.0 200 OK\r\n\r\n", refused, ""},
		{"a letter too many", "HTTPS/1.1 200 OK\r\n\r\n", refused, ""},
		{"a digit too many", "HTTP/01.1 200 OK\r\n\r\n", refused, ""},
		{"tab after the version", "HTTP/1.1\t200 OK\r\n\r\n", refused, ""},
		{"CR before the version", "\rHTTP/1.1 200 OK\r\n\r\n", refused, ""},
		{"a space before the reason", "HTTP/1.1 200  OK\r\n\r\n", verdict{}, ""},
		{"something else", "SSH-2.0-OpenSSH_9\r\n\r\n", refused, ""},
		{"a body without a head", "<html>hello there</html>\r\n\r\n", refused, ""},
		{"control character in the reason", "HTTP/1.1 200 a\x01\r\n\r\n", repaired(FieldControl), ""},
		{"NUL in the reason", "HTTP/1.1 200 a\x00b\r\n\r\n", repaired(FieldControl), "HTTP/1.1 200 a b\r\n\r\n"},
		{"space before the colon", ok + "A : b\r\n\r\n", repaired(FieldSpaceBeforeColon), ok + "A: b\r\n\r\n"},
		{"space before the colon of a framing field", ok + "Content-Length : 3\r\n\r\n", repaired(FieldSpaceBeforeColon), ok + "Content-Length: 3\r\n\r\n"},
		{"no colon", ok + "garbage\r\nA: b\r\n\r\n", repaired(FieldLineDropped), ok + "A: b\r\n\r\n"},
		{"no colon, folded", ok + "garbage\r\n more\r\nA: b\r\n\r\n", repaired(FieldLineDropped), ok + "A: b\r\n\r\n"},
		{"no name", ok + ": x\r\n\r\n", repaired(FieldLineDropped), ok + "\r\n"},
		{"space in a name", ok + "Content Length: 5\r\n\r\n", repaired(FieldLineDropped), ok + "\r\n"},
		{"odd name", ok + "X(1)\xff: a\r\n\r\n", repaired(FieldNameOdd), ""},
		{"fold first", ok + " x: y\r\nA: b\r\n\r\n", repaired(FieldLineDropped), ok + "A: b\r\n\r\n"},
		{"folded", ok + "A: b\r\n\tc\r\n\r\n", repaired(FieldFolded), ok + "A: b c\r\n\r\n"},
		{"folded length", ok + "Content-Length: 1\r\n 2\r\n\r\n", refused, ""},
		{"NUL in a value", ok + "A: b\x00c\r\n\r\n", repaired(FieldControl), ok + "A: b c\r\n\r\n"},
		{"CR in a value", ok + "A: b\rSet-Cookie: c\r\n\r\n", repaired(FieldControl), ok + "A: b Set-Cookie: c\r\n\r\n"},
		{"control character in a value", ok + "A: b\x1fc\r\n\r\n", repaired(FieldControl), ""},
		{"NUL in a framing field", ok + "Transfer-Encoding: chunked\x00\r\n\r\n", refused, ""},
		{"trailing space in a value stays", ok + "A: b \r\n\r\n", verdict{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, findings, err := ParseResponseHead(c.head, Tolerant, Limits{})
			if got := statusOf(err); got != c.want.tolerant {
				t.Fatalf("tolerant: status %d (%v), want %d", got, err, c.want.tolerant)
			}
			if err == nil {
				if got := codes(findings); got != c.want.finding {
					t.Errorf("findings %q, want %q", got, c.want.finding)
				}
				want := c.sent
				if want == "" {
					want = c.head
				}
				if got := string(AppendResponseHead(nil, r)); got != want {
					t.Errorf("sent %q\nwant %q", got, want)
				}
				if _, err := printResponse(nil, r, ""); err != nil {
					t.Errorf("what was repaired cannot be sent: %v", err)
				}
			}
			if _, _, err := ParseResponseHead(c.head, Strict, Limits{}); statusOf(err) != c.want.strict {
				t.Errorf("strict: %v, want status %d", err, c.want.strict)
			}
		})
	}
}

func TestChangedStatusLinesArePrintedFromTheirParts(t *testing.T) {
	for change, want := range map[string]func(*flow.Response){
		"HTTP/1.1 404 ":   func(r *flow.Response) { r.Status = 404 },
		"HTTP/1.1 200 Hi": func(r *flow.Response) { r.Reason = "Hi" },
		"HTTP/1.0 200 ":   func(r *flow.Response) { r.Version = flow.HTTP10 },
		"HTTP/1.1 200":    func(r *flow.Response) { r.Fields.Add("A", "b") },
	} {
		r, _, err := ParseResponseHead("HTTP/1.1 200\r\n\r\n", Tolerant, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		want(r)
		if got, _, _ := strings.Cut(string(AppendResponseHead(nil, r)), "\r\n"); got != change {
			t.Errorf("got %q, want %q", got, change)
		}
	}
}

func TestOneHeadIsOneString(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nDate: x\r\nServer: y\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nCache-Control: no-store\r\n\r\n"
	b := []byte(head)
	if n := testing.AllocsPerRun(100, func() {
		if _, _, err := ParseResponseHead(string(b), Tolerant, Limits{}); err != nil {
			t.Fatal(err)
		}
	}); n > 4 {
		t.Errorf("a head costs %v allocations, want at most 4", n)
	}
}
