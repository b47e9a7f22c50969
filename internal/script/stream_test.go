package script

import (
	"context"
	"strings"
	"testing"

	"midstream/hook"
)

// streamed loads a script whose responseheaders sets a stream and pumps pieces
// through it.
func streamed(t *testing.T, source string, pieces ...string) (r *rig, got []string, err error) {
	t.Helper()
	r = newRig(t, "s.js", source)
	x, _ := r.exchange()
	r.must(r.set.RequestHeaders(context.Background(), x))
	answer(x, 200, "Content-Type", "text/plain")
	r.must(r.set.ResponseHeaders(context.Background(), x))
	got, err = pump(context.Background(), x.Response.Stream, pieces...)
	r.set.Finished(x)
	return r, got, err
}

func setStreamTo(expr string) string {
	return "let n = 0, seen = [];\nfunction responseheaders(flow) { flow.response.stream = " + expr + "; }\n"
}

func TestChunkFunctions(t *testing.T) {
	for _, c := range []struct{ name, expr, in, want string }{
		{"identity", "c => c", "ab|cd", "ab|cd"},
		{"a part of the piece", "c => c.subarray(1)", "abc|de", "bc|e"},
		{"a string", "c => bytes.text(c).toUpperCase()", "ab|cd", "AB|CD"},
		{"a list", `c => c.length ? ["<", c, ">"] : []`, "ab|cd", "<|ab|>|<|cd|>"},
		{"nothing", "c => { n++ }", "ab|cd", ""},
		{"null", "c => null", "ab|cd", ""},
		{"an empty piece never ends the body", "c => n++ === 0 ? '' : c", "ab|cd", "cd"},
		{"called once more at the end", "c => c.length ? c : 'end'", "ab", "ab|end"},
		{"keeps state", "c => { n += c.length; return c.length ? null : String(n) }", "abc|de", "5"},
		{"a promise", "async c => { await null; return c }", "ab|cd", "ab|cd"},
		{"a promise that waits", "c => new Promise(ok => setTimeout(ok, 1, c))", "ab|cd", "ab|cd"},
		{"a generator as a list", "function* (c) { if (c.length) { yield 'x'; yield c } }", "ab", "x|ab"},
		{"slice keeps a piece", "c => c.length ? void seen.push(c.slice()) : seen", "ab|cd", "ab|cd"},
		{"an async generator", "async function* (chunks) { for await (const c of chunks) yield c; yield '!' }", "ab|cd", "ab|cd|!"},
		{"an async generator that adds", "async function* (chunks) { yield '['; for await (const c of chunks) { yield '<'; yield c } yield ']' }", "ab|cd", "[|<|ab|<|cd|]"},
		{"an async generator that holds back", "async function* (chunks) { let all = []; for await (const c of chunks) all.push(c.slice()); yield bytes.concat(all) }", "ab|cd", "abcd"},
		{"an async generator that waits", "async function* (chunks) { for await (const c of chunks) { await new Promise(ok => setTimeout(ok, 1)); yield c } }", "ab|cd", "ab|cd"},
		{"an async generator that stops early", "async function* (chunks) { for await (const c of chunks) { yield c; return } }", "ab|cd", "ab"},
		{"an arrow around an async generator", "(chunks => (async function* () { for await (const c of chunks) yield c })())", "ab|cd", "ab|cd"},
		{"an object", "{ transform: c => c.length ? '.' : null, decode: true }", "ab|cd", ".|."},
		{"an object is this", "{ n: 0, transform(c) { this.n += c.length; return c.length ? null : String(this.n) } }", "ab|cd", "4"},
		{"replace across pieces", "stream.replace('needle', 'pin')", "a nee|dle b", "a |pin b"},
		{"replace by a pattern", "stream.replace(/(\\d+)-(\\d+)/i, '$2:$1')", "1-2 33-|44", "2:1 |44:33"},
		{"lines", "stream.lines(l => l === 'b' ? null : l.toUpperCase())", "a\nb|\nc", "A\n|C"},
		{"lines to several", "stream.lines(l => [l, l])", "a\n", "a\na\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, got, err := streamed(t, setStreamTo(c.expr), strings.Split(c.in, "|")...)
			if err != nil {
				t.Fatalf("%v\n%s", err, r.log)
			}
			if s := strings.Join(got, "|"); s != c.want {
				t.Errorf("got %q, want %q", s, c.want)
			}
		})
	}
}

func TestChunkFunctionsThatFail(t *testing.T) {
	for _, c := range []struct{ name, expr, want string }{
		{"throws", "c => { throw new Error('boom') }", "s.js:2:"},
		{"rejects", "async c => { await null; throw new Error('boom') }", "boom"},
		{"rejects late", "async c => { await new Promise(ok => setTimeout(ok, 1)); throw new Error('boom') }", "s.js:2:"},
		{"returns a number", "c => 1", "bytes, a string, a list"},
		{"returns a list of numbers", "c => [1]", "bytes, a string, a list"},
		{"a generator throws", "async function* (chunks) { for await (const c of chunks) { yield c; throw new Error('boom') } }", "boom"},
		{"a generator yields a number", "async function* (chunks) { yield 1 }", "bytes, a string, a list"},
		{"keeps the piece itself", "c => { if (n++ === 0) { seen.push(c); return null } return seen }", "keep chunk.slice()"},
		{"an async function of lines", "stream.lines(async l => l)", "async generator"},
		{"a getter throws", "c => ({ get [Symbol.iterator]() { throw new Error('boom') } })", "boom"},
		{"an iterator getter throws", "c => ({ get [Symbol.asyncIterator]() { throw new Error('boom') } })", "boom"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, _, err := streamed(t, setStreamTo(c.expr), "ab\n", "cd\n")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want one with %q", err, c.want)
			}
			r.wantLog("script failed")
		})
	}
}

func TestStreamWishes(t *testing.T) {
	for _, c := range []struct {
		expr string
		want hook.Stream
	}{
		{"true", hook.Stream{Wish: hook.DoNotWait}},
		{"false", hook.Stream{Wish: hook.KeepAsIs}},
		{"null", hook.Stream{}},
		{"{transform: c => c, keeps_length: true}", hook.Stream{KeepsLength: true}},
		{"{transform: c => c, decode: true}", hook.Stream{Decoded: true}},
		{"stream.decoded(c => c)", hook.Stream{Decoded: true}},
		{"stream.replace('a', 'b')", hook.Stream{Decoded: true}},
		{"stream.replace('a', 'b', {decode: false})", hook.Stream{}},
		{"c => c", hook.Stream{}},
	} {
		r := newRig(t, "s.js", setStreamTo(c.expr)+`function requestheaders(flow) { flow.request.stream = `+c.expr+` }`)
		x, _ := r.exchange()
		r.must(r.set.RequestHeaders(context.Background(), x))
		answer(x, 200)
		r.must(r.set.ResponseHeaders(context.Background(), x))
		for _, s := range []hook.Stream{x.Request.Stream, x.Response.Stream} {
			makes := s.Transform != nil
			s.Transform = nil
			if s.Wish != c.want.Wish || s.Decoded != c.want.Decoded || s.KeepsLength != c.want.KeepsLength {
				t.Errorf("stream = %s: got %+v", c.expr, s)
			}
			if makes != strings.ContainsAny(c.expr, "(=") {
				t.Errorf("stream = %s: transform %v", c.expr, makes)
			}
		}
	}
}

func TestStreamSetTooLateIsSaid(t *testing.T) {
	r := newRig(t, "s.js", "function response(flow) { flow.response.stream = true; flow.response.stream = c => c }")
	x, _ := r.through("", "b")
	if x.Response.Stream.Wish != hook.NoWish || x.Response.Stream.Transform != nil {
		t.Error("a late stream was taken")
	}
	if fs := x.Findings(); len(fs) != 1 || fs[0].Code != "late-stream" {
		t.Errorf("findings %v", fs)
	}
}

func TestGeneratorIsEndedWithItsFlow(t *testing.T) {
	r := newRig(t, "s.js", `
function responseheaders(flow) {
  flow.response.stream = async function* (chunks) {
    try { for await (const c of chunks) yield c } finally { console.log("cleaned up") }
  };
}`)
	x, _ := r.exchange()
	answer(x, 200)
	r.must(r.set.ResponseHeaders(context.Background(), x))
	tr := x.Response.Stream.Transform()
	emit := func([]byte) error { return nil }
	r.must(tr.Chunk(context.Background(), []byte("a"), emit))
	r.set.Finished(x)
	r.host.Close()
	if got := r.out.String(); got != "cleaned up\n" {
		t.Errorf("printed %q", got)
	}
}

func TestEmitErrorEndsTheTransform(t *testing.T) {
	for _, expr := range []string{"c => c", "c => [c, c]", "async function* (chunks) { for await (const c of chunks) yield c }", "stream.lines(l => l)"} {
		r := newRig(t, "s.js", setStreamTo(expr))
		x, _ := r.exchange()
		answer(x, 200)
		r.must(r.set.ResponseHeaders(context.Background(), x))
		err := x.Response.Stream.Transform().Chunk(context.Background(), []byte("a\n"), func([]byte) error { return context.Canceled })
		if err != context.Canceled {
			t.Errorf("%s: %v", expr, err)
		}
	}
}
