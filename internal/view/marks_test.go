package view

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/internal/coding"
)

// counted counts the octets that are read.
type counted struct {
	io.ReadSeeker
	read int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadSeeker.Read(p)
	c.read += int64(n)
	return n, err
}

// deep is JSON of some MiB with everything in it that the state of the formatter is
// made of.
func deep() string {
	var b strings.Builder
	b.WriteString(`{"long":"` + strings.Repeat(`x\"é`, 200_000) + `","list":[`)
	for i := range 60_000 {
		fmt.Fprintf(&b, `{"n":%d,"deep":[[[{"a\\":"b, } ]"}]]],"empty":{},"t":true},`, i)
	}
	b.WriteString(`null]}`)
	return b.String()
}

func TestMarksChangeNoLine(t *testing.T) {
	text := deep()
	zipped, err := coding.Encode("gzip", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"plain": text, "gzip": string(zipped), "cut": text[:len(text)-20_000], "not JSON": text + "}}\x00" + text} {
		in := typedInput("application/json", "")
		if name == "gzip" {
			in = codedInput("gzip")
		}
		fresh := func(marks *Marks, from, n int64) (*Result, int64) {
			t.Helper()
			body := &counted{ReadSeeker: strings.NewReader(content)}
			in.Body, in.Marks = body, marks
			r, err := Show(t.Context(), in, "json", Window{From: from, Count: n})
			if err != nil {
				t.Fatal(name, err)
			}
			return r, body.read
		}
		var marks Marks
		marks.Fit(int64(len(content)))
		for from := int64(0); ; from += 40_001 {
			want, _ := fresh(nil, from, 50)
			for _, at := range []int64{from, from} { // the second time there are marks behind it, too
				got, _ := fresh(&marks, at, 50)
				if strings.Join(got.Lines, "\n") != strings.Join(want.Lines, "\n") || got.More != want.More || strings.Join(got.Notes, "\n") != strings.Join(want.Notes, "\n") {
					t.Fatalf("%s from line %d: %d lines, more %v, %q, want %d, %v, %q", name, at, len(got.Lines), got.More, got.Notes, len(want.Lines), want.More, want.Notes)
				}
			}
			if !want.More {
				break
			}
		}
		if name == "plain" {
			last, _ := fresh(nil, 0, maxCount)
			from := int64(len(last.Lines)) * 4
			if _, read := fresh(&marks, from, 50); read > 3*firstEvery {
				t.Errorf("a page at line %d read %d octets", from, read)
			}
		}
		// Another body has none of them.
		marks.Fit(1)
		if k := marks.before(1 << 40); k.at != 0 {
			t.Errorf("%s: %+v", name, k.at)
		}
	}
}

func TestMarksAreBounded(t *testing.T) {
	var m Marks
	j := &indenter{p: &page{line: make([]byte, 1000)}, stack: make([]byte, maxDepth)}
	for at := int64(firstEvery); at < 20_000*firstEvery; at += firstEvery {
		if !m.wants(at) {
			continue
		}
		j.p.n++
		m.note(at, j)
		if len(m.list) > maxMarks || m.held > maxHeld {
			t.Fatalf("%d marks of %d octets", len(m.list), m.held)
		}
	}
	if n := len(m.list); n < 50 || m.every <= firstEvery {
		t.Errorf("%d marks, one each %d octets", n, m.every)
	}
}

func codedInput(names string) Input {
	in := typedInput("application/json", "")
	in.Fields = append(in.Fields, flow.Field{Name: "Content-Encoding", Value: names})
	return in
}
