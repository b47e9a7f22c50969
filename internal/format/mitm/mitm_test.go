package mitm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"os"

	"midstream/flow"
	"midstream/internal/format"
	"midstream/internal/format/tnet"
)

// d makes a dictionary of keys and values in turn.
func d(kv ...any) tnet.Value {
	v := tnet.NewDict()
	for i := 0; i < len(kv); i += 2 {
		v.Set(kv[i].(string), val(kv[i+1]))
	}
	return v
}

// b is octets; a plain string is text.
type b string

func val(x any) tnet.Value {
	switch x := x.(type) {
	case nil:
		return tnet.Value{}
	case tnet.Value:
		return x
	case string:
		return tnet.NewText(x)
	case b:
		return tnet.NewOctets(string(x))
	case int:
		return tnet.NewInt(int64(x))
	case float64:
		return tnet.NewFloat(x)
	case bool:
		return tnet.NewBool(x)
	case []any:
		items := make([]tnet.Value, len(x))
		for i := range x {
			items[i] = val(x[i])
		}
		return tnet.NewList(items...)
	}
	panic(fmt.Sprintf("%T", x))
}

func octets(t *testing.T, vs ...tnet.Value) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, v := range vs {
		if _, err := v.WriteTo(&out); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

func readAll(t *testing.T, p []byte) ([]*format.Item, error) {
	t.Helper()
	r := NewReader(format.Octets(p), int64(len(p)))
	var all []*format.Item
	for {
		it, err := r.Next()
		if err == io.EOF {
			return all, nil
		}
		if it != nil {
			all = append(all, it)
		}
		if err != nil {
			return all, err
		}
	}
}

func newestConn(more ...any) tnet.Value {
	return d(append([]any{"peername", []any{"192.0.2.7", 443}, "sockname", []any{"192.0.2.1", 50000}, "id", "0f5b6c1a-0000-4000-8000-000000000002",
		"transport_protocol", "tcp", "error", nil, "tls", true, "certificate_list", []any{}, "alpn", b("h2"), "alpn_offers", []any{b("h2"), b("http/1.1")},
		"cipher", "ECDHE-RSA-AES128-GCM-SHA256", "cipher_list", []any{}, "tls_version", "TLSv1.2", "sni", "site.test",
		"timestamp_start", 1700000000.25, "timestamp_end", nil, "timestamp_tls_setup", 1700000000.5}, more...)...)
}

func newest(more ...any) tnet.Value {
	v := d("version", 21, "type", "http", "id", "0f5b6c1a-0000-4000-8000-000000000001", "error", nil,
		"client_conn", newestConn("mitmcert", nil, "proxy_mode", "reverse:https://site.test"),
		"server_conn", newestConn("address", []any{"site.test", 443}, "timestamp_tcp_setup", 1700000000.375, "via", []any{"http", []any{"parent.test", 3128}}),
		"intercepted", false, "is_replay", "request", "marked", ":red_circle:", "metadata", d("who", "me", "count", 3), "comment", "look here",
		"timestamp_created", 1700000000.0, "backup", nil,
		"request", d("http_version", b("HTTP/2.0"), "headers", []any{[]any{b("accept"), b("*/*")}, []any{b("x-raw"), b("\xff\x80")}}, "content", b("question"),
			"trailers", nil, "timestamp_start", 1700000000.5, "timestamp_end", 1700000000.625, "host", "192.0.2.7", "port", 443, "method", b("POST"),
			"scheme", b("https"), "authority", b("site.test"), "path", b("/a?b=c")),
		"response", d("http_version", b("HTTP/2.0"), "headers", []any{[]any{b("content-type"), b("text/plain")}}, "content", b("\x1f\x8b not really gzip"),
			"trailers", []any{[]any{b("x-sum"), b("1")}}, "timestamp_start", 1700000000.75, "timestamp_end", 1700000001.0, "status_code", 200, "reason", b("")),
		"websocket", nil)
	for i := 0; i < len(more); i += 2 {
		v.Set(more[i].(string), val(more[i+1]))
	}
	return v
}

func TestTheNewestVersionIsReadAndWrittenAsItIs(t *testing.T) {
	dnsMessage := func(query bool) tnet.Value {
		answers := []any{}
		if !query {
			answers = append(answers, d("name", "site.test", "type", 1, "class_", 1, "ttl", 60, "data", b("\xc0\x00\x02\x07")))
		}
		return d("id", 42, "query", query, "op_code", 0, "authoritative_answer", false, "truncation", false, "recursion_desired", true,
			"recursion_available", !query, "reserved", 0, "response_code", 0,
			"questions", []any{d("name", "site.test", "type", 1, "class_", 1)}, "answers", answers, "authorities", []any{}, "additionals", []any{}, "timestamp", 1700000000.25)
	}
	withoutHTTP := func(kind string, more ...any) tnet.Value {
		v := newest(append([]any{"type", kind}, more...)...)
		for _, k := range []string{"websocket", "request", "response"} {
			if kind != "dns" || k == "websocket" {
				v.Remove(k)
			}
		}
		return v
	}
	empty := func(v tnet.Value) tnet.Value {
		for _, k := range []string{"request", "response"} {
			v.Key(k).Set("content", val(b("")))
		}
		return v
	}
	for name, v := range map[string]tnet.Value{
		"http":   newest(),
		"failed": newest("response", nil, "error", d("msg", "Client disconnected.", "timestamp", 1700000002.0)),
		"missing": newest("request", d("http_version", b("HTTP/1.1"), "headers", []any{}, "content", nil, "trailers", nil, "timestamp_start", 1700000000.5,
			"timestamp_end", nil, "host", "h", "port", 80, "method", b("GET"), "scheme", b("http"), "authority", b("h:80"), "path", b("/"))),
		"websocket": empty(newest("websocket", d("messages", []any{[]any{1, true, b("hello"), 1700000001.5, false, false}, []any{2, false, b("\x00\x01"), 1700000001.75, true, true}},
			"closed_by_client", false, "close_code", 1000, "close_reason", "bye", "timestamp_end", 1700000002.0))),
		"backup": newest("backup", newest("comment", "before"), "intercepted", true),
		"tcp":    withoutHTTP("tcp", "messages", []any{[]any{true, b("ping"), 1700000001.5}, []any{false, b("pong"), 1700000001.75}}),
		"udp":    withoutHTTP("udp", "messages", []any{[]any{true, b("ping"), 1700000001.5}}),
		"dns":    withoutHTTP("dns", "request", dnsMessage(true), "response", dnsMessage(false)),
	} {
		t.Run(name, func(t *testing.T) {
			file := octets(t, v)
			all, err := readAll(t, file)
			if err != nil || len(all) != 1 || len(all[0].Lost) > 0 {
				t.Fatal(err, len(all), all[0].Lost)
			}
			var out bytes.Buffer
			if _, err := NewWriter(&out, Version).Write(all[0]); err != nil {
				t.Fatal(err)
			}
			got, _, err := tnet.Parse(format.Octets(out.Bytes()), 0, int64(out.Len()))
			if err != nil {
				t.Fatal(err)
			}
			sameValue(t, "", &v, &got)
		})
	}
}

// sameValue fails where two values differ; the order of keys does not count.
func sameValue(t *testing.T, at string, want, got *tnet.Value) {
	t.Helper()
	if want.Tag() != got.Tag() {
		t.Errorf("%s is %v, want %v", at, got.Tag(), want.Tag())
		return
	}
	switch want.Tag() {
	case tnet.Dict:
		for _, e := range want.Entries() {
			sameValue(t, at+"."+e.Key, &e.Value, got.Key(e.Key))
		}
		for _, e := range got.Entries() {
			if want.Key(e.Key) == nil {
				t.Errorf("%s.%s is new", at, e.Key)
			}
		}
	case tnet.List:
		x, _ := want.Items(100)
		y, _ := got.Items(100)
		if len(x) != len(y) {
			t.Errorf("%s has %d elements, want %d", at, len(y), len(x))
			return
		}
		for i := range x {
			sameValue(t, fmt.Sprintf("%s[%d]", at, i), x[i], y[i])
		}
	case tnet.Null:
	default:
		x, _ := want.Bytes(1000)
		y, _ := got.Bytes(1000)
		if !bytes.Equal(x, y) {
			t.Errorf("%s is %q, want %q", at, y, x)
		}
	}
}

func oldAddress(host b, port int) tnet.Value {
	return d("address", []any{host, port}, "use_ipv6", false)
}

func TestOldVersionsAreRead(t *testing.T) {
	oldest := d("version", []any{0, 11, 3}, "type", b("http"), "id", b("0f5b6c1a-0000-4000-8000-000000000001"), "error", nil, "intercepted", false,
		"client_conn", d("ssl_established", true, "clientcert", nil, "timestamp_end", nil, "timestamp_ssl_setup", 1400000000.5, "address", oldAddress("192.0.2.1", 6000), "timestamp_start", 1400000000.0),
		"server_conn", d("ssl_established", true, "source_address", oldAddress("192.0.2.2", 6001), "timestamp_end", nil, "address", oldAddress("site.test", 443), "timestamp_start", 1400000000.25,
			"sni", b("site.test"), "cert", nil, "timestamp_ssl_setup", 1400000000.375, "state", []any{}, "timestamp_tcp_setup", 1400000000.3),
		"request", d("is_replay", true, "port", 443, "scheme", b("https"), "method", b("GET"), "path", b("/old"), "form_out", b("relative"), "form_in", b("relative"),
			"httpversion", []any{1, 1}, "host", b("site.test"), "headers", []any{[]any{b("Host"), b("site.test")}}, "content", b(""), "timestamp_start", 1400000000.5, "timestamp_end", 1400000000.6),
		"response", d("httpversion", []any{1, 0}, "timestamp_start", 1400000000.7, "timestamp_end", 1400000000.8, "msg", b("Fine"), "code", 203, "headers", []any{}, "content", b("body")))
	eighteen := d("version", []any{0, 18, 2}, "type", "http", "id", "0f5b6c1a-0000-4000-8000-000000000001", "error", nil, "intercepted", false, "marked", true,
		"client_conn", d("ssl_established", false, "clientcert", nil, "timestamp_end", nil, "timestamp_ssl_setup", nil, "address", oldAddress("192.0.2.1", 6000), "timestamp_start", 1400000000.0),
		"server_conn", d("ssl_established", false, "source_address", oldAddress("192.0.2.2", 6001), "ip_address", oldAddress("192.0.2.7", 80), "timestamp_end", nil, "address", oldAddress("site.test", 80),
			"timestamp_start", 1400000000.25, "sni", nil, "cert", nil, "timestamp_ssl_setup", nil, "timestamp_tcp_setup", 1400000000.3, "via", d("address", oldAddress("x", 1))),
		"request", d("is_replay", false, "port", 80, "scheme", b("http"), "method", b("GET"), "path", b("/old"), "first_line_format", "relative", "stickyauth", false, "stickycookie", false,
			"http_version", b("HTTP/1.1"), "host", b("site.test"), "headers", []any{}, "content", b(""), "timestamp_start", 1400000000.5, "timestamp_end", 1400000000.6),
		"response", d("http_version", b("HTTP/1.1"), "timestamp_start", nil, "timestamp_end", nil, "reason", b("Fine"), "status_code", 203, "headers", []any{}, "content", b("body")))
	for name, c := range map[string]struct {
		file           tnet.Value
		url, peer      string
		marker, client string
		replayed       flow.Replayed
	}{
		"0.11": {oldest, "https://site.test/old", "", "", "192.0.2.1:6000", flow.RequestReplayed},
		"0.18": {eighteen, "http://site.test/old", "192.0.2.7:80", ":default:", "192.0.2.1:6000", flow.NotReplayed},
	} {
		t.Run(name, func(t *testing.T) {
			all, err := readAll(t, octets(t, c.file))
			if err != nil || len(all) != 1 {
				t.Fatal(err)
			}
			it := all[0]
			f := it.Flow
			if f.Request.URL() != c.url || f.Server.Peer != c.peer || f.Marker != c.marker || f.Client.Peer != c.client || f.Replayed != c.replayed {
				t.Errorf("%s, peer %q, marker %q, client %q, replayed %d", f.Request.URL(), f.Server.Peer, f.Marker, f.Client.Peer, f.Replayed)
			}
			if f.Response.Status != 203 || f.Response.Reason != "Fine" || f.Response.Start.IsZero() || f.Server.Local != "192.0.2.2:6001" {
				t.Errorf("response %+v, local %q", f.Response, f.Server.Local)
			}
			if s := it.Bodies[flow.ToClient].Size(); s != 4 {
				t.Errorf("the body has %d octets", s)
			}
			if f.Client.Mode != "regular" {
				t.Errorf("mode %q", f.Client.Mode)
			}
		})
	}
}

func webSocketApart(handshake string) tnet.Value {
	return d("version", 7, "type", "websocket", "id", "0f5b6c1a-0000-4000-8000-000000000009", "error", nil, "intercepted", false, "marked", false,
		"metadata", d("websocket_handshake", handshake), "messages", []any{[]any{1, true, "hi", 1400000001, false}},
		"close_sender", "client", "close_code", 1005, "close_reason", "", "close_message", "",
		"client_conn", d("address", []any{"192.0.2.1", 6000}, "timestamp_start", 1400000000.0, "tls_established", false, "id", "0f5b6c1a-0000-4000-8000-000000000003"),
		"server_conn", d("address", []any{"site.test", 80}, "ip_address", []any{"192.0.2.7", 80}, "source_address", []any{"192.0.2.2", 6001}, "timestamp_end", 1400000002.0,
			"tls_established", false, "id", "0f5b6c1a-0000-4000-8000-000000000004"))
}

func TestAWebSocketThatStandsApartIsJoinedToItsHandshake(t *testing.T) {
	handshake := newest("version", 7, "metadata", d("websocket", true), "is_replay", nil)
	all, err := readAll(t, octets(t, handshake, webSocketApart("0f5b6c1a-0000-4000-8000-000000000001"), webSocketApart("gone")))
	if err != nil || len(all) != 3 {
		t.Fatal(len(all), err)
	}
	for i, path := range []string{"", "/a?b=c", "/"} {
		if i == 0 {
			continue
		}
		it := all[i]
		if it.Flow.Request.Path != path || it.Closing == nil || it.Closing.Code != 1005 || !it.Closing.ByClient || it.Flow.ID == all[0].Flow.ID {
			t.Errorf("flow %d: %+v, closing %+v", i, it.Flow.Request, it.Closing)
		}
		for m, err := range it.Messages {
			if p, _ := io.ReadAll(io.NewSectionReader(m.Content, 0, m.Content.Size())); err != nil || string(p) != "hi" || !m.Text || !m.FromClient {
				t.Errorf("message %q %+v, %v", p, m, err)
			}
		}
	}
	if all[2].Flow.Request.Host != "site.test" {
		t.Errorf("the handshake that is not there was sent to %q", all[2].Flow.Request.Host)
	}
}

func TestACutFileGivesWhatItHas(t *testing.T) {
	file := octets(t, newest(), newest("comment", "second"))
	whole := len(octets(t, newest()))
	all, err := readAll(t, file[:len(file)-10])
	if len(all) != 2 || err == nil || err.Error() != fmt.Sprintf("flow 2, at byte %d of the file: the file ends inside an element", whole) {
		t.Fatal(len(all), err)
	}
	last := all[1]
	if last.Flow.Comment != "second" || last.Flow.Outcome.Kind != flow.Interrupt || len(last.Lost) == 0 {
		t.Errorf("%+v, lost %v", last.Flow, last.Lost)
	}
	if all, err := readAll(t, file[:whole+20]); len(all) != 1 || err == nil {
		t.Error(len(all), err)
	}
}

func TestADamagedFlowDoesNotEndTheFile(t *testing.T) {
	file := octets(t, newest(), d("version", 99, "type", "http"), val("no flow"), newest("type", "carrier pigeon"), newest())
	r := NewReader(format.Octets(file), int64(len(file)))
	var said []string
	flows := 0
	for {
		_, err := r.Next()
		if err == io.EOF {
			break
		}
		var damaged *Damaged
		switch {
		case err == nil:
			flows++
		case errors.As(err, &damaged):
			said = append(said, damaged.Err.Error())
		default:
			t.Fatal(err)
		}
	}
	want := []string{"it has version 99 of the format and 21 is the newest that is known: a newer midstream may read it", "text is no flow",
		`its type "carrier pigeon" is none that is known (http, tcp, udp, dns)`}
	if flows != 2 || strings.Join(said, "|") != strings.Join(want, "|") {
		t.Errorf("%d flows; %q", flows, said)
	}
}

// A program that was killed leaves half a flow, and the next one adds to the file:
// nothing of what was added is lost, and what there is of the half is kept.
func TestFlowsBehindDamageAreRead(t *testing.T) {
	one, two := octets(t, newest("comment", "one")), octets(t, newest("comment", "two", "marked", ""))
	backed := octets(t, newest("comment", "backed", "backup", newest("comment", "before")))
	long := octets(t, newest("comment", strings.Repeat("1:", 70000)))
	for name, c := range map[string]struct {
		file string
		want string // comments; of a flow that is cut off with a dash
	}{
		"half a flow":                  {string(one[:len(one)-100]) + string(two), "-one two"},
		"half a flow, three behind":    {string(one[:700]) + string(two) + string(two[:40]) + string(one) + string(two), "- two - one two"},
		"zeros of a machine that fell": {string(one) + strings.Repeat("\x00", 200000) + string(two), "one two"},
		"lines between":                {string(one) + "\n" + string(two) + "\r\n\r\n" + string(one), "one two one"},
		"digits before it":             {string(one) + "x123456" + string(two), "one two"},
		"what a flow was before":       {string(backed[:len(backed)-30]) + string(two), "-backed two"},
		"across windows":               {string(long[:len(long)-1]) + "x" + string(two), " two"},
		"no flow behind it":            {string(one) + "12:3:version", "one"},
	} {
		r := NewReader(format.Octets(c.file), int64(len(c.file)))
		var got []string
		for {
			it, err := r.Next()
			if err == io.EOF {
				break
			}
			_, more := errors.AsType[*Damaged](err)
			switch {
			case it != nil && err == nil:
				got = append(got, it.Flow.Comment)
			case it != nil:
				got = append(got, "-"+it.Flow.Comment)
				if it.Flow.Outcome.Kind != flow.Interrupt {
					t.Errorf("%s: %+v", name, it.Flow.Outcome)
				}
			}
			if err != nil && !more {
				break
			}
		}
		if have := strings.Join(got, " "); have != strings.TrimSpace(c.want) {
			t.Errorf("%s: %.200q, want %q", name, have, c.want)
		}
	}
}

// A damaged message ends its flow and not the file.
func TestADamagedMessageDoesNotEndTheFile(t *testing.T) {
	messages := []any{[]any{1, true, b("one"), 1.5, false, false}, []any{2, true, b("two"), 1.5, false, false}, []any{1, true}, []any{1, true, b("four"), 1.5, false, false}}
	socket := newest("websocket", d("messages", messages, "closed_by_client", nil, "close_code", nil, "close_reason", nil, "timestamp_end", nil))
	tunnel := newest("type", "tcp", "messages", []any{[]any{true, b("ping"), 1.5}, []any{true, 5, 1.5}})
	file := octets(t, newest(), socket, tunnel, newest())
	r := NewReader(format.Octets(file), int64(len(file)))
	var said []string
	for {
		it, err := r.Next()
		if err == io.EOF {
			break
		}
		if _, ok := errors.AsType[*Damaged](err); err != nil && !ok {
			t.Fatal(err)
		}
		n := 0
		if it.Messages != nil {
			for _, err := range it.Messages {
				if n++; err != nil {
					t.Error(err)
				}
			}
		}
		var out bytes.Buffer
		if _, failed := NewWriter(&out, Version).Write(it); failed != nil {
			t.Error(failed)
		}
		said = append(said, fmt.Sprintf("%d %v %v", n, it.Flow.Outcome.Kind, err))
	}
	want := []string{"0 completed <nil>", "2 interrupted flow 2, at byte", "1 interrupted flow 3, at byte", "0 completed <nil>"}
	for i, w := range want {
		if i >= len(said) || !strings.HasPrefix(said[i], w) {
			t.Errorf("%q, want %q", said, want)
			break
		}
	}
}

// Addons put anything into metadata: filters and people see it as text, and a file that
// is written has it as it was, unless it has been changed since.
func TestMetadataThatIsNoText(t *testing.T) {
	v := newest("metadata", d("n", 1, "f", 1.5, "on", true, "no", nil, "l", []any{1, "it's", b("x\xff")}, "d", d("k", []any{}), "s", "text", "long", b(strings.Repeat("x", 9000))))
	all, err := readAll(t, octets(t, v))
	if err != nil || len(all) != 1 {
		t.Fatal(err)
	}
	want := map[string]string{"n": "1", "f": "1.5", "on": "True", "no": "None", "l": `[1, 'it\'s', b'x\xff']`, "d": "{'k': []}", "s": "text"}
	if got := all[0].Flow.Metadata; !maps.Equal(got, want) {
		t.Errorf("%q", got)
	}
	all[0].Flow.Metadata["on"] = "off"
	var out bytes.Buffer
	if _, err := NewWriter(&out, Version).Write(all[0]); err != nil {
		t.Fatal(err)
	}
	got, _, err := tnet.Parse(format.Octets(out.Bytes()), 0, int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	v.Key("metadata").Set("on", val("off"))
	v.Key("metadata").Remove("long") // sameValue reads what is short
	got.Key("metadata").Remove("long")
	sameValue(t, "", v.Key("metadata"), got.Key("metadata"))
}

// Up to mitmproxy 0.15 the content of a body that had been streamed was the number 0.
func TestContentThatWasZeroIsMissing(t *testing.T) {
	v := newest("version", []any{0, 13, 1})
	v.Key("request").Set("content", val(0))
	v.Key("response").Set("content", val(0))
	all, err := readAll(t, octets(t, v))
	if err != nil || len(all) != 1 || all[0].Bodies[flow.ToServer] != nil || all[0].Bodies[flow.ToClient] != nil || all[0].Flow.ResponseBody.Disposition != flow.Pass {
		t.Errorf("%v, %+v", err, all)
	}
}

func TestVersion17IsReadByMitmproxy8(t *testing.T) {
	mitmdump, err := exec.LookPath("mitmdump")
	if err != nil {
		t.Skip("mitmdump is not installed: not read back by mitmproxy itself")
	}
	file := octets(t, newest("is_replay", nil, "marked", ""), newest("is_replay", nil, "websocket", d("messages", []any{[]any{1, true, b("hello"), 1700000001.5, false, false}},
		"closed_by_client", true, "close_code", 1000, "close_reason", "bye", "timestamp_end", 1700000002.0)))
	all, err := readAll(t, file)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "old.mitm")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := NewWriter(out, Older)
	for _, it := range all {
		if lost, err := w.Write(it); err != nil || strings.Join(lost, " ") != "client_conn.proxy_mode" {
			t.Fatal(lost, err)
		}
	}
	out.Close()
	cmd := exec.Command(mitmdump, "-n", "-r", path)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	text, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(text), "POST https://192.0.2.7/a?b=c") || !strings.Contains(string(text), "WebSocket text message") {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestParseVersion(t *testing.T) {
	if ParseVersion(21) != nil || ParseVersion(17) != nil {
		t.Error("a version that is written is refused")
	}
	if err := ParseVersion(16); err == nil || !strings.Contains(err.Error(), "16 is neither") {
		t.Error(err)
	}
}

func TestCipherNames(t *testing.T) {
	for id, want := range map[uint16]string{0x1302: "TLS_AES_256_GCM_SHA384", 0xc02f: "ECDHE-RSA-AES128-GCM-SHA256", 0xc02b: "ECDHE-ECDSA-AES128-GCM-SHA256",
		0xcca8: "ECDHE-RSA-CHACHA20-POLY1305", 0xc014: "ECDHE-RSA-AES256-SHA", 0x009c: "AES128-GCM-SHA256", 0x002f: "AES128-SHA", 0x000a: "DES-CBC3-SHA", 0xc027: "ECDHE-RSA-AES128-SHA256"} {
		if got := cipherName(id); got != want || cipherOf(want) != id {
			t.Errorf("%#x is %q and back %#x, want %q", id, got, cipherOf(want), want)
		}
	}
}

func FuzzReader(f *testing.F) {
	var seed bytes.Buffer
	for _, v := range []tnet.Value{newest(), webSocketApart("x"), newest("websocket", d("messages", []any{[]any{1, true, b("x"), 1.5}})), newest("type", "tcp", "messages", []any{[]any{true, b("x"), 1.5}})} {
		seed.Reset()
		_, _ = v.WriteTo(&seed)
		f.Add(bytes.Clone(seed.Bytes()))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		r := NewReader(format.Octets(p), int64(len(p)))
		w := NewWriter(io.Discard, Version)
		for range 100 {
			it, err := r.Next()
			if it != nil {
				_, _ = w.Write(it)
			}
			var damaged *Damaged
			if err != nil && !errors.As(err, &damaged) {
				return
			}
		}
	})
}

// vanishing is a source that is gone once the next one has come, as of a pipe.
type vanishing struct {
	*bytes.Reader
	gone bool
}

func (v *vanishing) ReadAt(p []byte, at int64) (int, error) {
	if v.gone {
		return 0, io.ErrUnexpectedEOF
	}
	return v.Reader.ReadAt(p, at)
}

func TestAHandshakeOutlivesWhatItWasReadFrom(t *testing.T) {
	handshake := newest("version", 7, "metadata", d("websocket", true), "is_replay", nil, "comment", strings.Repeat("long ", 1000))
	var r Reader
	var last *vanishing
	for _, v := range []tnet.Value{handshake, webSocketApart("0f5b6c1a-0000-4000-8000-000000000001")} {
		if last != nil {
			last.gone = true
		}
		p := octets(t, v)
		last = &vanishing{Reader: bytes.NewReader(p)}
		r.Continue(last, int64(len(p)))
		it, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if it.Closing != nil && len(it.Flow.Comment) != 5000 {
			t.Errorf("the comment of the handshake has %d octets", len(it.Flow.Comment))
		}
	}
}
