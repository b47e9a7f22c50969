package e2e

import "strings"

// A requestCase is what a client sends and what becomes of it. In texts, {H} is
// the origin's authority and {T} what stands before the path of a target.
type requestCase struct {
	name string
	in   string
	// want is what reaches the origin, octet for octet; "" is what was sent.
	want string
	// direct: inside TLS, where the client takes the proxy for the server, it is
	// what was sent all the same.
	direct bool
	// tolerant and strict are the statuses of the proxy's own refusal; 0 lets the
	// request pass.
	tolerant, strict int
	// finding is the code that the flow has under the tolerant profile.
	finding string
	// closes: the connection ends behind the response.
	closes bool
	// stays: a refusal leaves the connection open, for nothing is wrong with the
	// message.
	stays bool
	// only is the one way for which the case is meant; "" is all.
	only string
	// host is the host that the request names; "" is {H}.
	host string
	// more are further requests that come in the same octets, as they reach the
	// origin.
	more int
}

const (
	strictOnly = 400
	both       = 400
)

// get1 is a GET with one more line in its head.
func get1(line string) string { return "GET {T}/x HTTP/1.1\r\nHost: {H}\r\n" + line + "\r\n\r\n" }

// post is a POST with framing fields and what stands behind its head.
func post(fields, body string) string {
	return "POST {T}/x HTTP/1.1\r\nHost: {H}\r\n" + fields + "\r\n\r\n" + body
}

const smuggled = "GET {T}/smuggled HTTP/1.1\r\nHost: {H}\r\n\r\n"

var requestLines = []requestCase{
	{name: "plain GET", in: "GET {T}/x HTTP/1.1\r\nHost: {H}\r\n\r\n"},
	{name: "query is passed as it stands", in: "GET {T}/x?a=%2f&b=%zz&c=[]{}|\\^`\"<> HTTP/1.1\r\nHost: {H}\r\n\r\n"},
	{name: "dot segments and double slashes stay", in: "GET {T}/a//b/../c/./d;p?x/../y HTTP/1.1\r\nHost: {H}\r\n\r\n"},
	{name: "8-bit octets in the target stay", in: "GET {T}/\xe6\xb5\x8b?x=\xcd\xa8 HTTP/1.1\r\nHost: {H}\r\n\r\n", strict: strictOnly, finding: "target-odd"},
	{name: "fragment in the target stays", in: "GET {T}/x#frag HTTP/1.1\r\nHost: {H}\r\n\r\n", strict: strictOnly, finding: "target-odd"},
	{name: "target of 60 KB", in: "GET {T}/" + fill(60<<10, "long/") + " HTTP/1.1\r\nHost: {H}\r\n\r\n"},
	{name: "target of 70 KB is too long", in: "GET {T}/" + fill(70<<10, "long/") + " HTTP/1.1\r\nHost: {H}\r\n\r\n", tolerant: 414, strict: 414},
	{name: "unknown method", in: "BREW {T}/pot HTTP/1.1\r\nHost: {H}\r\n\r\n"},
	{name: "method with every token octet", in: "a!#$%&'*+-.^_`|~9 {T}/x HTTP/1.1\r\nHost: {H}\r\n\r\n"},
	{name: "lower-case method is another method", in: "get {T}/x HTTP/1.1\r\nHost: {H}\r\n\r\n"},
	{name: "method with a slash", in: "GE/T {T}/x HTTP/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "method with a colon", in: "GET: {T}/x HTTP/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "method with an 8-bit octet", in: "G\xc9T {T}/x HTTP/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "method with NUL", in: "G\x00T {T}/x HTTP/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "no method", in: " {T}/x HTTP/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "no target", in: "GET HTTP/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "empty target", in: "GET  HTTP/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "no version is HTTP/0.9 and refused", in: "GET {T}/x\r\n\r\n", tolerant: both, strict: both},
	{name: "two spaces before the target", in: "GET  {T}/x HTTP/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "two spaces before the version", in: "GET {T}/x  HTTP/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "space behind the version", in: "GET {T}/x HTTP/1.1 \r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "space before the method", in: " GET {T}/x HTTP/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "tab between the parts", in: "GET\t{T}/x\tHTTP/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "vertical tab between the parts", in: "GET {T}/x\vHTTP/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "space in the target", in: "GET {T}/x y HTTP/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "tab in the target", in: "GET {T}/x\ty HTTP/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "NUL in the target", in: "GET {T}/x\x00y HTTP/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "DEL in the target", in: "GET {T}/x\x7fy HTTP/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "lone CR in the request line", in: "GET {T}/x\rHTTP/1.1 HTTP/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "lone CR ends the request line", in: "GET {T}/x HTTP/1.1\rHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "target without a slash", in: "GET x HTTP/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "asterisk with GET", in: "GET * HTTP/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "asterisk with OPTIONS", in: "OPTIONS * HTTP/1.1\r\nHost: {H}\r\n\r\n", only: "inside TLS"},
	{name: "OPTIONS of a whole server becomes the asterisk form", in: "OPTIONS {T} HTTP/1.1\r\nHost: {H}\r\n\r\n", want: "OPTIONS * HTTP/1.1\r\nHost: {H}\r\n\r\n", only: "plain"},
	{name: "absolute target without a path gets one", in: "GET {T} HTTP/1.1\r\nHost: {H}\r\n\r\n", want: "GET / HTTP/1.1\r\nHost: {H}\r\n\r\n", only: "plain"},
	{name: "absolute target with a query only", in: "GET {T}?q HTTP/1.1\r\nHost: {H}\r\n\r\n", want: "GET /?q HTTP/1.1\r\nHost: {H}\r\n\r\n", only: "plain"},
	{name: "upper-case scheme", in: "GET HTTP://{H}/x HTTP/1.1\r\nHost: {H}\r\n\r\n", want: "GET /x HTTP/1.1\r\nHost: {H}\r\n\r\n", only: "plain"},
	{name: "absolute target wins over Host", in: "GET http://{H}/x HTTP/1.1\r\nHost: other.test\r\n\r\n", want: "GET /x HTTP/1.1\r\nHost: {H}\r\n\r\n", only: "plain", finding: "host-mismatch"},
	{name: "absolute target inside a tunnel becomes the origin form", in: "GET https://{H}/x HTTP/1.1\r\nHost: {H}\r\n\r\n", want: "GET /x HTTP/1.1\r\nHost: {H}\r\n\r\n", only: "inside TLS"},
	{name: "absolute target inside a tunnel does not lead elsewhere", in: "GET https://evil.test/x HTTP/1.1\r\nHost: {H}\r\n\r\n", want: "GET /x HTTP/1.1\r\nHost: evil.test\r\n\r\n", host: "evil.test", only: "inside TLS", finding: "authority-mismatch"},
	{name: "another Host inside a tunnel is noted", in: "GET /x HTTP/1.1\r\nHost: fronted.test\r\n\r\n", host: "fronted.test", only: "inside TLS", finding: "host-mismatch"},
	{name: "user information is not sent on", in: "GET http://user:secret@{H}/x HTTP/1.1\r\nHost: {H}\r\n\r\n", want: "GET /x HTTP/1.1\r\nHost: {H}\r\n\r\n", only: "plain", strict: strictOnly, finding: "target-userinfo"},
	{name: "ftp is not proxied", in: "GET ftp://{H}/x HTTP/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "origin form to a proxy", in: "GET /x HTTP/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both, only: "plain", stays: true},
	{name: "authority with a bad port", in: "GET http://127.0.0.1:99999/x HTTP/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "authority with port 0", in: "GET http://127.0.0.1:0/x HTTP/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "authority with an open bracket", in: "GET http://[::1/x HTTP/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "authority without a host", in: "GET http://:80/x HTTP/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "HTTP/1.2 is taken as 1.1", in: "GET {T}/x HTTP/1.2\r\nHost: {H}\r\n\r\n", want: "GET /x HTTP/1.1\r\nHost: {H}\r\n\r\n", strict: strictOnly, finding: "version-odd"},
	{name: "HTTP/1.9 is taken as 1.1", in: "GET {T}/x HTTP/1.9\r\nHost: {H}\r\n\r\n", want: "GET /x HTTP/1.1\r\nHost: {H}\r\n\r\n", strict: strictOnly, finding: "version-odd"},
	{name: "HTTP/0.9", in: "GET {T}/x HTTP/0.9\r\nHost: {H}\r\n\r\n", tolerant: 505, strict: 505},
	{name: "HTTP/2.0", in: "GET {T}/x HTTP/2.0\r\nHost: {H}\r\n\r\n", tolerant: 505, strict: 505},
	{name: "HTTP/3.0", in: "GET {T}/x HTTP/3.0\r\nHost: {H}\r\n\r\n", tolerant: 505, strict: 505},
	{name: "lower-case version", in: "GET {T}/x http/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "mixed-case version", in: "GET {T}/x Http/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "version with one number", in: "GET {T}/x HTTP/1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "version with three numbers", in: "GET {T}/x HTTP/1.1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "version with two digits", in: "GET {T}/x HTTP/1.10\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "version with a plus", in: "GET {T}/x HTTP/+1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "version with a comma", in: "GET {T}/x HTTP/1,1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "another protocol", in: "GET {T}/x RTSP/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "Icecast's protocol", in: "SOURCE {T}/x ICE/1.0\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "HTTP/1.0 with Host", in: "GET {T}/x HTTP/1.0\r\nHost: {H}\r\n\r\n", closes: true},
	{name: "HTTP/1.0 with keep-alive", in: "GET {T}/x HTTP/1.0\r\nHost: {H}\r\nConnection: keep-alive\r\n\r\n", want: "GET /x HTTP/1.0\r\nHost: {H}\r\n\r\n"},
	{name: "one blank line before the request", in: "\r\nGET {T}/x HTTP/1.1\r\nHost: {H}\r\n\r\n", want: "GET /x HTTP/1.1\r\nHost: {H}\r\n\r\n", finding: "blank-line-before-start-line"},
	{name: "two blank lines before the request", in: "\r\n\r\nGET {T}/x HTTP/1.1\r\nHost: {H}\r\n\r\n", want: "GET /x HTTP/1.1\r\nHost: {H}\r\n\r\n", strict: strictOnly, finding: "blank-line-before-start-line"},
	{name: "many blank lines before the request", in: strings.Repeat("\r\n", 9) + "GET {T}/x HTTP/1.1\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "LF without CR everywhere", in: "GET {T}/x HTTP/1.1\nHost: {H}\nX-A: b\n\n", want: "GET /x HTTP/1.1\r\nHost: {H}\r\nX-A: b\r\n\r\n", strict: strictOnly, finding: "bare-line-feed"},
	{name: "LF without CR at the end of the head", in: "GET {T}/x HTTP/1.1\r\nHost: {H}\r\n\n", want: "GET /x HTTP/1.1\r\nHost: {H}\r\n\r\n", strict: strictOnly, finding: "bare-line-feed"},
	{name: "LF without CR in one field line", in: "GET {T}/x HTTP/1.1\r\nHost: {H}\r\nX-A: b\nContent-Length: 9\r\n\r\n", tolerant: both, strict: both},
	{name: "two CRs before LF", in: "GET {T}/x HTTP/1.1\r\r\nHost: {H}\r\n\r\n", tolerant: both, strict: both},
}

var requestFields = []requestCase{
	{name: "case, order and duplicates stay", in: get1("X-aBc: 1\r\nx-AbC: 2\r\nB: x\r\nX-aBc: 1\r\na: y")},
	{name: "no space behind the colon stays", in: get1("X-Custom-Header:value")},
	{name: "white space around a value stays", in: get1("X-A: \t  v  \t ")},
	{name: "empty value", in: get1("X-Empty:")},
	{name: "empty value with a space", in: get1("X-Empty: ")},
	{name: "every visible octet in a value", in: get1("X-A: !\"#$%&'()*+,-./0189:;<=>?@AZ[\\]^_`az{|}~")},
	{name: "8-bit octets in a value", in: get1("X-A: caf\xc3\xa9 \xff\xfe\x80")},
	{name: "tab inside a value", in: get1("X-A: a\tb")},
	{name: "every token octet in a name", in: get1("a!#$%&'*+-.^_`|~9: v")},
	{name: "User-Agent and Accept-Encoding are untouched", in: get1("User-Agent: curl/7.1 (odd)\r\nAccept-Encoding: gzip;q=0, br,  zstd")},
	{name: "Forwarded and Via are untouched", in: get1("Via: 1.0 fred\r\nX-Forwarded-For: 1.2.3.4\r\nForwarded: for=_x")},
	{name: "cookies are not joined", in: get1("Cookie: a=1\r\nCookie: b=2")},
	{name: "value of 60 KB", in: get1("Cookie: " + fill(60<<10, "a=b; "))},
	{name: "value of 70 KB is too long", in: get1("Cookie: " + fill(70<<10, "a=b; ")), tolerant: 431, strict: 431},
	{name: "Proxy-Connection is not forwarded", in: get1("Proxy-Connection: keep-alive"), want: "GET /x HTTP/1.1\r\nHost: {H}\r\n\r\n"},
	{name: "Keep-Alive is of one connection", direct: true, in: get1("Keep-Alive: timeout=5\r\nConnection: keep-alive"), want: "GET /x HTTP/1.1\r\nHost: {H}\r\n\r\n"},
	{name: "what Connection names is of one connection", in: get1("X-Hop: 1\r\nConnection: x-hop\r\nX-End: 2"), want: "GET /x HTTP/1.1\r\nHost: {H}\r\nX-End: 2\r\n\r\n"},
	{name: "Connection cannot remove Host or framing", in: post("Content-Length: 2\r\nConnection: Host, Content-Length", "hi"), want: post("Content-Length: 2", "hi")},
	{name: "TE: trailers goes on", in: get1("TE: trailers\r\nConnection: TE")},
	{name: "TE with codings is reduced to trailers", in: get1("TE: gzip, trailers;q=0.5\r\nConnection: TE"), want: get1("TE: trailers\r\nConnection: TE")},
	{name: "Connection: close closes this connection only", direct: true, in: get1("Connection: close"), want: "GET /x HTTP/1.1\r\nHost: {H}\r\n\r\n", closes: true},
	{name: "close among options", in: get1("Connection: token, close, keep-alive"), want: "GET /x HTTP/1.1\r\nHost: {H}\r\n\r\n", closes: true, only: "plain"},
	{name: "empty options, and two fields of them", in: get1("Connection: ,, X-A ,\r\nX-A: b\r\nconnection: X-B\r\nX-B: c\r\nX-C: d"), want: get1("X-C: d")},
	{name: "expectation without a body", in: post("Expect: 100-continue\r\nContent-Length: 0", "")},
	{name: "expectation whose body comes at once", in: post("Expect: 100-continue\r\nContent-Length: 2", "hi")},
	{name: "unknown expectation", in: post("Expect: 200-ok\r\nContent-Length: 2", "hi")},
	{name: "offer of HTTP/2 is left out", in: get1("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__"), want: "GET /x HTTP/1.1\r\nHost: {H}\r\n\r\n", finding: "h2c-dropped"},
	{name: "upgrade that the server ignores", in: get1("Connection: Upgrade\r\nUpgrade: echo/1")},
	{name: "request behind an upgrade that the server ignores", in: get1("Connection: Upgrade\r\nUpgrade: echo/1") + get1("X-A: b"), more: 1},
	{name: "Upgrade without Connection is of no hop", in: get1("Upgrade: echo/1"), want: "GET /x HTTP/1.1\r\nHost: {H}\r\n\r\n"},
	{name: "space before the colon", in: get1("X-A : v"), tolerant: both, strict: both},
	{name: "tab before the colon", in: get1("X-A\t: v"), tolerant: both, strict: both},
	{name: "space in a name", in: get1("X A: v"), tolerant: both, strict: both},
	{name: "empty name", in: get1(": v"), tolerant: both, strict: both},
	{name: "line without a colon", in: get1("nonsense"), tolerant: both, strict: both},
	{name: "NUL in a name", in: get1("X\x00A: v"), tolerant: both, strict: both},
	{name: "8-bit octet in a name", in: get1("X-\xc9: v"), tolerant: both, strict: both},
	{name: "parenthesis in a name", in: get1("X(A): v"), tolerant: both, strict: both},
	{name: "slash in a name", in: get1("X/A: v"), tolerant: both, strict: both},
	{name: "at sign in a name", in: get1("X@A: v"), tolerant: both, strict: both},
	{name: "quote in a name", in: get1("\"X\": v"), tolerant: both, strict: both},
	{name: "vertical tab before the colon", in: get1("X-A\v: v"), tolerant: both, strict: both},
	{name: "no-break space before the colon", in: get1("X-A\xa0: v"), tolerant: both, strict: both},
	{name: "NUL in a value", in: get1("X-A: a\x00b"), tolerant: both, strict: both},
	{name: "lone CR in a value", in: get1("X-A: a\rb"), tolerant: both, strict: both},
	{name: "lone CR and a field in a value", in: get1("X-A: a\rX-B: b"), tolerant: both, strict: both},
	{name: "bell in a value", in: get1("X-A: a\x07b"), tolerant: both, strict: both},
	{name: "DEL in a value", in: get1("X-A: a\x7fb"), tolerant: both, strict: both},
	{name: "vertical tab in a value", in: get1("X-A: a\vb"), tolerant: both, strict: both},
	{name: "form feed in a value", in: get1("X-A: a\fb"), tolerant: both, strict: both},
	{name: "folded value", in: get1("X-A: a\r\n b"), want: get1("X-A: a b"), strict: strictOnly, finding: "field-folded"},
	{name: "value folded with a tab", in: get1("X-A: a\r\n\tb\r\n\t c"), want: get1("X-A: a b c"), strict: strictOnly, finding: "field-folded"},
	{name: "fold before the first field", in: "GET {T}/x HTTP/1.1\r\n Host: {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "line of white space", in: get1("X-A: b\r\n \r\nX-B: c"), want: get1("X-A: b\r\nX-B: c"), strict: strictOnly, finding: "field-folded"},
	{name: "no Host", in: "GET {T}/x HTTP/1.1\r\n\r\n", tolerant: both, strict: both},
	{name: "two equal Host fields", in: get1("Host: {H}"), tolerant: both, strict: both},
	{name: "two different Host fields", in: get1("Host: other.test"), tolerant: both, strict: both},
	{name: "Host with a path", in: "GET {T}/x HTTP/1.1\r\nHost: {H}/y\r\n\r\n", tolerant: both, strict: both},
	{name: "Host with user information", in: "GET {T}/x HTTP/1.1\r\nHost: a@{H}\r\n\r\n", tolerant: both, strict: both},
	{name: "Host with a space", in: "GET {T}/x HTTP/1.1\r\nHost: {H} b\r\n\r\n", tolerant: both, strict: both},
	{name: "folded Host", in: "GET {T}/x HTTP/1.1\r\nHost: {H}\r\n .test\r\n\r\n", tolerant: both, strict: both},
	{name: "space before the colon of Host", in: "GET {T}/x HTTP/1.1\r\nHost : {H}\r\n\r\n", tolerant: both, strict: both},
	{name: "1000 fields", in: get1(strings.TrimSuffix(strings.Repeat("A: b\r\n", 999), "\r\n"))},
	{name: "10000 fields", in: get1(strings.TrimSuffix(strings.Repeat("A: b\r\n", 10000), "\r\n")), tolerant: 431, strict: 431},
}

var requestFraming = []requestCase{
	{name: "body by length", in: post("Content-Length: 5", "hello")},
	{name: "empty body by length", in: post("Content-Length: 0", "")},
	{name: "POST without a body", in: "POST {T}/x HTTP/1.1\r\nHost: {H}\r\n\r\n"},
	{name: "GET with a body", in: "GET {T}/x HTTP/1.1\r\nHost: {H}\r\nContent-Length: 2\r\n\r\nhi"},
	{name: "HEAD with a body", in: "HEAD {T}/x HTTP/1.1\r\nHost: {H}\r\nContent-Length: 2\r\n\r\nhi"},
	{name: "DELETE with a chunked body", in: "DELETE {T}/x HTTP/1.1\r\nHost: {H}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"},
	{name: "length with leading zeros", in: post("Content-Length: 005", "hello"), want: post("Content-Length: 5", "hello"), finding: "framing-field-respelled"},
	{name: "chunked body", in: post("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n")},
	{name: "Chunked in other letters", in: post("transfer-encoding: CHUNKED", "5\r\nhello\r\n0\r\n\r\n")},
	{name: "empty chunked body", in: post("Transfer-Encoding: chunked", "0\r\n\r\n")},
	{name: "chunk boundaries stay", in: post("Transfer-Encoding: chunked", "1\r\nh\r\n4\r\nello\r\nb\r\n, the world\r\n0\r\n\r\n")},
	{name: "chunk sizes are printed anew", in: post("Transfer-Encoding: chunked", "0000005\r\nhello\r\nB\r\n, the world\r\n000\r\n\r\n"), want: post("Transfer-Encoding: chunked", "5\r\nhello\r\nb\r\n, the world\r\n0\r\n\r\n")},
	{name: "chunk extensions are dropped", in: post("Transfer-Encoding: chunked", "5;a=b;c=\"d;e\"\r\nhello\r\n0;last\r\n\r\n"), want: post("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n")},
	{name: "trailers go on", in: post("Trailer: X-Sum\r\nTransfer-Encoding: chunked", "5\r\nhello\r\n0\r\nX-sum:  abc\r\nX-Sum: d\r\n\r\n")},
	{name: "framing fields in trailers are dropped", in: post("Transfer-Encoding: chunked", "2\r\nhi\r\n0\r\nContent-Length: 9\r\nHost: evil\r\nTransfer-Encoding: x\r\nX: y\r\n\r\n"), want: post("Transfer-Encoding: chunked", "2\r\nhi\r\n0\r\nX: y\r\n\r\n"), strict: strictOnly, finding: "trailer-dropped"},
	{name: "pipelined requests are answered in order", in: post("Content-Length: 5", "hello") + post("Transfer-Encoding: chunked", "2\r\nhi\r\n0\r\n\r\n") + get1("X-A: b"), more: 2},
	{name: "what comes behind Connection: close is no request", in: get1("Connection: close") + smuggled, want: "GET /x HTTP/1.1\r\nHost: {H}\r\n\r\n", closes: true, only: "plain"},
	{name: "what comes behind HTTP/1.0 is no request", in: "GET {T}/x HTTP/1.0\r\nHost: {H}\r\n\r\n" + smuggled, want: "GET /x HTTP/1.0\r\nHost: {H}\r\n\r\n", closes: true},
	{name: "20000 small chunks", in: post("Transfer-Encoding: chunked", strings.Repeat("1\r\nx\r\n", 20000)+"0\r\n\r\n")},
	{name: "trailers and no body", in: post("Transfer-Encoding: chunked", "0\r\nX: y\r\n\r\n")},
	{name: "octets behind a body are the next request", in: post("Content-Length: 2", "hi") + "\r\n" + get1("X-A: b"), want: post("Content-Length: 2", "hi") + get1("X-A: b"), more: 1},
	{name: "length with white space around it", in: post("Content-Length: \t 5 \t", "hello"), want: post("Content-Length: 5", "hello"), finding: "framing-field-respelled"},
	{name: "coding with white space around it", in: post("Transfer-Encoding:\tchunked ", "0\r\n\r\n"), want: post("Transfer-Encoding: chunked", "0\r\n\r\n"), finding: "framing-field-respelled"},

	// Smuggling: what two servers could read in two ways goes to neither.
	{name: "length and coding", in: post("Content-Length: 6\r\nTransfer-Encoding: chunked", "0\r\n\r\n"+smuggled), tolerant: both, strict: both},
	{name: "coding and length", in: post("Transfer-Encoding: chunked\r\nContent-Length: 50", "0\r\n\r\n"+smuggled), tolerant: both, strict: both},
	{name: "length 0 and coding", in: post("Content-Length: 0\r\nTransfer-Encoding: chunked", "0\r\n\r\n"+smuggled), tolerant: both, strict: both},
	{name: "space before the colon of the coding", in: post("Content-Length: 5\r\nTransfer-Encoding : chunked", "0\r\n\r\n"+smuggled), tolerant: both, strict: both},
	{name: "tab before the colon of the coding", in: post("Transfer-Encoding\t: chunked", "0\r\n\r\n"+smuggled), tolerant: both, strict: both},
	{name: "space before the colon of the length", in: post("Content-Length : 5", "hello"+smuggled), tolerant: both, strict: both},
	{name: "xchunked", in: post("Transfer-Encoding: xchunked", "0\r\n\r\n"+smuggled), tolerant: both, strict: both},
	{name: "chunkedx", in: post("Transfer-Encoding: chunkedx", "0\r\n\r\n"+smuggled), tolerant: both, strict: both},
	{name: "chunked with a parameter", in: post("Transfer-Encoding: chunked;q=1", "0\r\n\r\n"+smuggled), tolerant: both, strict: both},
	{name: "quoted chunked", in: post("Transfer-Encoding: \"chunked\"", "0\r\n\r\n"+smuggled), tolerant: both, strict: both},
	{name: "vertical tab before chunked", in: post("Transfer-Encoding: \vchunked", "0\r\n\r\n"+smuggled), tolerant: both, strict: both},
	{name: "no-break space before chunked", in: post("Transfer-Encoding: \xa0chunked", "0\r\n\r\n"+smuggled), tolerant: both, strict: both},
	{name: "NUL behind chunked", in: post("Transfer-Encoding: chunked\x00", "0\r\n\r\n"+smuggled), tolerant: both, strict: both},
	{name: "chunked twice in one field", in: post("Transfer-Encoding: chunked, chunked", "0\r\n\r\n"+smuggled), tolerant: both, strict: both},
	{name: "chunked twice in two fields", in: post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n"+smuggled), tolerant: both, strict: both},
	{name: "chunked and then identity", in: post("Transfer-Encoding: chunked, identity", "0\r\n\r\n"+smuggled), tolerant: both, strict: both},
	{name: "identity and then chunked", in: post("Transfer-Encoding: identity, chunked", "0\r\n\r\n"+smuggled), tolerant: both, strict: both},
	{name: "identity", in: post("Transfer-Encoding: identity", smuggled), tolerant: both, strict: both},
	{name: "identity and a length", in: post("Transfer-Encoding: identity\r\nContent-Length: 5", "hello"+smuggled), tolerant: both, strict: both},
	{name: "two codings in two fields", in: post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "0\r\n\r\n"+smuggled), tolerant: both, strict: both},
	{name: "empty coding", in: post("Transfer-Encoding:", smuggled), tolerant: both, strict: both},
	{name: "empty coding and a length", in: post("Transfer-Encoding:\r\nContent-Length: 5", "hello"+smuggled), tolerant: both, strict: both},
	{name: "empty item behind chunked", in: post("Transfer-Encoding: chunked,", "0\r\n\r\n"+smuggled), tolerant: both, strict: both},
	{name: "chunked with an empty parameter", in: post("Transfer-Encoding: chunked;", "0\r\n\r\n"+smuggled), tolerant: both, strict: both},
	{name: "empty item before chunked", in: post("Transfer-Encoding: , chunked", "0\r\n\r\n"+smuggled), tolerant: both, strict: both},
	{name: "folded coding", in: post("Transfer-Encoding:\r\n chunked", "0\r\n\r\n"+smuggled), tolerant: both, strict: both},
	{name: "coding in a fold of another field", in: post("X-A: b\r\n Transfer-Encoding: chunked\r\nContent-Length: 5", "hello"), want: post("X-A: b Transfer-Encoding: chunked\r\nContent-Length: 5", "hello"), strict: strictOnly, finding: "field-folded"},
	{name: "lone CR before the coding", in: post("X-A: b\rTransfer-Encoding: chunked", "0\r\n\r\n"+smuggled), tolerant: both, strict: both},
	{name: "gzip and then chunked is not supported", in: post("Transfer-Encoding: gzip, chunked", "0\r\n\r\n"+smuggled), tolerant: 501, strict: 501},
	{name: "underscore for a hyphen is another field", in: post("Content_Length: 90\r\nContent-Length: 2", "hi")},
	{name: "coding in HTTP/1.0", in: "POST {T}/x HTTP/1.0\r\nHost: {H}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled, tolerant: both, strict: both},
	{name: "two equal lengths", in: post("Content-Length: 5\r\nContent-Length: 5", "hello"), want: post("Content-Length: 5", "hello"), strict: strictOnly, finding: "length-repeated"},
	{name: "two different lengths", in: post("Content-Length: 5\r\nContent-Length: 50", "hello"+smuggled), tolerant: both, strict: both},
	{name: "list of equal lengths", in: post("Content-Length: 5, 5", "hello"), want: post("Content-Length: 5", "hello"), strict: strictOnly, finding: "length-repeated"},
	{name: "list of different lengths", in: post("Content-Length: 5, 50", "hello"+smuggled), tolerant: both, strict: both},
	{name: "length with a trailing comma", in: post("Content-Length: 5,", "hello"+smuggled), tolerant: both, strict: both},
	{name: "length with a plus", in: post("Content-Length: +5", "hello"+smuggled), tolerant: both, strict: both},
	{name: "negative length", in: post("Content-Length: -1", smuggled), tolerant: both, strict: both},
	{name: "hexadecimal length", in: post("Content-Length: 0x5", "hello"+smuggled), tolerant: both, strict: both},
	{name: "length with an underscore", in: post("Content-Length: 1_0", "hello"+smuggled), tolerant: both, strict: both},
	{name: "length with a fraction", in: post("Content-Length: 5.0", "hello"+smuggled), tolerant: both, strict: both},
	{name: "length with a space in it", in: post("Content-Length: 5 0", "hello"+smuggled), tolerant: both, strict: both},
	{name: "empty length", in: post("Content-Length:", smuggled), tolerant: both, strict: both},
	{name: "length with other digits", in: post("Content-Length: \xd9\xa5", "hello"+smuggled), tolerant: both, strict: both},
	{name: "huge length", in: post("Content-Length: 99999999999999999999999", smuggled), tolerant: both, strict: both},
	{name: "length of 2 to the 63", in: post("Content-Length: 9223372036854775808", smuggled), tolerant: both, strict: both},
	{name: "folded length", in: post("Content-Length: 5\r\n 0", "hello"+smuggled), tolerant: both, strict: both},
	{name: "request behind a malformed one", in: get1("X A: v") + smuggled, tolerant: both, strict: both},
}

// requestChunks break inside their body, when the request has been forwarded:
// what has come is, and the rest is not.
var requestChunks = []struct{ name, body string }{
	{"size that is not hexadecimal", "Z\r\n0\r\n\r\n"},
	{"size with a tail", "1these-bytes\r\nZ\r\n0\r\n\r\n"},
	{"size with 0x", "0x5\r\nhello\r\n0\r\n\r\n"},
	{"size with a plus", "+5\r\nhello\r\n0\r\n\r\n"},
	{"negative size", "-5\r\nhello\r\n0\r\n\r\n"},
	{"empty size", "\r\nhello\r\n0\r\n\r\n"},
	{"extension without a size", ";a=b\r\nhello\r\n0\r\n\r\n"},
	{"size with an underscore", "1_0\r\n0123456789abcdef\r\n0\r\n\r\n"},
	{"space before the size", " 5\r\nhello\r\n0\r\n\r\n"},
	{"space behind the size", "5 \r\nhello\r\n0\r\n\r\n"},
	{"size of 17 digits", "00000000000000005\r\nhello\r\n0\r\n\r\n"},
	{"size that overflows", "ffffffffffffffff\r\nhello\r\n0\r\n\r\n"},
	{"size that wraps to 5", "10000000000000005\r\nhello\r\n0\r\n\r\n"},
	{"LF without CR behind the size", "5\nhello\r\n0\r\n\r\n"},
	{"lone CR behind the size", "5\rhello\r\n0\r\n\r\n"},
	{"two CRs behind the size", "5\r\r\nhello\r\n0\r\n\r\n"},
	{"LF without CR in an extension", "5;a=b\nX\r\nhello\r\n0\r\n\r\n"},
	{"lone CR in an extension", "5;a=\rb\r\nhello\r\n0\r\n\r\n"},
	{"NUL in an extension", "5;a=\x00\r\nhello\r\n0\r\n\r\n"},
	{"semicolon and no extension", "5;\r\nhello\r\n0\r\n\r\n"},
	{"extension without a semicolon", "5 a\r\nhello\r\n0\r\n\r\n"},
	{"extension with an empty value", "5;a=\r\nhello\r\n0\r\n\r\n"},
	{"blank line between chunks", "5\r\nhello\r\n\r\n0\r\n\r\n"},
	{"extension that is no name", "5;\"a\"\r\nhello\r\n0\r\n\r\n"},
	{"quoted extension that does not close", "5;a=\"b\r\nhello\r\n0\r\n\r\n"},
	{"LF without CR behind the data", "5\r\nhello\n0\r\n\r\n"},
	{"chunk longer than its size", "5\r\nhello!\r\n0\r\n\r\n"},
	{"chunk shorter than its size", "6\r\nhello\r\n0\r\n\r\n"},
	{"LF without CR behind the last chunk", "5\r\nhello\r\n0\n\r\n"},
	{"LF without CR in a trailer", "5\r\nhello\r\n0\r\nX-A: b\n\r\n"},
	{"LF without CR at the end", "5\r\nhello\r\n0\r\n\n"},
	{"trailer without a colon", "5\r\nhello\r\n0\r\nnonsense\r\n\r\n"},
	{"trailer with a space before its colon", "5\r\nhello\r\n0\r\nX : y\r\n\r\n"},
	{"trailer with NUL", "5\r\nhello\r\n0\r\nX: a\x00b\r\n\r\n"},
	{"trailer section of 1 MB", "5\r\nhello\r\n0\r\n" + strings.Repeat("X: "+fill(1000, "y")+"\r\n", 1000) + "\r\n"},
	{"extension of 1 MB", "5;a=" + fill(1<<20, "b") + "\r\nhello\r\n0\r\n\r\n"},
	{"many long extensions", strings.Repeat("1;a="+fill(3000, "b")+"\r\nx\r\n", 100) + "0\r\n\r\n"},
}
