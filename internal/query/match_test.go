package query

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"midstream/flow"
)

// recorded is bodies in memory.
type recorded [2]string

func (r recorded) Open(_ context.Context, f *flow.Flow, side flow.Side) (io.ReadCloser, error) {
	return io.NopCloser(iotest.HalfReader(strings.NewReader(r[side]))), nil
}

var moment = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// asked is a flow that has no response yet.
func asked() *flow.Flow {
	f := &flow.Flow{
		Start: moment, Client: &flow.Conn{Peer: "127.0.0.1:22"}, Server: &flow.Conn{Address: "address:22", Peer: "192.168.0.1:22"},
		Request: &flow.Request{Method: "GET", Scheme: "http", Host: "address", Port: 22, Path: "/path",
			Message: flow.Message{Version: flow.HTTP11, Fields: flow.Fields{{Name: "header", Value: "qvalue"}, {Name: "Content-Length", Value: "7"}}}},
		RequestBody: flow.Body{Disposition: flow.Tee, Sent: 7, Received: 7, Recorded: 7, Record: flow.Complete, Ended: true},
	}
	return f
}

// answered has a response.
func answered() *flow.Flow {
	f := asked()
	f.Response = &flow.Response{Status: 200, Reason: "OK",
		Message: flow.Message{Version: flow.HTTP11, Fields: flow.Fields{{Name: "header-response", Value: "svalue"}, {Name: "Content-Length", Value: "7"}}}}
	f.ResponseBody = flow.Body{Disposition: flow.Hold, Sent: 7, Received: 7, Recorded: 7, Record: flow.Complete, Ended: true}
	f.End = moment.Add(3 * time.Second)
	f.Outcome.Kind = flow.Completed
	return f
}

// tunnel is raw TCP.
func tunnel() *flow.Flow {
	f := asked()
	f.Kind, f.Request = flow.TCP, nil
	f.RequestBody = flow.Body{Disposition: flow.Tee, Sent: 5, Recorded: 5, Record: flow.Complete}
	f.ResponseBody = flow.Body{Disposition: flow.Tee, Sent: 7, Recorded: 7, Record: flow.Complete}
	return f
}

// lookup is a DNS query, and dnsRecord what is on the wire.
func lookup(answered bool) *flow.Flow {
	f := tunnel()
	f.Kind, f.ResponseBody, f.Outcome.Kind = flow.DNS, flow.Body{}, flow.Completed
	if r := dnsRecord(); answered {
		n := int64(len(r[1]))
		f.ResponseBody = flow.Body{Disposition: flow.Tee, Sent: n, Recorded: n, Record: flow.Complete}
	}
	return f
}

func dnsRecord() recorded {
	name := "\x03dns\x06google\x00"
	question := name + "\x00\x01\x00\x01"
	return recorded{
		"\x00\x2a\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + question,
		"\x00\x2a\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" + question + name + "\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x08\x08\x08\x08",
	}
}

func zipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

func with(f *flow.Flow, change func(f *flow.Flow)) *flow.Flow {
	change(f)
	return f
}

func TestMatch(t *testing.T) {
	content := recorded{"content", "message"}
	coded := recorded{zipped("content"), zipped("message")}
	gzipped := with(answered(), func(f *flow.Flow) {
		f.Request.Fields.Add("Content-Encoding", "gzip")
		f.Response.Fields.Add("Content-Encoding", "gzip")
	})
	typed := func(request, response string) *flow.Flow {
		return with(answered(), func(f *flow.Flow) {
			if request != "" {
				f.Request.Fields.Add("content-type", request)
			}
			if response != "" {
				f.Response.Fields.Add("Content-Type", response)
			}
		})
	}
	upgraded := with(answered(), func(f *flow.Flow) {
		f.Response.Status = 101
		f.Response.Fields.Add("Upgrade", "WebSocket")
	})
	frames := recorded{"\x81\x85\x01\x02\x03\x04igohn", "\x01\x03one\x80\x03two\x89\x04ping"}
	events := typed("", "text/event-stream")
	stream := recorded{"", "event: tick\ndata: 1\n\nevent: tock\ndata: 22\n\n"}
	for _, c := range []struct {
		what   string
		f      *flow.Flow
		bodies recorded
		yes    string // filters, one a line
		no     string
	}{
		{"asked", asked(), content, `
			~all
			~http
			~q
			~m get
			~m GET
			~m ^g.t$
			~d address
			~d ADDRESS
			~u address
			~u address:22/path
			~u ^http://address:22/path$
			ADDRESS
			~h qvalue
			~h header
			~h 'header: qvalue'
			~h "^header: qvalue\r$"
			~h "^Content-Length: 7"
			~hq 'HEADER: qvalue'
			~hq '^header: qvalue$'
			~hq '^HEADER:\sqvalue$'
			~src 127.0.0.1
			~src :22
			~src ^127.0.0.1:22$
			~dst address:22
			~b content
			~bq content
			~bq ^content$
			!~bs .
			~proto h1
			~age >59s
			~dur >59s
			~size 7-7.0
			~from client
			~disp tee
			~outcome running
			~comment ^$
			~marker ^$
			~meta ^$`, `
			~tcp
			~udp
			~dns
			~websocket
			~s
			~e
			~marked
			~marker X
			~comment .
			~meta .
			~m post
			~d none
			~u moo/path
			~h nonexistent
			~hs header
			~c 200
			~c 2xx
			~a
			~t .
			~b message
			~b nonexistent
			~bs message
			~src foobar
			~src :99
			~dst foobar
			~dst 192.168
			~replay
			~replayq
			~replays
			~proto h2,ws
			~age >61s
			~size >7
			~from server
			~disp hold
			~finding
			~event .`},
		{"answered", answered(), content, `
			~s
			~c 200
			~c 2xx
			~c 200-299
			~c 200 & ~h head
			(~c 200 & ~h head) & ~b content
			~c 201 | ~h head
			(~c 201 | ~h nohead) | ~s
			!~c 201 !~c 202
			~hs 'header-response: svalue'
			~h 'header: qvalue'
			~b message
			~bs MESS
			~bq content
			~dur >2s
			~dur 3s-3s
			~disp hold|pass
			~size 14-14
			~from client,server
			~outcome completed`, `
			~q
			~c 201
			~c 200 & ~h nohead
			(~c 200 & ~h head) & ~b nonexistent
			!~c 201 !~c 200
			~hs 'header: qvalue'
			~hq 'header-response: svalue'
			~bs content
			~bq message
			~b content.message
			~dur <3s
			~disp pass
			~outcome complete$`},
		{"gzip", gzipped, coded, "~b content\n~bs ^message$\n!~b nonexistent", "~bq message"},
		{"no gzip", gzipped, content, "~b content\n~bs ^message$", "~bq message"}, // searched as it was sent
		{"without bodies", with(answered(), func(f *flow.Flow) {
			f.RequestBody, f.ResponseBody = flow.Body{}, flow.Body{}
		}), recorded{}, "~b ^$\n~bq ^$\n~bs ^$", "~b .\n~size >0\n~disp tee"},
		{"passed unrecorded", with(answered(), func(f *flow.Flow) {
			f.ResponseBody = flow.Body{Disposition: flow.Pass, Sent: 7, Ended: true}
		}), content, "~b content\n~disp pass", "~bs ^\n~b message"},
		{"types", typed("text/json", "text/javascript; charset=utf-8"), content, `
			~a
			~t json
			~t JAVA
			~tq ^text/json$
			~ts charset
			~t json & ~ts java`, "~ts json\n~tq java"},
		{"asset in capitals", typed("", "IMAGE/png"), content, "~t image", "~a"},
		{"image of the request", typed("image/png", ""), content, "~tq image", "~a\n~ts image"},
		{"named otherwise", with(asked(), func(f *flow.Flow) { f.Request.Fields.Add("Host", "other.example:8080") }), content,
			"~d ^address$\n~d ^other.example$\n~u ^http://other.example:8080/path$", "~u address\n~d 8080"},
		{"failed", with(asked(), func(f *flow.Flow) {
			f.Outcome = flow.Outcome{Kind: flow.ClientLeft, Text: "gone"}
			f.Findings = []flow.Finding{{Code: "both-lengths", Text: "two of them"}}
		}), content, "~e\n~outcome 'client left'\n~outcome client-left\n!~tls\n~finding\n~finding both\n~finding 'lengths: two'", "~finding three"},
		{"marked", with(asked(), func(f *flow.Flow) {
			f.Marker, f.Comment, f.Metadata = ":default:", "one\ntwo", map[string]string{"b": "string", "a": "1"}
			f.Replayed = flow.RequestReplayed
		}), content, "~marked\n~marker default\n~comment ^two$\n~meta ^a\n~meta \"b: string\"\n~replay\n~replayq", "~replays\n~marker X\n~meta no"},
		{"secured", with(asked(), func(f *flow.Flow) {
			f.Client = &flow.Conn{TLS: &flow.TLS{Version: 0x304, Cipher: 0x1301, SNI: "shop.example", ALPN: "h2"}}
		}), content, "~tls\n~tls 'TLS 1.3'\n~tls '^client cipher: TLS_AES_128_GCM_SHA256$'\n~tls 'sni: shop'\n~tls '^client alpn: h2$'", "~tls server\n~tls ^shop\n!~tls"},
		{"response replayed", with(answered(), func(f *flow.Flow) { f.Replayed = flow.ServerReplayed }), content, "~replay\n~replays", "~replayq"},
		{"tunnel", tunnel(), recorded{"hello", "it's me"}, `
			~tcp
			~b hello
			~b me
			~bq hello
			~bs me
			~b hello & ~b me
			(~src :22 & ~dst :22) & ~b hello
			~src :22 | ~b me
			! ~src :99
			~from client`, `
			~http
			~udp
			~websocket
			~dns
			~q
			~s
			~h whatever
			~hq .
			~hs .
			~t .
			~tq .
			~ts .
			~m .
			~u .
			whatever
			~d .
			~c 200
			~a
			~bq me
			~bs hello
			~src wrongaddress & ~b hello
			(~src address:22 & ~dst :99) & ~b hello`},
		{"address of version 6", with(asked(), func(f *flow.Flow) { f.Client.Peer = "[::1]:22" }), content, "~src ^::1:22$", "~src \\["},
		{"websocket", upgraded, frames, `
			~websocket
			~http
			~proto ws
			~c 101
			~b hello
			~bq ^he.+o$
			~bs onetwo
			~event two
			~s`, "~bs hello\n~bq two\n~b ping\n~tcp"},
		{"websocket of HTTP/2", with(answered(), func(f *flow.Flow) {
			f.Request.Method, f.Request.Protocol, f.Request.Version = "CONNECT", "websocket", flow.HTTP2
		}), frames, "~websocket\n~proto ws\n~b hello\n~bs onetwo", "~bs hello"},
		{"events", events, stream, "~event tick\n~event \"^data: 22$\"\n~proto sse\n~b tick.*tock", "~event tick.*tock\n~event data:.1.*22\n~proto grpc"},
		{"HTTP/2", with(answered(), func(f *flow.Flow) {
			f.Request.Version = flow.HTTP2
			f.Request.Fields.Add("content-type", "application/grpc+proto")
		}), content, "~proto h2\n~proto grpc\n~proto h1|h2", "~proto h1\n~proto h3"},
		{"DNS", lookup(false), dnsRecord(), "~dns\n~q\n~u dns.google\n~u ^dns.google$\ndns.google\n~b dns.google\n~bq dns.google\n~src :22", "~http\n~tcp\n~s\n~u whatever\n~bs .\n~b 8.8.8.8\n~d .\n~m ."},
		{"DNS answered", lookup(true), dnsRecord(), "~dns\n~s\n~b 8.8.8.8\n~bs ^8.8.8.8$|8.8.8.8\n~bs dns.google\n~bq dns.google", "~q\n~bq 8.8.8.8\n~e"},
	} {
		ask := func(filters string, want bool) {
			for filter := range strings.Lines(filters) {
				filter = strings.TrimSpace(filter)
				if filter == "" {
					continue
				}
				q, err := Parse(filter, Folded)
				if err != nil {
					t.Error(err)
					continue
				}
				got, err := q.Match(t.Context(), c.f, c.bodies, moment.Add(time.Minute))
				if err != nil || got != want {
					t.Errorf("%s: %s: %t, %v", c.what, filter, got, err)
				}
			}
		}
		ask(c.yes, true)
		ask(c.no, false)
	}
}

func TestExactCase(t *testing.T) {
	for filter, want := range map[string]bool{"~m get": false, "~m GET": true, "~u ADDRESS": false, "~h Header:": false, "~b CONTENT": false, "~b content": true} {
		q, err := Parse(filter, Exact)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := q.Match(t.Context(), asked(), recorded{"content", ""}, moment); got != want {
			t.Errorf("%s: %t", filter, got)
		}
	}
}

// A body that cannot be read leaves a flow undecided, unless something else
// decides.
type unreadable struct{}

func (unreadable) Open(context.Context, *flow.Flow, flow.Side) (io.ReadCloser, error) {
	return nil, errors.New("it is gone")
}

func TestUnreadableBodies(t *testing.T) {
	for filter, want := range map[string]string{
		"~b x":        "it is gone",
		"!~b x":       "it is gone",
		"~s & ~b x":   "it is gone",
		"~q & ~b x":   "",
		"~s | ~b x":   "",
		"~c 500 ~b x": "",
	} {
		q, err := Parse(filter, Folded)
		if err != nil {
			t.Fatal(err)
		}
		_, err = q.Match(t.Context(), answered(), unreadable{}, moment)
		if want == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", filter, err)
		}
	}
	q, _ := Parse("~b x", Folded)
	if got, err := q.Match(t.Context(), answered(), nil, moment); got || err != nil {
		t.Errorf("without bodies: %t, %v", got, err)
	}
}

func TestAStoppedSearch(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	why := errors.New("the person has had enough")
	stop(why)
	q, _ := Parse("~b x", Folded)
	if _, err := q.Match(ctx, gz(), recorded{zipped("a"), zipped("b")}, moment); !errors.Is(err, why) {
		t.Errorf("%v", err)
	}
}

func gz() *flow.Flow {
	return with(answered(), func(f *flow.Flow) { f.Request.Fields.Add("Content-Encoding", "gzip") })
}

func TestEvalAsksNoMoreThanItMust(t *testing.T) {
	q, err := Parse("(~b a | ~s) & ~q", Folded)
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	got := q.Eval(func(a *Atom) Truth {
		seen = append(seen, a.Name)
		return TruthOf(a.Op == Answered)
	})
	if got != No || strings.Join(seen, " ") != "~q" {
		t.Errorf("%d after %v", got, seen)
	}
	if !q.Bodies() {
		t.Error("it may look into bodies")
	}
}

// What is said of a flow that lives holds when it has ended.
func TestSoFar(t *testing.T) {
	live := func(f *flow.Flow) *flow.Flow { f.Outcome.Kind = flow.Running; return f }
	for _, c := range []struct {
		filter          string
		asked, answered Truth
	}{
		{"~m get", Yes, Yes}, {"~m post", No, No}, {"~d address", Yes, Yes}, {"~d other", No, No}, {"~u path", Yes, Yes},
		{"~c 200", Unknown, Yes}, {"~c 404", Unknown, No}, {"~h qvalue", Yes, Yes}, {"~h svalue", Unknown, Yes}, {"~h none", Unknown, No},
		{"~hq none", No, No}, {"~t json", Unknown, No}, {"~q", Unknown, No}, {"~s", Unknown, Yes}, {"~a", Unknown, No},
		{"~marked", Unknown, Unknown}, {"~b x", Unknown, Unknown}, {"~e", Unknown, Unknown}, {"~size >1", Unknown, Unknown},
		{"~m get & ~c 404", Unknown, No}, {"~m post & ~c 404", No, No}, {"!~m post", Yes, Yes}, {"~proto h1", Yes, Yes}, {"~proto h2", Unknown, No},
		{"~http", Yes, Yes}, {"~tcp", No, No}, {"~websocket", Unknown, No},
	} {
		q, err := Parse(c.filter, Folded)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := q.SoFar(live(asked()), moment), q.SoFar(live(answered()), moment); a != c.asked || b != c.answered {
			t.Errorf("%s: %d then %d, want %d then %d", c.filter, a, b, c.asked, c.answered)
		}
	}
	q, _ := Parse("~marked", Folded)
	if got := q.SoFar(answered(), moment); got != No {
		t.Errorf("of a flow that has ended: %d", got)
	}
}
