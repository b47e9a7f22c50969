package redaction

import (
	"encoding/json"
	"strings"
	"testing"
)

// veiled is a text in which «x» stands for what is hidden: as it is, and as it is
// seen.
func veiled(s string) (in, want string) {
	in = strings.NewReplacer("«", "", "»", "").Replace(s)
	var b strings.Builder
	for s != "" {
		before, rest, ok := strings.Cut(s, "«")
		b.WriteString(before)
		if !ok {
			break
		}
		b.WriteString(Dots)
		_, s, _ = strings.Cut(rest, "»")
	}
	return in, b.String()
}

var veilTexts = []string{
	`nothing here: a=b, c: d`,
	`https://h/a?x=1&token=«abc»&y=2#access_token=«def»`,
	`/cb?next=https%3A%2F%2Fh%3Fapi_key%3D«abc»&z`,
	`/a?pass%77ord=«xy»`,
	`user[password]=«x»&a[]=1&password=`,
	`https://«user:pass»@host:80/path https://host:80/a@b mailto:a@b`,
	"GET / HTTP/1.1\r\nAuthorization: «Bearer abc»\r\nX-Plain: is plain\r\ncookie: «a=b; c=d»\r\n\r\n",
	`{"a":1,"password":"«hun\"ter2»","b":{"API_KEY": «12345», "client_secret":null}}`,
	`{"password" : "«unfinished`,
	`{"authorization":["«a»","«b]»",{"«x»":«1»}],"plain":"y"}`,
	`"{\"password\":\"«a\\\"b»\",\"x\":1}"`,
	`"GET / HTTP/1.1\r\nCookie: «a=b»\r\nX: y\r\n"`,
	`{"next":"/a?b=1\u0026token=«abc»\u0026c=d"}`,
	`<a href="/x?y=1&amp;api_key=«abc»">`,
	`<login><password>«x»</password><name>y</name></login>`,
	`curl -H 'Authorization: «Bearer a»' -H 'X: y' 'http://h/?token=«b»'`,
	"--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n«hun\r\nter2»\r\n--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nplain\r\n--b--",
	`see «eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln» there`,
	`a eyJust.a.word b`,
	`password=[redacted:0123456789ab]&a=b`,
	`token=""; token="«a b»"`,
	`data: {"api_key":"«x»"}`,
	"cookie:\r\nX: y\r\n",
	`the key: C major`,
}

func TestVeilTexts(t *testing.T) {
	v := NewVeil()
	for _, c := range veilTexts {
		in, want := veiled(c)
		if got := v.Text(in); got != want {
			t.Errorf("%q\n got %q\nwant %q", in, got, want)
		}
	}
}

// Octets hides the same, whatever pieces they come in, and keeps their number.
func TestVeilOctets(t *testing.T) {
	v := NewVeil()
	for _, c := range veilTexts {
		in, _ := veiled(c)
		var want strings.Builder
		for s := c; s != ""; {
			before, rest, _ := strings.Cut(s, "«")
			want.WriteString(before)
			hidden, after, _ := strings.Cut(rest, "»")
			want.WriteString(strings.Repeat("*", len(hidden)))
			s = after
		}
		if strings.Contains(c, "redacted:") || strings.Contains(c, `\"`) || strings.Contains(c, "eyJ") || strings.Contains(c, "@") {
			// What is told at its end alone is hidden where it comes in one piece.
			if got := string(v.Octets().Next([]byte(in))); got != want.String() {
				t.Errorf("%q\n got %q\nwant %q", in, got, want.String())
			}
			continue
		}
		for cut := range len(in) {
			o := v.Octets()
			got := string(o.Next([]byte(in[:cut]))) + string(o.Next([]byte(in[cut:])))
			extra := 0 // stars beside what is hidden: of a delimiter that came in two
			for i := range in {
				switch {
				case got[i] == want.String()[i]:
				case got[i] == '*':
					extra++
				default:
					extra = len(in)
				}
			}
			if extra > 8 && !strings.HasPrefix(in[cut:], "ull") {
				t.Errorf("cut at %d: %q\n got %q\nwant %q", cut, in, got, want.String())
				break
			}
		}
	}
}

func TestVeilJSON(t *testing.T) {
	v := NewVeil()
	for _, c := range []struct{ in, want string }{
		{`{"url":"http://h/?token=abc","n":1,"ok":true}`, `{"url":"http://h/?token=••••••••","n":1,"ok":true}`},
		{`{"fields":[["Authorization","Bearer a"],["X","y"],["x-api-key",""],["Referer","/?sid=1"]]}`, `{"fields":[["Authorization","••••••••"],["X","y"],["x-api-key",""],["Referer","/?sid=••••••••"]]}`},
		{`{"headers":[{"name":"cookie","type":7,"value":"a"},{"name":"x","value":"b"}]}`, `{"headers":[{"name":"cookie","type":7,"value":"••••••••"},{"name":"x","value":"b"}]}`},
		{`{"text":"{\"password\":\"a\\\"b\",\"c\":1}"}`, `{"text":"{\"password\":\"••••••••\",\"c\":1}"}`},
		{`{"input":{"password":12,"a":{"API_KEY":["x",{"y":"z"},null]},"b":2}}`, `{"input":{"password":"••••••••","a":{"API_KEY":["••••••••",{"y":"••••••••"},null]},"b":2}}`},
		{`{"fields":[["Content-Disposition","form-data; name=\"password\""]],"text":"a"}`, `{"fields":[["Content-Disposition","form-data; name=\"password\""]],"text":"••••••••"}`},
		{`["Authorization","x","y"]`, `["Authorization","••••••••","y"]`},
		{`{"password":"[redacted:0123456789ab]"}`, `{"password":"[redacted:0123456789ab]"}`},
		{`not json: "`, `not json: "`},
		{`{"a":"b\`, `{"a":"b\`},
	} {
		got := string(v.JSON([]byte(c.in)))
		if got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.in, got, c.want)
		}
		if json.Valid([]byte(c.in)) != json.Valid([]byte(got)) {
			t.Errorf("%s became %s", c.in, got)
		}
	}
}

func TestVeilLines(t *testing.T) {
	v := NewVeil()
	for _, c := range []struct {
		view     string
		in, want string
	}{
		{"form", "a: b\ntoken: x\n\"pass:word\": y\npassword: \"z\\n\"", "a: b\ntoken: ••••••••\n\"pass:word\": y\npassword: \"••••••••\""},
		{"query", "key: x", "key: ••••••••"},
		{"json", "{\n  \"password\": \"a\",\n  \"cookie\": [\n    \"b\",\n    1\n  ],\n  \"c\": \"d\"\n}", "{\n  \"password\": \"••••••••\",\n  \"cookie\": [\n    \"••••••••\",\n    ••••••••\n  ],\n  \"c\": \"d\"\n}"},
		{"cookies", "session: x\n  Path: /\nb:", "session: ••••••••\n  Path: /\nb:"},
		{"jwt", "// token in body\n{\n  \"sub\": \"a\"\n}\n// signature abc, not checked", "// token in body\n{\n  \"sub\": \"a\"\n}\n// signature ••••••••, not checked"},
		{"multipart", "--- part 1, 3 bytes\nContent-Disposition: form-data; name=\"password\"\n  abc\n  def\n\n--- part 2, 3 bytes\nContent-Disposition: form-data; name=\"a\"\n  ghi",
			"--- part 1, 3 bytes\nContent-Disposition: form-data; name=\"password\"\n  ••••••••\n  ••••••••\n\n--- part 2, 3 bytes\nContent-Disposition: form-data; name=\"a\"\n  ghi"},
		{"hex", "00000000  61 3d 62 26 74 6f 6b 65  6e 3d 73 65 63 72 65 74  a=b&token=secret\n00000010  31 26 63                                          1&c",
			"00000000  61 3d 62 26 74 6f 6b 65  6e 3d ** ** ** ** ** **  a=b&token=******\n00000010  ** 26 63                                          *&c"},
	} {
		got := strings.Join(v.Lines(c.view, 4096, strings.Split(c.in, "\n")), "\n")
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.view, got, c.want)
		}
	}
	// A line that is broken goes on in the next.
	got := v.Lines("raw", 20, []string{`{"password":"aaaaaaa`, `aaaaaaaaaaaaaaaaaaaa`, `aa","b":"c"}`})
	if want := `{"password":"••••••••|••••••••|••••••••","b":"c"}`; strings.Join(got, "|") != want {
		t.Errorf("%q", got)
	}
}

func FuzzVeil(f *testing.F) {
	for _, c := range veilTexts {
		f.Add(c, 3)
	}
	f.Add(`{"a":["Cookie","x"],"b":{"name":"cookie","value":1}}`, 5)
	v := NewVeil()
	f.Fuzz(func(t *testing.T, s string, cut int) {
		v.Text(s)
		o := v.Octets()
		cut = min(max(cut, 0), len(s))
		if got := len(o.Next([]byte(s[:cut]))) + len(o.Next([]byte(s[cut:]))); got != len(s) {
			t.Errorf("%d octets became %d", len(s), got)
		}
		if out := v.JSON([]byte(s)); json.Valid([]byte(s)) && !json.Valid(out) {
			t.Errorf("%q became %q", s, out)
		}
		for _, view := range []string{"raw", "hex", "form", "multipart", "jwt", "cookies"} {
			lines := strings.Split(s, "\n")
			if got := v.Lines(view, 16, lines); len(got) != len(lines) {
				t.Errorf("%d lines became %d", len(lines), len(got))
			}
		}
	})
}
