package engine

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/hook"
)

// upper is a rewriting of content.
func upper(decoded, keeps bool) hook.Rewriting {
	return hook.Rewriting{Decoded: decoded, KeepsLength: keeps, New: func() hook.Transform {
		return hook.ChunkFunc(func(p []byte) ([][]byte, error) { return [][]byte{bytes.ToUpper(p)}, nil })
	}}
}

func exclaim() hook.Rewriting {
	return hook.Rewriting{Decoded: true, New: func() hook.Transform {
		return hook.ChunkFunc(func(p []byte) ([][]byte, error) {
			if len(p) == 0 {
				return [][]byte{[]byte("!")}, nil
			}
			return [][]byte{bytes.Clone(p)}, nil
		})
	}}
}

func TestARewrittenBodyStaysRecordedAsItWasSent(t *testing.T) {
	w := &watching{}
	w.onRespHead = func(x *hook.Exchange) {
		x.Response.Rewrite(upper(true, true))
		x.Response.Rewrite(exclaim())
	}
	s := newStream(flow.HTTP11, "GET", nil, nil)
	r := serve(t, Policy{}, s, upstream(answers(200, length(5), fields("Content-Length: 5"), wholeBody("he", "llo"))), w)
	b := r.end.ResponseBody
	if s.sink.text() != "HELLO!" || s.out.Kind != flow.Chunked || !b.Transformed || b.Disposition != flow.Tee || b.Record != flow.Complete || r.body[1].String() != "HELLO!" {
		t.Fatalf("%q %v %+v", s.sink.text(), s.out, b)
	}
}

func TestARewritingThatKeepsTheLengthKeepsTheFraming(t *testing.T) {
	w := &watching{}
	w.onRespHead = func(x *hook.Exchange) { x.Response.Rewrite(upper(false, true)) }
	s := newStream(flow.HTTP11, "GET", nil, nil)
	serve(t, Policy{}, s, upstream(answers(200, length(5), fields("Content-Length: 5"), wholeBody("hello"))), w)
	if s.sink.text() != "HELLO" || s.out != length(5) {
		t.Fatalf("%q %v", s.sink.text(), s.out)
	}
}

func TestARewritingOfAnUnknownCodingIsLeftOut(t *testing.T) {
	w := &watching{}
	w.onRespHead = func(x *hook.Exchange) { x.Response.Rewrite(exclaim()) }
	s := newStream(flow.HTTP11, "GET", nil, nil)
	r := serve(t, Policy{}, s, upstream(answers(200, length(5), fields("Content-Length: 5", "Content-Encoding: x-odd"), wholeBody("hello"))), w)
	if s.sink.text() != "hello" || s.out != length(5) || !slices.Contains(findings(r.end), "rewriting-skipped") || r.end.ResponseBody.Transformed {
		t.Fatalf("%q %v %v", s.sink.text(), s.out, findings(r.end))
	}
}

func TestOneBodyIsHeldThoughNoHookWantsAll(t *testing.T) {
	w := &watching{}
	w.onRespHead = func(x *hook.Exchange) {
		x.Response.Rewrite(exclaim())
		x.Response.Hold("a rule wants it")
	}
	s := newStream(flow.HTTP11, "GET", nil, nil)
	r := serve(t, Policy{}, s, upstream(answers(200, chunked, nil, wholeBody("hel", "lo"))), w)
	if b := r.end.ResponseBody; s.sink.text() != "hello!" || b.Disposition != flow.Hold || b.Reason != "a rule wants it" {
		t.Fatalf("%q %+v", s.sink.text(), b)
	}
	s = newStream(flow.HTTP11, "GET", nil, nil)
	r = serve(t, Policy{}, s, upstream(answers(200, chunked, fields("Content-Type: text/event-stream"), wholeBody("data: x\n\n"))), w)
	if b := r.end.ResponseBody; s.sink.text() != "data: x\n\n!" || b.Disposition != flow.Tee || b.Reason != "endless type text/event-stream" {
		t.Fatalf("%q %+v", s.sink.text(), b)
	}
}

// text is a source of a response that a hook makes.
type text string

func (s text) Len() int64                   { return int64(len(s)) }
func (s text) Open() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(string(s))), nil }

func TestAMadeResponseIsReadFromItsSource(t *testing.T) {
	for _, rewritten := range []bool{false, true} {
		w := &watching{}
		w.onReqHead = func(x *hook.Exchange) { x.Response = hook.MakeResponseFrom(200, nil, text("hello")) }
		w.onRespHead = func(x *hook.Exchange) {
			if rewritten {
				x.Response.Rewrite(upper(true, false))
			}
		}
		s := newStream(flow.HTTP11, "GET", nil, nil)
		r := serve(t, Policy{}, s, upstream(), w)
		want, framing := "hello", length(5)
		if rewritten {
			want, framing = "HELLO", chunked
		}
		if s.sink.text() != want || s.out != framing || r.body[1].String() != want {
			t.Fatalf("%q %v, recorded %q", s.sink.text(), s.out, r.body[1].String())
		}
	}
}
