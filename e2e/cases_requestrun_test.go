package e2e

import (
	"slices"
	"strings"
	"testing"
)

func TestCasesRequestLines(t *testing.T)   { testRequests(t, requestLines) }
func TestCasesRequestFields(t *testing.T)  { testRequests(t, requestFields) }
func TestCasesRequestFraming(t *testing.T) { testRequests(t, requestFraming) }

// profiles are the values of http_profile.
var profiles = []string{"tolerant", "strict"}

func testRequests(t *testing.T, cases []requestCase) {
	t.Parallel()
	for _, profile := range profiles {
		t.Run(profile, func(t *testing.T) {
			p := startCases(t, "--set", "http_profile="+profile)
			for _, w := range ways {
				t.Run(w.name, func(t *testing.T) {
					for _, c := range cases {
						if c.only == "" || c.only == w.name {
							t.Run(c.name, func(t *testing.T) { c.run(t, p, w, profile) })
						}
					}
				})
			}
		})
	}
}

func (c *requestCase) run(t *testing.T, p *proxy, w way, profile string) {
	refused := c.tolerant
	if profile == "strict" {
		refused = c.strict
	}
	o := newWitness(t, p, w.secured)
	client := w.reach(t, p, o.Addr)
	first := w.begin(client, o.Addr)
	client.send(w.spell(c.in, o.Addr))
	method, _, _ := strings.Cut(strings.TrimLeft(c.in, "\r\n"), " ")
	status, head := client.head()
	_, _, err := client.body(method, head)
	if err != nil {
		t.Errorf("body of the response: %v", err)
	}
	want := c.want
	if want == "" || c.direct && w.secured {
		want = c.in
	}
	want = first + want
	flows := 1 + c.more
	if first != "" {
		flows++
	}
	if refused != 0 {
		if status != refused && c.finding == "trailer-dropped" {
			status = refused // the head had gone before the trailers came: see requestChunks
		}
		if status != refused {
			t.Errorf("answered with %d, not %d: %q", status, refused, head)
		}
		if !c.stays {
			client.ended()
		}
		client.conn.Close()
		for _, got := range o.received() {
			if got == arrives(first, o.Addr) {
				continue
			}
			if strings.Contains(got, "/smuggled") || !strings.HasPrefix(arrives(want, o.Addr), got) {
				t.Errorf("of a refused request, the origin got %.300q", got)
			}
		}
		if len(o.faults) > 0 {
			t.Errorf("the origin does not understand: %v", o.faults)
		}
		if got := o.messages; len(got) > 1 || len(got) == 1 && first == "" {
			t.Errorf("of a refused request, the origin got %+v", got)
		}
		return
	}
	if status != 200 {
		t.Fatalf("answered with %d: %q", status, head)
	}
	for range c.more {
		if status, head := client.head(); status != 200 {
			t.Fatalf("answered with %d: %q", status, head)
		} else if body, _, _ := client.body("POST", head); body != "ok" {
			t.Errorf("body %q", body)
		}
	}
	if !c.closes {
		// Nothing is left over on the connection: it serves another request.
		client.send(w.spell("GET {T}/after HTTP/1.1\r\nHost: {H}\r\nConnection: close\r\n\r\n", o.Addr))
		if status, head := client.head(); status != 200 {
			t.Errorf("another request is answered with %d: %q", status, head)
		} else {
			client.body("GET", head)
		}
		want += "GET /after HTTP/1.1\r\nHost: {H}\r\n"
		if w.secured {
			want += "Connection: close\r\n"
		}
		want += "\r\n"
		flows++
	}
	client.ended()
	client.conn.Close()
	if got := strings.Join(o.received(), ""); got != arrives(want, o.Addr) {
		t.Errorf("the origin got\n%.1000q\nnot\n%.1000q", got, arrives(want, o.Addr))
	}
	if len(o.faults) > 0 {
		t.Errorf("the origin does not understand: %v", o.faults)
	}
	if c.host != "" {
		// Recorded under the host that it names.
		if f := p.told(1, to(c.host))[0]; !f.has(c.finding) {
			t.Errorf("the flow has the findings %q, not %q", f.codes(), c.finding)
		}
		return
	}
	c.agrees(t, o, p.told(flows, to(o.Addr)), profile)
}

// agrees compares what the origin has understood with what is recorded.
func (c *requestCase) agrees(t *testing.T, o *witness, flows []told, profile string) {
	if len(o.messages) != len(flows) {
		t.Fatalf("the origin got %d requests, and %d are recorded", len(o.messages), len(flows))
	}
	for i, m := range o.messages {
		f := flows[i]
		if m.Method != f.Request.Method || m.Target != f.Request.Path || int64(len(m.Body)) != f.RequestBody.Sent || len(m.Trailer) > len(f.Request.Trailers) {
			t.Errorf("the origin understood %+v, and recorded is %+v with %+v", m, f.Request, f.RequestBody)
		}
	}
	f := flows[0]
	if f.Request.Path == "/first" {
		f = flows[1]
	}
	if profile == "tolerant" && c.finding != "" && !f.has(c.finding) {
		t.Errorf("the flow has the findings %q, not %q", f.codes(), c.finding)
	}
	if c.finding == "" && len(f.Findings) > 0 {
		t.Errorf("the flow has findings: %v", f.Findings)
	}
}

// A chunked body that breaks the rules breaks off at the origin as well: nothing
// that comes behind the fault is forwarded, and the connection is closed.
func TestCasesRequestChunks(t *testing.T) {
	t.Parallel()
	for _, profile := range profiles {
		t.Run(profile, func(t *testing.T) {
			p := startCases(t, "--set", "http_profile="+profile)
			for _, w := range ways {
				for _, c := range requestChunks {
					t.Run(w.name+"/"+c.name, func(t *testing.T) {
						o := newWitness(t, p, w.secured)
						client := w.reach(t, p, o.Addr)
						client.send(w.spell(post("Transfer-Encoding: chunked", c.body+smuggled), o.Addr))
						if status, head := client.head(); status != 400 {
							t.Errorf("answered with %d: %q", status, head)
						} else {
							client.body("POST", head)
						}
						client.ended()
						client.conn.Close()
						for _, got := range o.received() {
							if strings.Contains(got, "/smuggled") || strings.Contains(got, "0\r\n\r\n") {
								t.Errorf("the origin got %.300q", got)
							}
						}
						if len(o.messages)+len(o.faults) > 0 {
							t.Errorf("the origin understood %+v, and did not understand %v", o.messages, o.faults)
						}
						f := p.told(1, to(o.Addr))[0]
						if f.Outcome.Text == "completed" {
							t.Errorf("recorded as %+v", f.Outcome)
						}
					})
				}
			}
		})
	}
}

// A reverse proxy judges requests as any other does, though its clients take it
// for the server.
func TestCasesReverse(t *testing.T) {
	t.Parallel()
	for _, profile := range profiles {
		t.Run(profile, func(t *testing.T) {
			// The origin must be there before its proxy: it lives as long as the test.
			o := newWitness(t, &proxy{t: t}, false)
			p := startCases(t, "--set", "http_profile="+profile, "--mode", "reverse:http://"+o.Addr)
			asked := 0
			for _, c := range slices.Concat(requestLines, requestFields, requestFraming) {
				if c.only == "plain" || c.host != "" || c.more > 0 || strings.HasPrefix(c.in, "PRI ") {
					continue
				}
				t.Run(c.name, func(t *testing.T) {
					refused := c.tolerant
					if profile == "strict" {
						refused = c.strict
					}
					client := dial(t, p)
					first := ways[1].begin(&rawClient{t: t, conn: client.conn, in: client.in}, o.Addr)
					client.send(arrives(c.in, o.Addr))
					status, head := client.head()
					method, _, _ := strings.Cut(strings.TrimLeft(c.in, "\r\n"), " ")
					if _, _, err := client.body(method, head); err != nil {
						t.Errorf("body of the response: %v", err)
					}
					asked++ // first
					switch {
					case first == "":
						t.Fatal("nothing was asked before")
					case refused != 0 && c.finding != "trailer-dropped":
						if status != refused {
							t.Errorf("answered with %d, not %d: %q", status, refused, head)
						}
						client.ended()
					case refused == 0:
						asked++
						if status != 200 {
							t.Errorf("answered with %q", head)
						}
					}
					client.conn.Close()
				})
			}
			p.stop()
			o.received()
			if len(o.faults) > 0 {
				t.Errorf("the origin does not understand: %v", o.faults)
			}
			if len(o.messages) != asked {
				t.Errorf("the origin got %d requests, and %d were passed", len(o.messages), asked)
			}
			for _, m := range o.messages {
				if strings.Contains(m.Target, "smuggled") {
					t.Errorf("the origin got %+v", m)
				}
			}
		})
	}
}
