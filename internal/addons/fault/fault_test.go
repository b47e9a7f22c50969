package fault

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/query"
	"midstream/internal/rule"
)

func addon(t *testing.T, seed uint64, specs ...string) (*Addon, []*rule.Rule) {
	t.Helper()
	var list []*rule.Rule
	for _, s := range specs {
		r, err := rule.New(rule.Rule{Name: s, Do: "fault", Params: map[string]string{"fault": s}}, []rule.Kind{Kind}, query.Folded)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	a, err := New(list, rule.Env{Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	return a.(*Addon), list
}

func answered() *hook.Exchange {
	x, _ := hook.NewExchange(flow.Request{Scheme: "http", Host: "a.test", Port: 80, Path: "/"}, nil, nil, func() {})
	x.Response = hook.NewResponse(flow.Response{Status: 200})
	return x
}

func TestParse(t *testing.T) {
	for text, want := range map[string]Spec{
		"stall:after=3 events,for=5s":  {Do: "stall", After: 3, Events: true, For: 5 * time.Second, Chance: 1, Side: flow.ToClient},
		"cut:after=1k,chance=0.5":      {Do: "cut", After: 1024, Chance: 0.5, Side: flow.ToClient},
		"bandwidth:preset=Slow LTE":    {Do: "bandwidth", Rate: 4 << 20 / 8, Delay: 100 * time.Millisecond, Chance: 1, Side: flow.ToClient},
		"delay:for=100ms,side=request": {Do: "delay", For: 100 * time.Millisecond, Chance: 1},
		"reset":                        {Do: "reset", Chance: 1, Side: flow.ToClient},
		"status:code=503":              {Do: "status", Status: 503, Chance: 1, Side: flow.ToClient},
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"melt": `there is no fault "melt"`, "stall": "stall needs for=TIME", "stall:for=2h": "at most 1h", "bandwidth": "needs rate=SIZE",
		"bandwidth:rate=1,preset=3g": "needs rate=SIZE", "cut:for=5s": "cut takes KEY=VALUE", "cut:after=x": "after:", "cut:after": "takes KEY=VALUE",
		"cut:chance=2": "chance: ", "cut:chance=NaN": "chance: ", "cut:after=1,after=2": "given twice", "status:code=99": "from 200 to 599", "bandwidth:preset=5g": "it is one of",
		"cut:side=up": "request or response", "bandwidth:rate=0": "at least 1", "status:code=500,side=request": "no side",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// play sends pieces through the faults of a response and tells what came, and when
// each piece did.
func play(t *testing.T, spec string, pieces ...string) (out string, times []time.Duration, x *hook.Exchange, err error) {
	a, _ := addon(t, 1, spec)
	x = answered()
	start := time.Now()
	if err := a.ResponseHeaders(context.Background(), x); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	emit := func(p []byte) error {
		b.Write(p)
		times = append(times, time.Since(start))
		return nil
	}
	for _, r := range x.Response.Rewritings() {
		tr := r.New()
		for _, p := range pieces {
			if err = tr.Chunk(context.Background(), []byte(p), emit); err != nil {
				return b.String(), times, x, err
			}
		}
		err = tr.End(context.Background(), emit)
	}
	return b.String(), times, x, err
}

func TestStallAfterEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out, times, x, err := play(t, "stall:after=2 events,for=5s", "\n\ndata: 1\n", "\ndata: 2\r\n\r\ndata: 3\n\n", "data: 4\n\n")
		if err != nil || out != "\n\ndata: 1\n\ndata: 2\r\n\r\ndata: 3\n\ndata: 4\n\n" {
			t.Fatalf("%q, %v", out, err)
		}
		want := []time.Duration{0, 0, 5 * time.Second, 5 * time.Second}
		for i := range want {
			if i >= len(times) || times[i] != want[i] {
				t.Fatalf("pieces came after %v", times)
			}
		}
		if len(x.Findings()) != 1 {
			t.Errorf("findings %v", x.Findings())
		}
	})
}

func TestBandwidth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out, times, _, err := play(t, "bandwidth:rate=1k", strings.Repeat("x", 4096))
		if last := times[len(times)-1]; err != nil || len(out) != 4096 || last < 3900*time.Millisecond || last > 4*time.Second {
			t.Fatalf("%d bytes in %v, %v", len(out), last, err)
		}
	})
}

func TestCutResetCorrupt(t *testing.T) {
	for _, c := range []struct {
		spec, want   string
		cut, killed  bool
		pieces, told int
	}{
		{"cut:after=3", "abc", true, false, 2, 1}, {"cut:after=6", "abcdef", true, false, 2, 1}, {"cut:after=7", "abcdef", false, false, 2, 0}, {"cut", "", true, false, 2, 1},
		{"reset:after=4", "abcd", true, true, 2, 1}, {"corrupt:after=3", "abcDef", false, false, 2, 1}, {"corrupt:after=9", "abcdef", false, false, 2, 0},
	} {
		out, _, x, err := play(t, c.spec, "abc", "def")
		if out != c.want || (err != nil) != c.cut || err != nil && !errors.Is(err, errCut) || x.Killed() != c.killed || len(x.Findings()) != c.told {
			t.Errorf("%s: %q, %v, killed %v, %v", c.spec, out, err, x.Killed(), x.Findings())
		}
	}
	if _, _, x, _ := play(t, "reset"); !x.Killed() {
		t.Error("not reset")
	}
}

func TestStatusDelayAndTheEndOfAnExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, list := addon(t, 1, "delay:for=10s,side=request", "status:code=503")
		x, _ := hook.NewExchange(flow.Request{Scheme: "http", Host: "a.test", Port: 80, Path: "/"}, nil, nil, func() {})
		start := time.Now()
		if err := a.RequestHeaders(context.Background(), x); err != nil || x.Response == nil || x.Response.Status != 503 || time.Since(start) != 10*time.Second {
			t.Fatalf("%+v after %v, %v", x.Response, time.Since(start), err)
		}
		if list[0].Hits() != 1 || list[1].Hits() != 1 {
			t.Error("not counted")
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		start = time.Now()
		a, _ = addon(t, 1, "delay:for=1h")
		a.ResponseHeaders(ctx, answered())
		if time.Since(start) != time.Second {
			t.Errorf("waited %v", time.Since(start))
		}
	})
}

func TestChanceGoesByTheSeed(t *testing.T) {
	hits := func(seed uint64) (pattern string) {
		a, list := addon(t, seed, "corrupt:chance=0.3")
		for range 200 {
			x := answered()
			a.ResponseHeaders(context.Background(), x)
			pattern += map[bool]string{true: "x", false: "."}[len(x.Response.Rewritings()) > 0]
		}
		_ = list
		return pattern
	}
	one := hits(7)
	if n := strings.Count(one, "x"); n < 30 || n > 90 || one != hits(7) || one == hits(8) {
		t.Errorf("%d of 200 by seed 7: %s", n, one)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("stall:after=3 events,for=5s")
	f.Add("bandwidth:preset=3g,chance=0.1,side=request")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err == nil && (s.For < 0 || s.For > longest || s.After < 0 || !(s.Chance > 0 && s.Chance <= 1)) {
			t.Fatalf("%+v", s)
		}
	})
}
