package redaction

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/internal/coding"
	"midstream/internal/engine"
)

var testKey = Key("a key for tests, of 32 octets...")

func newTest(t testing.TB, rules ...string) *Redactor {
	t.Helper()
	r, err := Parse(rules)
	if err != nil {
		t.Fatal(err)
	}
	return New(r, testKey)
}

// tagged is a text in which «x» stands for the tag of x.
func tagged(s string) string {
	h := hand{r: &Redactor{rules: Default(), key: testKey}}
	return regexp.MustCompile(`(?s)«(.*?)»`).ReplaceAllStringFunc(s, func(m string) string { return h.tagOf(m[len("«") : len(m)-len("»")]) })
}

// through sends pieces through the redaction of a body.
func through(t testing.TB, r *Redactor, c engine.Content, whole bool, pieces ...string) (string, error) {
	t.Helper()
	b := r.Begin().Body(c)
	if b == nil {
		return strings.Join(pieces, ""), nil
	}
	var out bytes.Buffer
	keep := func(p []byte) { out.Write(p) }
	for _, p := range pieces {
		b.Write([]byte(p), keep)
	}
	b.End(whole, keep)
	return out.String(), b.Err()
}

func bodyOf(contentType string) engine.Content {
	return engine.Content{Side: flow.ToClient, Fields: flow.Fields{{Name: "Content-Type", Value: contentType}}}
}

var bodies = []struct {
	name, contentType, in, want string
	rules                       []string
}{
	{"json member", "application/json", `{"a":1,"password":"hun\u0074er22","b":[{"API_KEY": 12345 , "x":null}]}`, `{"a":1,"password":"«hunter22»","b":[{"API_KEY": "«12345»" , "x":null}]}`, nil},
	{"json null stays", "application/json", `{"password":null,"token":"t"}`, `{"password":null,"token":"t"}`, nil},
	{"json object", "application/problem+json", `[{"client_secret":{"a":"}\"","b":[1]},"n":1}]`, `[{"client_secret":"«{"a":"}\"","b":[1]}»","n":1}]`, nil},
	{"json path", "application/json", `{"user":{"pin":"1","list":[{"id":"a"},{"id":"b"}]},"pin":"2"}`, `{"user":{"pin":"«1»","list":[{"id":"«a»"},{"id":"«b»"}]},"pin":"2"}`, []string{"json:$.user.pin", "json:$.user.list[*].id"}},
	{"json index and any", "application/json", `[["a","b"],["c","d"]]`, `[["a","«b»"],["c","«d»"]]`, []string{"json:$.*[1]"}},
	{"json deep path", "application/json", `{"x":{"a":{"b":"1"}},"a":{"y":{"b":"2"},"b":"3"},"b":"4"}`, `{"x":{"a":{"b":"«1»"}},"a":{"y":{"b":"2"},"b":"«3»"},"b":"4"}`, []string{"json:$..a.b"}},
	{"json escaped name", "application/json", `{"pass\u0077ord":"secret-1"}`, `{"pass\u0077ord":"«secret-1»"}`, nil},
	{"json surrogates", "application/json", `{"password":"\ud83d\ude00\n\/"}`, "{\"password\":\"«\U0001F600\n/»\"}", nil},
	{"json texts in a row", "application/json", `{"password":"a-secret"}{"password":"b-secret"}`, `{"password":"«a-secret»"}{"password":"«b-secret»"}`, nil},
	{"json behind a guard", "text/javascript", ")]}',\n{\"password\":\"a-secret\"}", ")]}',\n{\"password\":\"«a-secret»\"}", nil},
	{"json of no type", "", ` {"password":"a-secret"}`, ` {"password":"«a-secret»"}`, nil},
	{"json as a form", "application/x-www-form-urlencoded", `{"password":"a-secret"}`, `{"password":"«a-secret»"}`, nil},
	{"url in json", "application/json", `{"next":"https://h/?a=1\u0026api_key=abcdef&b=2"}`, `{"next":"https://h/?a=1\u0026api_key=«abcdef»&b=2"}`, nil},
	{"ndjson, a line is broken", "application/x-ndjson", "{\"a\":\"x\n{\"password\":\"1\"}\n", "{\"a\":\"x\n{\"password\":\"«1»\"}\n", nil},
	{"json-seq", "application/json-seq", "\x1e{\"password\":\"1\"}\n\x1e{\"password\":2}\n", "\x1e{\"password\":\"«1»\"}\n\x1e{\"password\":\"«2»\"}\n", nil},
	{"form", "application/x-www-form-urlencoded", `a=b&pass%77ord=hun+ter%32&user[password]=x1&api_key=&c`, `a=b&pass%77ord=«hun ter2»&user[password]=«x1»&api_key=&c`, nil},
	{"form at its end", "application/x-www-form-urlencoded", `token=abc`, `token=«abc»`, nil},
	{"form of the user", "application/x-www-form-urlencoded", `pin=1234&spin=1`, `pin=«1234»&spin=1`, []string{"query:PIN"}},
	{"events", "text/event-stream", ": hi\nevent: x\ndata: {\"password\":\"a\",\ndata: \"api_key\":\"b\"}\n\ndata: plain\n\ndata:{\"password\":\"c\"}\r\n\r\n",
		": hi\nevent: x\ndata: {\"password\":\"«a»\",\ndata: \"api_key\":\"«b»\"}\n\ndata: plain\n\ndata:{\"password\":\"«c»\"}\r\n\r\n", nil},
	{"an event that breaks off", "text/event-stream", "data: {\"password\":\"a\n\ndata: {\"a\":\"b\"}\n\n", "data: {\"password\":\ndata: \"«a»\"\n\ndata: {\"a\":\"b\"}\n\n", nil},
	{"multipart form", `multipart/form-data; boundary="b1"`,
		"--b1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n\r\n--b1\r\nContent-Disposition: form-data; name=\"password\"\r\nContent-Length: 9\r\n\r\nhun\r\nter2\r\n--b1\r\ncontent-type: application/json\r\n\r\n{\"password\":\"p\"}\r\n--b1--\r\nrest",
		"--b1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n\r\n--b1\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n«hun\r\nter2»\r\n--b1\r\ncontent-type: application/json\r\n\r\n{\"password\":\"«p»\"}\r\n--b1--\r\nrest", nil},
	{"fields in plain text", "text/plain", "GET / HTTP/1.1\r\nauthorization: Bearer abcdef\r\nX: y\r\n\r\n", "GET / HTTP/1.1\r\nauthorization: «Bearer abcdef»\r\nX: y\r\n\r\n", nil},
	{"links of many spellings", "text/html", `/cb#access_token=frag&x;token=%41b+c?sid="#a=b\u0026x=\u0026jwt=e.y`, `/cb#access_token=«frag»&x;token=«Ab c?sid=»"#a=b\u0026x=\u0026jwt=«e.y»`, nil},
	{"fields with other line ends", "text/plain", "Cookie:\t a=b \nX: y\ncookie:\n set-cookie : c\rX-Api-Key: d", "Cookie:\t «a=b »\nX: y\ncookie:\n set-cookie : c\rX-Api-Key: «d»", nil},
	{"links in html", "text/html", `<a href="/x?y=1&amp;api_key=abcdef">`, `<a href="/x?y=1&amp;api_key=«abcdef»">`, nil},
	{"a pattern", "text/html", "a sk-123456 b sk-12 c", "a «sk-123456» b sk-12 c", []string{`regex:sk-[0-9]{6}`}},
	{"a pattern with a group", "text/html", "pin: 1234, pin: 99", "pin: «1234», pin: «99»", []string{`regex:pin: ([0-9]+)`}},
	{"a literal", "image/png", "a CANARY b CANAR", "a «CANARY» b CANAR", []string{`regex:CANARY`}},
	{"an image", "image/png", `{"password":"x"}`, `{"password":"x"}`, nil},
	{"replaced before", "application/json", `{"password":"[redacted:0123456789ab]"}`, `{"password":"[redacted:0123456789ab]"}`, nil},
}

// Wherever a body is cut into pieces, and whatever its coding, what is recorded of
// it is the same.
func TestBodies(t *testing.T) {
	for _, c := range bodies {
		t.Run(c.name, func(t *testing.T) {
			r := newTest(t, c.rules...)
			want := tagged(c.want)
			for i := 0; i <= len(c.in); i++ {
				got, err := through(t, r, bodyOf(c.contentType), true, c.in[:i], c.in[i:])
				if got != want || err != nil {
					t.Fatalf("cut at %d:\n got %q\nwant %q\n%v", i, got, want, err)
				}
			}
			var octets []string
			for i := range len(c.in) {
				octets = append(octets, c.in[i:i+1])
			}
			if got, err := through(t, r, bodyOf(c.contentType), true, octets...); got != want || err != nil {
				t.Errorf("octet by octet:\n got %q\nwant %q\n%v", got, want, err)
			}
			for _, name := range []string{"gzip", "br", "zstd", "deflate, gzip"} {
				coded, err := coding.Encode(name, []byte(c.in))
				if err != nil {
					t.Fatal(err)
				}
				in := bodyOf(c.contentType)
				in.Fields.Add("Content-Encoding", name)
				got, err := through(t, r, in, true, string(coded[:len(coded)/2]), string(coded[len(coded)/2:]))
				if err != nil {
					t.Fatal(name, err)
				}
				decoded, err := coding.Decode(name, []byte(got), 1<<20)
				if err != nil || string(decoded) != want {
					t.Errorf("%s: %q, %v", name, decoded, err)
				}
			}
		})
	}
}

// Of a stream is held back only what may begin something that is replaced.
func TestWhatCanBeSeenLeavesAtOnce(t *testing.T) {
	r := newTest(t, "regex:sk-[0-9]+x")
	for _, c := range []struct{ contentType, in, at string }{
		{"text/event-stream", "data: {\"delta\":\"Hello\"}\n\n", "data: {\"delta\":\"Hello\"}\n\n"},
		{"text/event-stream", "data: {\"password\":\"Hello\"}\n\n", tagged("data: {\"password\":\"«Hello»\"}\n\n")},
		{"application/x-ndjson", "{\"a\":\"see sk-12\"}\n", "{\"a\":\"see sk-12\"}\n"},
		{"application/json", `{"a":"sk-12`, `{"a":"`},
		{"text/html", "<p>token", "<p>token"},
		{"application/x-www-form-urlencoded", "a=b&passw", "a=b&passw"},
	} {
		b := r.Begin().Body(bodyOf(c.contentType))
		var out bytes.Buffer
		b.Write([]byte(c.in), func(p []byte) { out.Write(p) })
		if out.String() != c.at {
			t.Errorf("of %q %q is out, want %q", c.in, out.String(), c.at)
		}
		b.End(true, func([]byte) {})
	}
	// A coded body as well: what comes is flushed.
	in := bodyOf("text/event-stream")
	in.Fields.Add("Content-Encoding", "gzip")
	var coded bytes.Buffer
	enc, err := coding.NewEncoder("gzip", &coded)
	if err != nil {
		t.Fatal(err)
	}
	enc.Write([]byte("data: {\"password\":\"first\"}\n\n"))
	enc.Flush()
	b := r.Begin().Body(in)
	var out bytes.Buffer
	b.Write(coded.Bytes(), func(p []byte) { out.Write(p) })
	d, err := coding.NewDecoder("gzip", &out)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	buf := make([]byte, 1000)
	n, _ := d.Read(buf)
	if got := string(buf[:n]); got != tagged("data: {\"password\":\"«first»\"}\n\n") {
		t.Errorf("%q", got)
	}
	b.End(false, func([]byte) {})
	enc.Close()
}
