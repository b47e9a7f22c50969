package engine

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/coding"
)

func TestTransformIsReframedAndSaid(t *testing.T) {
	w := &watching{}
	w.onRespHead = func(x *hook.Exchange) {
		x.Response.Stream.Transform = func() hook.Transform {
			return hook.ChunkFunc(func(p []byte) ([][]byte, error) {
				if len(p) == 0 {
					return [][]byte{[]byte("!")}, nil
				}
				return [][]byte{[]byte(strings.ToUpper(string(p)))}, nil
			})
		}
	}
	s := newStream(flow.HTTP11, "GET", nil, nil)
	r := serve(t, Policy{StoreStreamedBodies: true}, s, upstream(answers(200, length(5), fields("Content-Length: 5"), wholeBody("he", "llo"))), w)
	if s.sink.text() != "HELLO!" || s.out.Kind != flow.Chunked || s.response.Fields.Has("Content-Length") {
		t.Fatalf("%q %v %v", s.sink.text(), s.out, s.response.Fields)
	}
	if b := r.end.ResponseBody; !b.Transformed || b.Received != 5 || b.Sent != 6 || r.body[1].String() != "HELLO!" {
		t.Fatalf("%+v, recorded %q", b, r.body[1].String())
	}
}

func TestTransformThatFailsBreaksTheMessage(t *testing.T) {
	w := &watching{}
	w.onRespHead = func(x *hook.Exchange) {
		x.Response.Stream.Transform = func() hook.Transform {
			return hook.ChunkFunc(func(p []byte) ([][]byte, error) { return nil, errors.New("line 3: boom") })
		}
	}
	s := newStream(flow.HTTP11, "GET", nil, nil)
	r := serve(t, Policy{}, s, upstream(answers(200, length(5), nil, wholeBody("hello"))), w)
	if s.sink.end() != "aborted" || r.end.Outcome.Kind != flow.Failed || !strings.Contains(r.end.Outcome.Text, "line 3: boom") {
		t.Fatalf("%s %+v", s.sink.end(), r.end.Outcome)
	}
}

func TestBodyOnABodilessMessageIsNotSent(t *testing.T) {
	for _, c := range []struct {
		method string
		status int
	}{{"HEAD", 200}, {"GET", 304}, {"GET", 204}} {
		w := &whole{onResp: func(x *hook.Exchange) { x.Response.SetContent([]byte("body")) }}
		s := newStream(flow.HTTP11, c.method, nil, nil)
		in, want := fields("Content-Length: 9"), "Content-Length: 9"
		if c.status == 204 {
			in, want = nil, ""
		}
		r := serve(t, Policy{}, s, upstream(answers(c.status, flow.Framing{}, in, nil)), w)
		if s.sink.text() != "" || s.sink.end() != "closed" || s.out.Kind != flow.Unframed || lines(s.response.Fields) != want {
			t.Errorf("%s %d: %q %v %v", c.method, c.status, s.sink.text(), s.out, s.response.Fields)
		}
		if !slices.Contains(findings(r.end), "body-not-sent") {
			t.Errorf("%s %d: %v", c.method, c.status, findings(r.end))
		}
	}
}

func TestHTTP10ServerGetsALength(t *testing.T) {
	s := newStream(flow.HTTP11, "POST", fields("Transfer-Encoding: chunked"), wholeBody("ab", "cd"))
	c := answers(200, length(2), nil, wholeBody("ok"))
	up := upstream(c)
	up.version = flow.HTTP10
	r := serve(t, Policy{}, s, up)
	if c.out != length(4) || lines(c.request.Fields) != "Content-Length: 4" || c.sink.text() != "abcd" || c.request.Version != flow.HTTP11 {
		t.Fatalf("%v %q %q", c.out, lines(c.request.Fields), c.sink.text())
	}
	if b := r.end.RequestBody; b.Disposition != flow.Hold || b.Reason != "an HTTP/1.0 server needs the length first" {
		t.Fatalf("%+v", b)
	}
}

func TestTrailersWithoutData(t *testing.T) {
	b := newBody()
	b.end(fields("grpc-status: 0"))
	s := newStream(flow.HTTP2, "POST", fields("te: trailers"), wholeBody("x"))
	c := answers(200, chunked, fields("content-type: application/grpc"), b)
	r := serve(t, Policy{}, s, upstream(c), &whole{})
	if lines(s.sink.trailers) != "grpc-status: 0" || s.sink.pieces != 0 || s.out.Kind != flow.Chunked {
		t.Fatalf("%q %d %v", lines(s.sink.trailers), s.sink.pieces, s.out)
	}
	if r.end.Outcome.Kind != flow.Completed || r.end.ResponseBody.Disposition != flow.Tee {
		t.Fatalf("%+v %+v", r.end.Outcome, r.end.ResponseBody)
	}
}

func TestEndOfStreamOnTheHeadStays(t *testing.T) {
	s := newStream(flow.HTTP2, "GET", nil, nil)
	c := answers(200, flow.Framing{}, fields("grpc-status: 12"), nil)
	serve(t, Policy{}, s, upstream(c))
	if c.out.Kind != flow.Unframed || s.out.Kind != flow.Unframed || c.sink.pieces != 0 || s.sink.pieces != 0 {
		t.Fatalf("%v %v", c.out, s.out)
	}
}

func TestStaleDigestsAreFound(t *testing.T) {
	w := &whole{onResp: func(x *hook.Exchange) { x.Response.SetContent([]byte("other")) }}
	s := newStream(flow.HTTP11, "GET", nil, nil)
	r := serve(t, Policy{}, s, upstream(answers(200, length(5), fields(`ETag: "a"`, "Content-Digest: sha-256=:x:"), wholeBody("hello"))), w)
	if got := findings(r.end); !slices.Contains(got, "stale-etag") || !slices.Contains(got, "stale-digest") || s.response.Fields.Get("ETag") != `"a"` {
		t.Fatalf("%v %v", got, s.response.Fields)
	}
	s = newStream(flow.HTTP11, "GET", nil, nil)
	r = serve(t, Policy{}, s, upstream(answers(200, length(5), fields(`ETag: "a"`), wholeBody("hello"))), &whole{})
	if len(r.end.Findings) != 0 {
		t.Fatalf("unchanged: %v", r.end.Findings)
	}
}

func TestTransformedUploadIsReframed(t *testing.T) {
	w := &watching{}
	w.onReqHead = func(x *hook.Exchange) {
		x.Request.Stream.Transform = func() hook.Transform {
			return hook.ChunkFunc(func(p []byte) ([][]byte, error) { return [][]byte{p, p}, nil })
		}
	}
	for _, to := range []flow.Version{flow.HTTP11, flow.HTTP10} {
		s := newStream(flow.HTTP11, "POST", fields("Content-Length: 4"), wholeBody("ab", "cd"))
		c := answers(200, length(2), nil, wholeBody("ok"))
		up := upstream(c)
		up.version = to
		r := serve(t, Policy{}, s, up, w)
		want := chunked
		if to == flow.HTTP10 {
			want = length(8)
		}
		if c.sink.text() != "ababcdcd" || c.out != want || r.end.Outcome.Kind != flow.Completed || !r.end.RequestBody.Transformed {
			t.Errorf("%v: %q %v %+v", to, c.sink.text(), c.out, r.end.Outcome)
		}
	}
}

func TestDecodedTransform(t *testing.T) {
	plain := strings.Repeat("hello ", 100)
	packed, err := coding.Encode("gzip", []byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	w := &watching{}
	w.onRespHead = func(x *hook.Exchange) {
		x.Response.Stream.Decoded = true
		x.Response.Stream.Transform = func() hook.Transform {
			return hook.ChunkFunc(func(p []byte) ([][]byte, error) { return [][]byte{[]byte(strings.ToUpper(string(p)))}, nil })
		}
	}
	s := newStream(flow.HTTP11, "GET", nil, nil)
	serve(t, Policy{}, s, upstream(answers(200, length(int64(len(packed))), fields("Content-Encoding: gzip"), wholeBody(string(packed)))), w)
	if got, err := coding.Decode("gzip", []byte(s.sink.text()), 0); err != nil || string(got) != strings.ToUpper(plain) {
		t.Fatalf("%q %v", got, err)
	}
	s = newStream(flow.HTTP11, "GET", nil, nil)
	r := serve(t, Policy{}, s, upstream(answers(200, length(5), fields("Content-Encoding: x-odd"), wholeBody("hello"))), w)
	if s.sink.text() != "hello" || s.out != length(5) || !slices.Contains(findings(r.end), "transform-skipped") {
		t.Fatalf("%q %v %v", s.sink.text(), s.out, findings(r.end))
	}
}
