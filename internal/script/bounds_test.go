package script

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/dlclark/regexp2/v2"
)

func TestNativesHaveBounds(t *testing.T) {
	for _, c := range []struct{ name, code, want string }{
		{"a buffer", "return new ArrayBuffer(2 ** 40)", "RangeError: the buffer would have 1099511627776 octets, which is more than script_memory allows"},
		{"a view", "return new Uint8Array(2 ** 33)", "RangeError: the buffer would have 8589934592 octets"},
		{"its elements count", "return new Float64Array('100000000')", "RangeError: the buffer would have 800000000 octets"},
		{"repeat", "return 'ab'.repeat(2 ** 32)", "RangeError: repeat: the text would have 8589934592 characters"},
		{"padEnd", "return 'ab'.padEnd(2 ** 33)", "RangeError: padEnd: the text"},
		{"padStart", "return 'ab'.padStart('9e9')", "RangeError: padStart: the text"},
		{"join", "return new Array(4e9).join('a')", "RangeError: join: the array"},
		{"join with a long text", "return new Array(1e6).join('a'.repeat(1e6))", "RangeError: join: the text"},
		{"fill", "return new Array(4e9).fill(0)", "RangeError: fill: the array"},
		{"from", "return Array.from({length: 4e9})", "RangeError: from: the array"},
		{"JSON", "return JSON.parse('['.repeat(20000))", "RangeError: JSON.parse: the text is nested more than 10000 deep"},
		{"JSON of objects", `return JSON.parse('{"a":'.repeat(20000))`, "RangeError: JSON.parse"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, got := evaluate(t, "request", "try { "+c.code+" } catch (e) { return e.name + ': ' + e.message }", nil)
			if !strings.HasPrefix(got, c.want) {
				t.Errorf("got %.200s, want %s", got, c.want)
			}
		})
	}
}

func TestNativesWithBoundsAreTheSameOtherwise(t *testing.T) {
	for _, c := range []struct{ code, want string }{
		{"return new Uint8Array(3).length + new Uint8Array([1, 2]).length + new Uint8Array().length", "5"},
		{"return new Uint16Array(new ArrayBuffer(8), 2, 2).length", "2"},
		{"return new Uint8Array(2) instanceof Uint8Array", "true"},
		{"return req.content instanceof Uint8Array", "true"},
		{"return new Uint8Array(2).constructor === Uint8Array", "true"},
		{"return Uint8Array.from([1, 2, 3]).map((x) => 2 * x).join('-')", "2-4-6"},
		{"return new Uint8Array([1, 2, 3]).subarray(1).length + new Uint8Array([1, 2, 3]).slice(2)[0]", "5"},
		{"return Uint8Array.name + Uint8Array.BYTES_PER_ELEMENT + Float64Array.BYTES_PER_ELEMENT", "Uint8Array18"},
		{"class B extends Uint8Array { two() { return 2 * this[0] } }; const b = new B([4]); return b.two() + ' ' + (b instanceof B) + (b instanceof Uint8Array)", "8 truetrue"},
		{"try { Uint8Array(2) } catch (e) { return e.name }", "TypeError"},
		{"try { new Uint8Array(-1) } catch (e) { return e.name }", "RangeError"},
		{"try { new Uint8Array(1n) } catch (e) { return e.name }", "TypeError"},
		{"return new DataView(new ArrayBuffer(4)).byteLength + ArrayBuffer.isView(new Int8Array(1))", "5"},
		{"return structuredClone(new Uint8Array([7]))[0] + structuredClone(new ArrayBuffer(3)).byteLength", "10"},
		{"return 'ab'.repeat(3) + 'x'.padEnd(3, '-') + 'x'.padStart(3) + ''.repeat(1e12).length", "abababx--  x0"},
		{"try { 'a'.repeat(-1) } catch (e) { return e.name }", "RangeError"},
		{"try { ''.repeat.call(null, 1) } catch (e) { return e.name }", "TypeError"},
		{"return ''.repeat.call(7, '2') + ''.padEnd.name + ''.padEnd.length", "77padEnd1"},
		{"return [1, [2, 3], null].join() + [1, 2].join('') + [1, 2].join(null) + [1, [2]]", "1,2,3,121null21,2"},
		{"return [].join.call({length: 2, 0: 'a', 1: 'b'}, '+') + Array(3).fill(1).fill(2, 1, 2)", "a+b1,2,1"},
		{"return JSON.stringify(JSON.parse('{\"a\":[1,{\"b\":\"]]\\\\\\\"[[\"}]}', (k, v) => v === 1 ? 2 : v))", `{"a":[2,{"b":"]]\"[["}]}`},
		{"return JSON.parse('['.repeat(9999) + ']'.repeat(9999)).length", "1"},
		{"return JSON.parse(JSON.stringify('['.repeat(20000))).length", "20000"},
		{"return Array.from({length: 3}, (x, i) => i).join('') + Array.from('ab') + Array.from(new Set([1])) + Array.from([1, 2], (x) => x + 1)", "012a,b12,3"},
		{"try { Array.from() } catch (e) { return e.name }", "TypeError"},
		{"class L extends Array {}; return L.from([1]) instanceof L", "true"},
		{"try { JSON.parse() } catch (e) { return e.name }", "SyntaxError"},
		{"try { JSON.parse('{') } catch (e) { return e.name }", "SyntaxError"},
		{"return JSON.parse({toString: () => '[5]'})[0] + JSON.parse.name", "5parse"},
	} {
		if _, got := evaluate(t, "request", c.code, nil); got != c.want {
			t.Errorf("%s\n got  %s\n want %s", c.code, got, c.want)
		}
	}
}

func TestMemoryOfACallHasABound(t *testing.T) {
	runtime.GC() // what tests before have held is none of it
	r := emptyRig(t, Config{Timeout: time.Hour, Memory: 16 << 20})
	r.write("s.js", `export function request(flow) {
  const kept = [];
  for (;;) if (kept.length < 1000) kept.push(new Uint8Array(1 << 20));
}`)
	r.must(r.host.Load(context.Background(), []string{r.path("s.js")}))
	r.rebuild()
	x, _ := r.exchange()
	r.must(r.set.Request(context.Background(), x))
	if fs := x.Findings(); len(fs) != 1 || !strings.Contains(fs[0].Text, "took more memory while it computed than script_memory allows (16 MiB)") {
		t.Errorf("findings %q", fs)
	}
}

func TestNoLimitsAreNone(t *testing.T) {
	runtime.GC()
	r := emptyRig(t, Config{Memory: 16 << 20})
	r.host.SetTimeout(0)
	r.host.SetMemory(0)
	r.write("s.js", `export function request(flow) {
  let n = 0;
  for (const kept = []; n < 40; n++) kept.push('x'.repeat(4 << 20) + n);
  flow.comment = "" + n;
}`)
	r.must(r.host.Load(context.Background(), []string{r.path("s.js")}))
	r.rebuild()
	x, _ := r.exchange()
	r.must(r.set.Request(context.Background(), x))
	if x.Comment != "40" || r.host.timeout() < 24*time.Hour {
		t.Errorf("comment %q, findings %q, timeout %v", x.Comment, x.Findings(), r.host.timeout())
	}
}

// A pattern that backtracks for ever ends, and with it the call.
func TestPatternsThatBacktrackEnd(t *testing.T) {
	if got, want := regexp2.DefaultMatchTimeout, slowEvents*defaultTimeout; got != want {
		t.Fatalf("patterns of scripts are given up after %v, want %v", got, want)
	}
	regexp2.DefaultMatchTimeout = time.Millisecond
	defer func() { regexp2.DefaultMatchTimeout = matchLimit }()
	_, got := evaluate(t, "request", "return /^(?=(a+)+$)(\\w+)\\2?x/.test('a'.repeat(60) + '!')", nil)
	if got != "false" {
		t.Errorf("got %s", got)
	}
}
