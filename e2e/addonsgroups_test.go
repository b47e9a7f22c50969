package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// An addonGroup is some addons that run in one midstream.
type addonGroup struct {
	name string
	// set gives variables of the environment, and options.
	set  func(t *testing.T) (env, args []string)
	rows []addonRow
	// end looks at what is there when midstream has ended.
	end func(k *addonKit)
}

func options(args ...string) func(*testing.T) (env, args []string) {
	return func(*testing.T) ([]string, []string) { return nil, args }
}

var addonGroups = []addonGroup{
	scannerAddons,
	{name: "heads", rows: []addonRow{
		{name: "anatomy", check: func(k *addonKit) {
			k.ask("GET", "http://anatomy.example/seen", "")
			k.ask("GET", "https://anatomy.example/seen", "")
			k.logged("anatomy has seen 2")
		}},
		{name: "anatomy2", check: func(k *addonKit) {
			k.says(k.ask("GET", "http://anatomy2.example/seen", "").Body, "\nX-Mine: yes\n")
		}},
		{name: "http-add-header", check: func(k *addonKit) {
			for _, want := range []string{"1", "2"} {
				if got := k.ask("GET", "http://addheader.example/seen", "").Header.Get("X-Number"); got != want {
					k.Errorf("X-Number %q, want %q", got, want)
				}
			}
		}},
		{name: "http-modify-form", check: func(k *addonKit) {
			k.says(k.ask("POST", "http://form.example/seen", "a=1&b=x+y", "Content-Type", "application/x-www-form-urlencoded").Body,
				"\nContent-Length: 27\n", "\n\na=1&b=x+y&added=by+a+script")
			k.says(k.ask("PUT", "http://form.example/seen", "text", "Content-Type", "text/plain").Body,
				"\nContent-Type: application/x-www-form-urlencoded\n", "\n\nmade=anew")
			k.o.webSocket(k.T, "/formws", "", func(e *wsEnd) { // behind the head stands the form
				form := make([]byte, len("made=anew"))
				if _, err := io.ReadFull(e.in, form); string(form) != "made=anew" {
					k.Errorf("the form of an upgrade: %q, %v", form, err)
				}
				echo(e)
			})
			e := dialWebSocket(k.T, k.p, "http://form.example:80", "/formws")
			e.send(0x81, "said")
			e.want(0x81, "said")
		}},
		{name: "http-modify-query-string", check: func(k *addonKit) {
			k.says(k.ask("GET", "http://query.example/seen?x=1&x=2&y=", "").Body, "GET query.example /seen?x=1&x=2&y=&added=a+b\n")
		}},
		{name: "http-redirect-requests", check: func(k *addonKit) {
			k.says(k.ask("GET", "http://redirected.example/seen", "").Body, "GET target.example /seen\n")
			k.says(k.ask("GET", "https://redirected.example/seen", "").Body, "GET target.example /seen\n")
		}},
		{name: "http-reply-from-proxy", check: func(k *addonKit) {
			if a := k.ask("GET", "http://reply.example/path", ""); a.Status != 200 || a.Body != "from the script" || a.Header.Get("Content-Type") != "text/plain" {
				k.Errorf("%+v", a)
			}
			if a := k.ask("GET", "http://reply.example/other", ""); a.Status != 404 {
				k.Errorf("%+v", a)
			}
		}},
		{name: "dns_spoofing", check: func(k *addonKit) {
			status, body := ask(k.T, tunnel(k.T, k.p, "192.0.2.1:80"), "/seen?spoofed", "spoofed.example")
			if status != 200 {
				k.Error(status)
			}
			k.says(body, "GET spoofed.example /seen?spoofed\n")
			k.says(k.show("/seen?spoofed"), "request to spoofed.example:80")
			_, body = ask(k.T, secure(k.T, k.p, "192.0.2.1:443", "named.example"), "/seen?spoofed", "named.example")
			k.says(body, "GET named.example /seen?spoofed\n")
		}},
		{name: "domain_fronting", check: func(k *addonKit) {
			k.says(k.ask("GET", "http://hidden.example/seen?fronted", "").Body, "GET hidden.example /seen?fronted\n", "\nX-Fronted: yes\n")
			k.says(k.show("/seen?fronted"), "request to front.example:80")
		}},
		{name: "http_manipulate_cookies", check: func(k *addonKit) {
			a := k.ask("GET", "http://cookies.example/page", "", "Cookie", "own=1")
			if got := a.Header.Values("Set-Cookie"); len(got) != 2 || got[0] != "a=1" || got[1] != "b=2" {
				k.Errorf("%q", got)
			}
			k.says(k.ask("GET", "http://cookies.example/seen", "", "Cookie", "own=1").Body, "\nCookie: own=1; added=1\n")
			k.says(k.ask("GET", "http://cookies.example/seen", "").Body, "\nCookie: added=1\n")
		}},
		{name: "block_dns_over_https", check: func(k *addonKit) {
			for _, c := range []struct{ url, fields, why string }{
				{"http://some.example/seen", "application/dns-message", "has_type"}, {"http://some.example/seen?dns=AAAB", "", "has_query"},
				{"http://some.example/dns-query", "", "looks"}, {"https://doh.example/seen", "", "known"},
			} {
				var fields []string
				if c.fields != "" {
					fields = []string{"Content-Type", c.fields}
				}
				if a, err := k.attempt("GET", c.url, "", fields...); err == nil {
					k.Errorf("%s was answered: %+v", c.url, a)
				}
				k.logged("DNS over HTTPS, by " + c.why)
			}
		}},
	}},
	{name: "bodies", rows: []addonRow{
		{name: "http-stream-modify", check: func(k *addonKit) {
			k.says(k.ask("GET", "http://streammodify.example/page", "").Body, ">an EVENT<")
		}},
		{name: "http-stream-simple", check: func(k *addonKit) {
			k.says(k.ask("GET", "http://stream.example/page", "").Body, ">an event<")
			k.printed("streamed, content is None")
			k.says(k.show("/page"), "passed, not recorded")
		}},
		{name: "http-trailers", check: func(k *addonKit) {
			a := k.ask("POST", "http://trailers.example/seen?trailers", "a body")
			k.says(a.Body, "\nt:X-Added: asked\n", "\n\na body")
			if a.Trailer.Get("X-Added") != "answered" {
				k.Errorf("trailers %v", a.Trailer)
			}
			if a = k.ask("GET", "http://trailers.example/trailers", ""); a.Trailer.Get("X-Added") != "answered" {
				k.Errorf("trailers %v", a.Trailer)
			}
			k.printed("response trailers Headers[(b'X-Sum', b'abc123')]")
		}},
		{name: "internet-in-mirror", check: func(k *addonKit) {
			k.says(k.ask("GET", "http://mirror.example/page", "").Body, "scaleX(-1)}</style></head>")
		}},
		{name: "link_expander", check: func(k *addonKit) {
			k.says(k.ask("GET", "http://links.example/page?q", "").Body, `href="http://links.example/there"`)
		}},
		{name: "modify_body_inject_iframe", check: func(k *addonKit) {
			k.says(k.ask("GET", "http://iframe.example/page", "").Body, `<body><iframe src="http://frame.example/" height`)
		}},
		{name: "sslstrip", check: func(k *addonKit) {
			a := k.ask("GET", "http://strip.example/page?to=https://bank.example/x", "", "Cache-Control", "no-cache")
			k.says(a.Body, "http://links.example/")
			if a.Header.Get("Location") != "http://bank.example/x" || a.Header.Get("Strict-Transport-Security") != "" || a.Header.Get("Set-Cookie") != "a=1; Path=/" {
				k.Errorf("%+v", a)
			}
			k.says(k.ask("GET", "http://bank.example/seen?stripped", "").Body, "GET bank.example /seen?stripped\n")
			k.says(k.show("/seen?stripped"), "request to bank.example:443")
		}},
		{name: "xss_scanner", check: func(k *addonKit) {
			k.ask("GET", "http://xss.example/page?say=%3Cx%3E", "", "Cookie", "c=<x>; d=absent")
			k.logged("XSS by the cookie c at http://xss.example/page?say=%3Cx%3E")
		}},
		{name: "wsgi-flask-app", check: func(k *addonKit) {
			if a := k.ask("GET", "http://wsgi.example/", ""); a.Status != 200 || a.Body != "GET says hello" {
				k.Errorf("%+v", a)
			}
			if a := k.ask("GET", "http://wsgi.example/other", ""); a.Status != 404 {
				k.Errorf("%+v", a)
			}
		}},
		{name: "save_streamed_data", check: func(k *addonKit) {
			body := strings.Repeat("octets ", 3000)
			k.says(k.ask("POST", "http://save.example/seen", body).Body, "\n\n"+body)
			k.printed("saved Saver")
			if got := k.file("streamed-req-127.0.0.1"); got != body {
				k.Errorf("%d octets of the request were saved", len(got))
			}
			k.says(k.file("streamed-rsp-127.0.0.1"), "POST save.example /seen\n", "\n\n"+body)
		}},
	}, set: options("--stream", "16k", "--set", "iframe=http://frame.example/")},
	{name: "options", rows: []addonRow{
		{name: "options-simple", check: func(k *addonKit) {
			if got := k.ask("GET", "http://options.example/seen", "").Header; got.Get("X-Switch") != "on" || got.Get("X-Limit") != "99" {
				k.Errorf("%v", got)
			}
		}},
		{name: "options-configure", check: func(k *addonKit) {
			_, errs, err := k.p.try("dump", "-p", "0", "-n", "-s", filepath.Join(k.dir, "options-configure.py"), "--set", "limit=101")
			if err == nil {
				k.Error("a value that the script refuses is taken")
			}
			k.says(errs, "limit must be <= 100")
			k.says(k.p.midstream("options", "limit", "-s", filepath.Join(k.dir, "options-configure.py")), "At most 100.")
		}},
		{name: "filter-flows", check: func(k *addonKit) {
			k.ask("GET", "http://sieve.example/page", "")
			k.logged("the sieve holds /page")
			k.logged("  request = Request(GET sieve.example:80/page)")
			if strings.Contains(k.p.stderr.String(), "the sieve holds /seen") {
				k.Error("it holds all")
			}
		}},
		{name: "log-events", check: func(k *addonKit) {
			for _, want := range []string{"info  said with info", "warn  said with warning", "error said with error", "said with alert", "info  said by ctx.log"} {
				k.logged(want)
			}
		}},
		{name: "check_ssl_pinning", check: func(k *addonKit) {
			k.ask("GET", "http://pinning.example/seen", "")
			k.logged("pinning is checked for 127.0.0.1")
			k.logged("certificates are midstream's own: the option certs gives it others")
		}},
		{name: "custom_next_layer", check: func(k *addonKit) {
			k.printed("strategy lazy")
			k.printed("refused: mitmproxy.proxy.layers.TCPLayer: midstream runs addons in a process of their own, beside the proxy.")
			k.logged("custom_next_layer.py: the hook next_layer is never called")
		}},
		{name: "ntlm_upstream_proxy", check: func(k *addonKit) {
			k.logged("in running\n")
			k.logged("HttpUpstreamProxy.start_handshake = start_handshake")
			k.logged("Its protocol layers are not scriptable")
		}},
		{name: "dns-simple", check: func(k *addonKit) {
			k.printed("dns 7 3 []")
			k.printed("dns 7 0 ['192.0.2.7']")
			k.logged("dns-simple.py: the hook dns_request is never called")
		}},
		{name: "portfile", check: func(k *addonKit) {
			k.says(k.file("ports.json"), `["127.0.0.1", `+port(k.p.Addr)+"]")
		}},
		{name: "test_jsondump", check: func(k *addonKit) { k.printed("the tests have passed") }},
		{name: "test_xss_scanner", check: func(k *addonKit) {
			k.printed("made by hand http://xss.example:22/path 200")
			k.logged("XSS by the cookie c at http://xss.example:22/path")
		}},
		{name: "remote-debug", check: func(k *addonKit) {
			_, errs, err := k.p.try("dump", "-p", "0", "-n", "-s", filepath.Join(k.dir, "remote-debug.py"))
			if err == nil {
				k.Error("it loads")
			}
			k.says(errs, "remote-debug.py", "line 5, in load", `It needs the package "no_such_debugger"; install it: `)
		}, alone: true},
	}, set: options("--set", "switch", "--set", "limit=99", "--set", "sieve=~u /page", "--set", "certexpire=true")},
	{name: "commands", rows: []addonRow{
		{name: "commands-simple", check: func(k *addonKit) {
			k.command("counter.increase")
			k.says(k.command("counter.increase"), "counted 2")
		}},
		{name: "commands-flows", check: func(k *addonKit) {
			k.ask("GET", "http://label.example/seen?label", "")
			k.until("label.all", "1 labelled", "~u label", "to look at")
			k.says(k.show("/seen?label"), "comment   to look at")
		}},
		{name: "commands-paths", check: func(k *addonKit) {
			k.command("hosts.write", "~d label", filepath.Join(k.dir, "hosts.txt"))
			if got := k.file("hosts.txt"); got != "label.example 1\n" {
				k.Errorf("%q", got)
			}
		}},
		{name: "search", check: func(k *addonKit) {
			k.command("search", "~u label", "l[ab]+el")
			k.says(k.show("/seen?label"), `Search Results: {"path": ["label"], "request": {"Host": ["label"]}, "response": {"text": ["label", "label"]}}`, ":mag:")
		}},
		{name: "all_markers", check: func(k *addonKit) {
			k.says(k.command("all.markers"), "ctx.master.view.focus belongs to mitmproxy's user interface")
			k.p.live("https://markers.example/:red_circle:")
			k.p.live("https://markers.example/:mag:")
		}},
		{name: "duplicate-modify-replay", check: func(k *addonKit) {
			k.says(k.ask("GET", "http://duplicate.example/seen?first", "").Body, "/seen?first\n")
			k.printed("http://duplicate.example/seen?again 200")
			k.says(k.show("/seen?again"), "duplicate.example")
		}},
		{name: "nonblocking", check: func(k *addonKit) {
			waited := make(chan answered, 1)
			go func() {
				a, _ := k.attempt("GET", "http://waits.example/seen?waits", "")
				waited <- a
			}()
			k.p.live("/seen?waits")
			k.ask("GET", "http://other.example/seen", "")
			select {
			case a := <-waited:
				k.Errorf("it did not wait: %+v", a)
			default:
			}
			k.ask("GET", "http://goes.example/seen", "")
			if a := <-waited; a.Header.Get("X-Waited") != "/seen?waits" {
				k.Errorf("%+v", a)
			}
		}},
	}, set: options("--web", "--web-port", "0")},
	{name: "files", rows: []addonRow{
		{name: "io-write-flow-file", check: func(k *addonKit) {
			k.ask("GET", "http://write.example/hello", "")
			k.ask("GET", "https://write.example/missing", "")
		}},
		{name: "io-read-saved-flows", check: func(k *addonKit) {
			for _, want := range []string{`http://write.example/hello 200 b'hell'`, `https://write.example/missing 404 b'404 '`, "refused: "} {
				k.until("read.flows", want)
			}
		}},
		{name: "har_dump", check: func(k *addonKit) {
			k.o.webSocket(k.T, "/harws", "", echo)
			k.ask("POST", "https://har.example/seen?x=1&y=2", "a=1&b=2", "Content-Type", "application/x-www-form-urlencoded", "Cookie", "c=d; e=f")
			k.ask("GET", "http://har.example/page?to=http://har.example/", "")
			k.ask("HEAD", "http://har.example/page", "")
			e := dialWebSocket(k.T, k.p, "http://harws.example:80", "/harws")
			e.send(0x88, "\x03\xe8")
			e.want(0x88, "\x03\xe8")
		}},
		{name: "jsondump", check: func(k *addonKit) {
			k.o.webSocket(k.T, "/jsonws", "", echo)
			k.ask("POST", "http://json.example/seen", "asked")
			if a := k.ask("GET", "http://127.0.0.1:1/jsonerror", ""); a.Status != 502 {
				k.Errorf("%+v", a)
			}
			e := dialWebSocket(k.T, k.p, "http://jsonws.example:80", "/jsonws")
			e.send(0x81, "said")
			e.want(0x81, "said")
			e.send(0x88, "\x03\xe8")
			e.want(0x88, "\x03\xe8")
		}},
		{name: "httpdump", check: func(k *addonKit) {
			k.ask("GET", "http://dump.example/swapped?type=text/plain", "")
			k.ask("GET", "http://dump.example/page", "")
		}},
	}, set: options("--web", "--web-port", "0", "--set", "json_encode", "--set", "dumper_filter=~t html", "--set", "open_browser=false"),
		end: func(k *addonKit) {
			k.says(k.p.stdout.String(), "the file of flows is closed")
			var entries []struct {
				Method, URL, Address string
				Times                []float64
				TLS                  []*float64
				Cookies, Query, Form [][]string
				Status               []any
				Set                  [][]any
				Body                 string
			}
			if err := json.Unmarshal([]byte(k.file("written.har.json")), &entries); err != nil || len(entries) != 4 {
				k.Fatalf("%v, %+v", err, entries)
			}
			for _, e := range entries { // hooks of bodies that pass may change places
				for i, ms := range e.Times {
					if ms < 0 {
						k.Errorf("%s %s: time %d is %v ms", e.Method, e.URL, i, ms)
					}
				}
				good := true
				switch {
				case e.Method == "POST":
					good = e.URL == "https://har.example/seen?x=1&y=2" && e.TLS[0] != nil && e.TLS[1] != nil && e.Address == "127.0.0.1" &&
						len(e.Cookies) == 2 && len(e.Query) == 2 && len(e.Form) == 2 && e.Body != ""
				case strings.Contains(e.URL, "?to="):
					good = len(e.Set) == 2 && e.TLS[0] == nil && e.Status[0] == 302.0
				case e.Method == "HEAD":
					good = e.Status[0] == 200.0
				default:
					good = e.Status[0] == 101.0
				}
				if !good {
					k.Errorf("%+v", e)
				}
			}
			lines := strings.Split(strings.TrimSpace(k.file("jsondump.out")), "\n")
			if len(lines) != 4 { // the answer, the error, the upgrade and the end of the WebSocket
				k.Fatalf("%q", lines)
			}
			for _, want := range [][]string{
				{`"host": "json.example"`, `"content": "YXNrZWQ="`}, {`"error": {"msg": "`, `"path": "L2pzb25lcnJvcg=="`},
				{`"websocket": {"messages": []`}, {`"c2FpZA=="`, `"close_code": 1000`},
			} {
				if !slices.ContainsFunc(lines, func(line string) bool {
					return !slices.ContainsFunc(want, func(w string) bool { return !strings.Contains(line, w) })
				}) {
					k.Errorf("no line has all of %q: %q", want, lines)
				}
			}
			dumped, _ := filepath.Glob(filepath.Join(k.dir, "dumped", "dump.example", "*"))
			if len(dumped) != 1 || !strings.HasPrefix(filepath.Base(dumped[0]), "page-") || !strings.HasSuffix(dumped[0], ".html") {
				k.Errorf("%q", dumped)
			}
		}},
	{name: "messages", rows: []addonRow{
		{name: "tcp-simple", check: func(k *addonKit) {
			conn := tunnel(k.T, k.p, echoing(k.T, false))
			in := bufio.NewReader(conn)
			for _, c := range [][2]string{{"", "welcome\n"}, {"a secret\n", "got a ******\n"}} {
				io.WriteString(conn, c[0])
				if line, err := in.ReadString('\n'); line != c[1] {
					k.Errorf("%q, want %q, %v", line, c[1], err)
				}
			}
			conn.Close()
			k.logged(`tcp from_client=True a ******\n`)
			k.logged(`tcp from_client=False got a ******\n`)
		}},
		{name: "websocket-simple", check: func(k *addonKit) {
			k.o.webSocket(k.T, "/ws", "", echo)
			e := dialWebSocket(k.T, k.p, "http://ws.example:80", "/ws")
			e.send(0x81, "Hello there")
			e.want(0x81, "HAPPY there")
			e.send(0x82, "FOOBAR")
			e.send(0x81, "after it")
			e.want(0x81, "after it")
			k.logged(`the client said b'FOOBAR'`)
			k.logged(`the server said b'HAPPY there'`)
		}},
		{name: "websocket-inject-message", check: func(k *addonKit) {
			k.o.webSocket(k.T, "/inject", "", echo)
			e := dialWebSocket(k.T, k.p, "http://ws.example:80", "/inject")
			for _, want := range []string{"by itself 0", "by itself 1", "by itself 2"} {
				e.want(0x81, want)
			}
			e.send(0x81, "please inject")
			got := []string{}
			for range 2 { // the server's echo may be first
				_, _, payload, err := e.receive()
				if err != nil {
					k.Fatal(err)
				}
				got = append(got, payload)
			}
			slices.Sort(got)
			if !slices.Equal(got, []string{"in reply", "please inject"}) {
				k.Errorf("%q", got)
			}
		}},
	}},
	{name: "connections", rows: []addonRow{
		{name: "tls_passthrough", check: func(k *addonKit) {
			k.ask("GET", "https://pinned.example/seen", "")
			k.logged("TLS handshake successful: ")
			distrusts := func() (*http.Response, error) {
				c := k.p.client()
				c.Transport.(*http.Transport).TLSClientConfig = trusting(k, authorityFile(k))
				return c.Get(strings.Replace(k.o.HTTPS, "127.0.0.1", "localhost", 1) + "/hello")
			}
			if r, err := distrusts(); err == nil {
				r.Body.Close()
				k.Error("a client that does not trust midstream was served")
			}
			k.logged("TLS handshake failed: ")
			r, err := distrusts()
			if err != nil {
				k.Fatal(err)
			}
			r.Body.Close()
			k.logged("TLS passthrough: ")
		}},
		{name: "suppress_error_responses", check: func(k *addonKit) {
			if a, err := k.attempt("GET", "http://127.0.0.1:1/suppress", ""); err == nil {
				k.Errorf("%+v", a)
			}
			k.printed("suppressed: ")
		}},
	}},
	{name: "parents", rows: []addonRow{
		{name: "change_upstream_proxy", check: func(k *addonKit) {
			k.says(k.ask("GET", "http://someparent.example/x", "").Body, "the usual one was asked for http://someparent.example/x")
			k.says(k.ask("GET", "http://otherparent.example/x", "").Body, "the other one was asked for http://otherparent.example/x")
		}},
		{name: "upstream_pac", check: func(k *addonKit) {
			k.says(k.ask("GET", "http://pac.example/x", "").Body, "the other one was asked for http://pac.example/x")
		}},
	}, set: func(t *testing.T) (env, args []string) {
		return []string{"OTHER_PARENT=" + port(oneParent(t, "the other one"))}, []string{"--mode", "upstream:http://" + oneParent(t, "the usual one"), "--set", "direct_parent=http://direct.example:3128"}
	}},
	{name: "end", rows: []addonRow{
		{name: "shutdown", check: func(k *addonKit) {
			_, _ = k.attempt("GET", "http://shutdown.example/path", "")
			k.logged("shutting down everything")
			<-k.p.ended
		}},
	}},
	{name: "views", rows: []addonRow{
		{name: "contentview", check: func(k *addonKit) {
			k.ask("GET", "http://views.example/swapped?type=text/x-swapped", "")
			k.shows("type=text/x-swapped", `"view":"swapcase"`, `"lines":["sOME lETTERS"]`)
			k.ask("GET", "http://views.example/swapped?type=text/x-other", "")
			k.shows("type=text/x-other", `"view":"raw"`, `"lines":["Some Letters"]`, `"swapcase"`)
			number := k.p.live("type=text/x-other")
			for name, want := range map[string]string{"swapcase": "sOME lETTERS\n", "raw": "Some Letters\n"} {
				if got := k.p.midstream("flows", "body", number, "--session", k.p.Session, "--view", name); got != want {
					k.Errorf("--view %s: %q", name, got)
				}
			}
			_, errs, err := k.p.try("flows", "body", number, "--session", k.p.Session, "--view", "none-such")
			if err == nil {
				k.Error("there is a view none-such")
			}
			k.says(errs, "swapcase")
			k.printed("<< sOME lETTERS")
		}},
		{name: "contentview-interactive", check: func(k *addonKit) {
			k.ask("GET", "http://views.example/swapped?type=text/x-interactive", "")
			k.shows("type=text/x-interactive", `"view":"interactiveswapcase"`, `"lines":["sOME lETTERS"]`, `"editable":true`)
			k.says(k.call("POST", "/content/text?as=interactiveswapcase", "Octets"), `"text":"oCTETS"`)
			if got := k.call("POST", "/content/octets?as=interactiveswapcase", "tEXT"); got != "Text" {
				k.Errorf("%q", got)
			}
		}},
	}, set: options("--web", "--web-port", "0", "--flow-detail", "3")},
}
