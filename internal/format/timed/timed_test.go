package timed

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"midstream/flow"
)

const events = `# made by hand
{"timed":1,"status":200,"at":1.5,"fields":[["Content-Type","text/event-stream"]]}

{"at":0.25,"event":"token","id":"","data":"a\nb"}
{"at":1,"comment":"alive"}
{"at":1,"json":{"a": [1]}}
{"at":2,"text":"data: raw\r\n\r\n"}
{"at":3,"base64":"/w=="}
{"at":4,"end":true,"trailers":[["X","y"]]}
`

func TestRead(t *testing.T) {
	r, err := Read(strings.NewReader(events))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range r.Steps {
		got = append(got, s.At.String()+" "+string(s.Octets))
	}
	want := []string{"250µs event: token\nid:\ndata: a\ndata: b\n\n", "1ms : alive\n\n", "1ms {\"a\":[1]}\n", "2ms data: raw\r\n\r\n", "3ms \xff", "4ms "}
	if !reflect.DeepEqual(got, want) || r.At != 1500*time.Microsecond || !r.Steps[5].End || r.Steps[5].Trailers.Get("x") != "y" {
		t.Errorf("%q", got)
	}
	it := r.Item()
	b := it.Bodies[flow.ToClient].(*Body)
	if b.Size() != int64(len(strings.Join(got, "")))-int64(len("250µs 1ms 1ms 2ms 3ms 4ms ")) || it.Flow.Response.Trailers.Get("X") != "y" || it.Flow.Response.Fields.Get("Transfer-Encoding") != "chunked" {
		t.Errorf("%d octets, %v", b.Size(), it.Flow.Response.Fields)
	}
}

func TestReadASocket(t *testing.T) {
	r, err := Read(strings.NewReader(`{"timed":1,"websocket":true}
{"at":1,"from":"client","text":"hi"}
{"at":2,"from":"server","base64":"AA=="}
{"at":3,"from":"server","close":1001,"reason":"bye"}`))
	if err != nil {
		t.Fatal(err)
	}
	it := r.Item()
	n := 0
	for m, err := range it.Messages {
		if err != nil || m.FromClient != (n == 0) || m.Text != (n == 0) {
			t.Errorf("%+v, %v", m, err)
		}
		n++
	}
	if c := it.Closing; n != 2 || c.Code != 1001 || c.ByClient || c.Reason != "bye" {
		t.Errorf("%d messages, %+v", n, c)
	}
}

func TestWhatIsNoTimedFile(t *testing.T) {
	const head = `{"timed":1,"status":200}` + "\n"
	for text, want := range map[string]string{
		"":                               "it is empty",
		"{}":                             `line 1: the first line has "timed":0`,
		"data: x":                        "line 1: the head: no JSON object",
		`{"timed":1,"status":99}`:        "line 1: status 99 is none",
		`{"timed":1,"status":200,"x":1}`: `unknown field "x"`,
		`{"timed":1,"status":200} 1`:     "more than one",
		`{"timed":1,"status":200,"fields":[["a b","c"]]}`:                               "no name and value",
		head + `{"text":"x"}`:                                                           `line 2: it has no "at"`,
		head + `{"at":-1,"text":"x"}`:                                                   "not below 0",
		head + `{"at":1e300,"text":"x"}`:                                                "at most a day",
		head + `{"at":1}`:                                                               "it says one of",
		head + `{"at":1,"text":"a","data":"b"}`:                                         "it says one of",
		head + `{"at":2,"text":"a"}` + "\n" + `{"at":1,"text":"a"}`:                     "line 3: at: it is before",
		head + `{"at":1,"end":true}` + "\n" + `{"at":1,"text":"a"}`:                     "line 3: it stands behind the end",
		head + `{"at":1,"event":"a\nb"}`:                                                "line breaks",
		head + `{"at":1,"from":"client","text":""}`:                                     "are of a WebSocket",
		head + `{"at":1,"base64":"?"}`:                                                  "base64:",
		head + `{"at":1,"text":"x"`:                                                     "line 2: no JSON object as expected: it ends too early",
		`{"timed":1,"websocket":true}` + "\n" + `{"at":1,"text":"x"}`:                   `says "from"`,
		`{"timed":1,"websocket":true}` + "\n" + `{"at":1,"from":"server","close":1006}`: "1006 is no code",
		`{"timed":1,"websocket":true}` + "\n" + `{"at":1,"from":"server","data":""}`:    "has text, base64",
	} {
		if _, err := Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// What is written is read again as it was.
func FuzzRead(f *testing.F) {
	f.Add([]byte(events))
	f.Add([]byte(`{"timed":1,"websocket":true}` + "\n" + `{"at":1,"from":"server","text":"x"}` + "\n" + `{"at":1,"cut":true}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Read(bytes.NewReader(text))
		if err != nil {
			return
		}
		r.Item()
		for _, form := range []Form{Plain, Event, Line} {
			var out bytes.Buffer
			w, err := NewWriter(&out, r.Head)
			if err != nil {
				t.Fatal(err)
			}
			for i := range r.Steps {
				if err := w.Write(&r.Steps[i], form); err != nil {
					t.Fatal(err)
				}
			}
			again, err := Read(&out)
			if err != nil {
				t.Fatalf("%v in what was written of %q", err, text)
			}
			if len(again.Steps) != len(r.Steps) || again.At != r.At || again.Status != r.Status {
				t.Fatalf("%+v became %+v", r, again)
			}
			for i, s := range r.Steps {
				n := again.Steps[i]
				if !bytes.Equal(s.Octets, n.Octets) || s.At != n.At || s.ends() != n.ends() || s.Close != n.Close || s.FromClient != n.FromClient || r.WebSocket && s.Text != n.Text {
					t.Fatalf("%+v became %+v", s, n)
				}
			}
		}
	})
}
