package e2e

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
)

// A responseCase is what an origin sends and what becomes of it.
type responseCase struct {
	name string
	// method is the request's; "" is GET. request is the whole of it, where that
	// matters.
	method, request string
	out             string // what the origin sends
	// hangs up: the origin closes behind it, without which the body may not end.
	hangsUp bool
	// head is what the client gets as a head, octet for octet; "" is the origin's.
	head string
	// direct: inside TLS, where the client takes the proxy for the server, the head
	// is the origin's all the same, and the connection ends where the origin's does.
	direct bool
	// directHead is the head inside TLS where that is neither head nor the origin's.
	directHead string
	// content is the body that the client gets; trailers the lines behind it.
	content  string
	trailers string
	// tolerant and strict: the client gets a page with this status instead.
	tolerant, strict int
	// finding is the code that the flow has under the tolerant profile.
	finding string
	// closes: the client's connection ends behind the response.
	closes bool
	// broken: the body breaks off at the client too; inStrict only there.
	broken, brokenInStrict bool
}

// ok200 is a response with some more lines and the body "ok".
func ok200(lines string) string {
	return "HTTP/1.1 200 OK\r\n" + lines + "\r\nContent-Length: 2\r\n\r\nok"
}

// chunks is a chunked response.
func chunks(body string) string {
	return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body
}

const (
	chunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	closedHead  = "HTTP/1.1 200 OK\r\nX: y\r\nConnection: close\r\n\r\n"
	injected    = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\ninjected"
)

var statusLines = []responseCase{
	{name: "plain", out: okResponse, content: "ok"},
	{name: "no reason phrase", out: "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok", content: "ok"},
	{name: "no space behind the status", out: "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", content: "ok"},
	{name: "odd reason phrase", out: "HTTP/1.1 200  It's  \xe4\xbd\xa0\xe5\xa5\xbd!\t \r\nContent-Length: 2\r\n\r\nok", content: "ok"},
	{name: "reason phrase of another status", out: "HTTP/1.1 200 Not Found\r\nContent-Length: 2\r\n\r\nok", content: "ok"},
	{name: "unknown status", out: "HTTP/1.1 299 Whatever\r\nContent-Length: 2\r\n\r\nok", content: "ok"},
	{name: "status 418", out: "HTTP/1.1 418 I'm a teapot\r\nContent-Length: 2\r\n\r\nok", content: "ok"},
	{name: "status 599", out: "HTTP/1.1 599 X\r\nContent-Length: 2\r\n\r\nok", content: "ok"},
	{name: "status 600", out: "HTTP/1.1 600 X\r\nContent-Length: 2\r\n\r\nok", content: "ok", strict: 502, finding: "status-odd"},
	{name: "status 999", out: "HTTP/1.1 999 Denied\r\nContent-Length: 2\r\n\r\nok", content: "ok", strict: 502, finding: "status-odd"},
	{name: "status 099", out: "HTTP/1.1 099 X\r\nContent-Length: 2\r\n\r\nok", tolerant: 502, strict: 502},
	{name: "status of two digits", out: "HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok", tolerant: 502, strict: 502},
	{name: "status of four digits", out: "HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok", tolerant: 502, strict: 502},
	{name: "status with a letter", out: "HTTP/1.1 20x OK\r\nContent-Length: 2\r\n\r\nok", tolerant: 502, strict: 502},
	{name: "negative status", out: "HTTP/1.1 -200 OK\r\nContent-Length: 2\r\n\r\nok", tolerant: 502, strict: 502},
	{name: "two spaces before the status", out: "HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\nok", head: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", content: "ok", strict: 502, finding: "status-line-odd"},
	{name: "HTTP/1.2", out: "HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok", head: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", content: "ok", strict: 502, finding: "version-odd"},
	{name: "HTTP/2.0", out: "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok", head: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", content: "ok", strict: 502, finding: "version-odd"},
	{name: "lower-case version", out: "http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", head: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", content: "ok", strict: 502, finding: "version-odd"},
	{name: "radio's version", out: "ICY 200 OK\r\nContent-Length: 2\r\n\r\nok", head: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", content: "ok", strict: 502, finding: "version-odd"},
	{name: "another protocol", out: "SSH-2.0-OpenSSH\r\n\r\n", hangsUp: true, tolerant: 502, strict: 502},
	{name: "body without a head", out: "<html>hello</html>\r\n\r\n", hangsUp: true, tolerant: 502, strict: 502},
	{name: "no version", out: "200 OK\r\n\r\n", hangsUp: true, tolerant: 502, strict: 502},
	{name: "blank line before the head", out: "\r\n" + okResponse, head: strings.TrimSuffix(okResponse, "ok"), content: "ok", finding: "blank-line-before-start-line"},
	{name: "nothing", out: "", hangsUp: true, tolerant: 502, strict: 502},
	{name: "end inside the head", out: "HTTP/1.1 200 OK\r\nContent-Le", hangsUp: true, tolerant: 502, strict: 502},
	{name: "HTTP/01.1", out: "HTTP/01.1 200 OK\r\nContent-Length: 2\r\n\r\nok", tolerant: 502, strict: 502},
	{name: "HTTP/1.01", out: "HTTP/1.01 200 OK\r\nContent-Length: 2\r\n\r\nok", tolerant: 502, strict: 502},
	{name: "tab before the status", out: "HTTP/1.1\t200 OK\r\nContent-Length: 2\r\n\r\nok", tolerant: 502, strict: 502},
	{name: "RTSP", out: "RTSP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", tolerant: 502, strict: 502},
	{name: "byte order mark before the head", out: "\xef\xbb\xbf" + okResponse, tolerant: 502, strict: 502},
	{name: "control characters in the reason phrase", out: "HTTP/1.1 200 O\rK\x00!\r\nContent-Length: 2\r\n\r\nok", head: "HTTP/1.1 200 O K !\r\nContent-Length: 2\r\n\r\n", content: "ok", strict: 502, finding: "field-control-character"},
	{name: "reason phrase of 9000 octets", out: "HTTP/1.1 200 " + fill(9000, "x") + "\r\nContent-Length: 2\r\n\r\nok", content: "ok"},
	{name: "LF everywhere but in the blank line", out: "HTTP/1.1 200 OK\nContent-Length: 2\n\r\nok", head: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", content: "ok", strict: 502, finding: "bare-line-feed"},
	{name: "HTTP/1.0 that says it keeps the connection, without a length", direct: true, out: "HTTP/1.0 200 OK\r\nX: y\r\nConnection: keep-alive\r\n\r\nHTTP/1.0 200 OK", hangsUp: true, head: "HTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n", content: "HTTP/1.0 200 OK"},
	{name: "HTTP/1.0", direct: true, out: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", hangsUp: true, head: strings.TrimSuffix(okResponse, "ok"), content: "ok"},
	{name: "HTTP/1.0 that keeps the connection", direct: true, out: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", head: strings.TrimSuffix(okResponse, "ok"), content: "ok"},
	{name: "HTTP/1.0 without a length", direct: true, out: "HTTP/1.0 200 OK\r\nX: y\r\n\r\nuntil here", hangsUp: true, head: "HTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n", content: "until here"},
	{name: "Connection: close closes the server's connection only", direct: true, out: "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", hangsUp: true, head: strings.TrimSuffix(okResponse, "ok"), content: "ok"},
	{name: "client of HTTP/1.0 and a length", request: "GET {T}/x HTTP/1.0\r\nHost: {H}\r\n\r\n", out: okResponse, content: "ok", closes: true},
	{name: "client of HTTP/1.0 and chunks", request: "GET {T}/x HTTP/1.0\r\nHost: {H}\r\n\r\n", out: chunks("5\r\nhello\r\n0\r\n\r\n"), head: "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", content: "hello", closes: true},
	{name: "client of HTTP/1.0 and the end of a connection", direct: true, request: "GET {T}/x HTTP/1.0\r\nHost: {H}\r\n\r\n", out: "HTTP/1.1 200 OK\r\nX: y\r\n\r\nhello", hangsUp: true, head: closedHead, content: "hello", closes: true},
	{name: "client of HTTP/1.0 gets no interim response", request: "GET {T}/x HTTP/1.0\r\nHost: {H}\r\n\r\n", out: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + okResponse, head: strings.TrimSuffix(okResponse, "ok"), content: "ok", closes: true},
	{name: "client that keeps a connection of HTTP/1.0", request: "GET {T}/x HTTP/1.0\r\nHost: {H}\r\nConnection: keep-alive\r\n\r\n", out: okResponse, head: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n", content: "ok"},
}

var responseFields = []responseCase{
	{name: "case, order and duplicates", out: ok200("SERVER: x\r\nx-b: 1\r\nX-a: 2\r\nX-B: 3\r\nserver: y"), content: "ok"},
	{name: "Set-Cookie is never joined", out: ok200("Set-Cookie: a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT\r\nSet-Cookie: b=2"), content: "ok"},
	{name: "no space behind the colon", out: ok200("X-Custom-Header:value\r\nX-Two:value "), content: "ok"},
	{name: "white space around a value", out: ok200("X-A: \t v \t"), content: "ok"},
	{name: "empty value", out: ok200("X-Empty:\r\nX-Space: "), content: "ok"},
	{name: "8-bit octets", out: ok200("X-A: \xe9\x80\xff caf\xc3\xa9"), content: "ok"},
	{name: "no Date, no Server, no Via", out: okResponse, content: "ok"},
	{name: "digest and ETag", out: ok200("ETag: W/\"a\"\r\nRepr-Digest: sha-256=:x:\r\nAccept-Ranges: bytes"), content: "ok"},
	{name: "coded content is not touched", out: "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnot gzip", content: "not gzip"},
	{name: "value of 60 KB", out: ok200("X-A: " + fill(60<<10, "long")), content: "ok"},
	{name: "value of 70 KB", out: ok200("X-A: " + fill(70<<10, "long")), tolerant: 502, strict: 502},
	{name: "head of 300 KB", out: ok200(strings.TrimSuffix(strings.Repeat("X-A: "+fill(1000, "x")+"\r\n", 300), "\r\n")), tolerant: 502, strict: 502},
	{name: "10000 fields", out: ok200(strings.TrimSuffix(strings.Repeat("A: b\r\n", 10000), "\r\n")), tolerant: 502, strict: 502},
	{name: "LF without CR", direct: true, out: "HTTP/1.1 200 OK\nX-A: b\nContent-Length: 2\n\nok", head: "HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 2\r\n\r\n", content: "ok", strict: 502, finding: "bare-line-feed"},
	{name: "folded value", out: ok200("X-A: a\r\n b\r\n\tc"), head: strings.TrimSuffix(ok200("X-A: a b c"), "ok"), content: "ok", strict: 502, finding: "field-folded"},
	{name: "folded Connection", out: ok200("X-Hop: a\r\nConnection: \r\n  X-Hop,\r\n\tx-two\r\nX-A: b"), head: strings.TrimSuffix(ok200("X-A: b"), "ok"), content: "ok", strict: 502, finding: "field-folded", directHead: strings.TrimSuffix(ok200("Connection: x-two\r\nX-A: b"), "ok")},
	{name: "unknown option of Connection", direct: true, out: ok200("Connection: mooo\r\nX-A: b"), head: strings.TrimSuffix(ok200("X-A: b"), "ok"), content: "ok"},
	{name: "several words about the connection", direct: true, out: ok200("connection:keep-alive,mooo\r\nKeep-Alive: timeout=5\r\nX-A: b"), head: strings.TrimSuffix(ok200("X-A: b"), "ok"), content: "ok"},
	{name: "space before the colon", out: ok200("X-A : b"), head: strings.TrimSuffix(ok200("X-A: b"), "ok"), content: "ok", strict: 502, finding: "field-space-before-colon"},
	{name: "name that is no token", out: ok200("X(A): b"), content: "ok", strict: 502, finding: "field-name-odd"},
	{name: "space in a name", out: ok200("X A: b\r\nX-B: c"), head: strings.TrimSuffix(ok200("X-B: c"), "ok"), content: "ok", strict: 502, finding: "field-line-dropped"},
	{name: "line without a colon", out: ok200("nonsense\r\nX-B: c"), head: strings.TrimSuffix(ok200("X-B: c"), "ok"), content: "ok", strict: 502, finding: "field-line-dropped"},
	{name: "empty name", out: ok200(": v\r\nX-B: c"), head: strings.TrimSuffix(ok200("X-B: c"), "ok"), content: "ok", strict: 502, finding: "field-line-dropped"},
	{name: "NUL in a value", out: ok200("X-A: a\x00b"), head: strings.TrimSuffix(ok200("X-A: a b"), "ok"), content: "ok", strict: 502, finding: "field-control-character"},
	{name: "lone CR and a field in a value", out: ok200("X-A: a\rSet-Cookie: b"), head: strings.TrimSuffix(ok200("X-A: a Set-Cookie: b"), "ok"), content: "ok", strict: 502, finding: "field-control-character"},
	{name: "bell in a value", out: ok200("X-A: a\x07b"), content: "ok", strict: 502, finding: "field-control-character"},
	{name: "Keep-Alive is of one connection", direct: true, out: ok200("Keep-Alive: timeout=5, max=9\r\nConnection: keep-alive"), head: strings.TrimSuffix(okResponse, "ok"), content: "ok"},
	{name: "what Connection names is of one connection", out: ok200("X-Hop: 1\r\nConnection: X-Hop\r\nX-End: 2"), head: strings.TrimSuffix(ok200("X-End: 2"), "ok"), content: "ok"},
	{name: "Proxy-Authenticate of a server stays", out: "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n"},
	{name: "Alt-Svc, HSTS and policies stay", out: ok200("Alt-Svc: h3=\":443\"\r\nStrict-Transport-Security: max-age=1\r\nContent-Security-Policy: default-src 'none'"), content: "ok"},
}

var responseFraming = []responseCase{
	{name: "204", out: "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n"},
	{name: "304", out: "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n"},
	{name: "304 with a length", out: "HTTP/1.1 304 Not Modified\r\nContent-Length: 1488324\r\n\r\n"},
	{name: "HEAD with a length", method: "HEAD", out: "HTTP/1.1 200 OK\r\nContent-Length: 1488324\r\n\r\n"},
	{name: "HEAD without a length", method: "HEAD", out: "HTTP/1.1 200 OK\r\nX: y\r\n\r\n"},
	{name: "HEAD and chunked", method: "HEAD", out: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
	{name: "HEAD and 404", method: "HEAD", out: "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n"},
	{name: "HEAD and 204", method: "HEAD", out: "HTTP/1.1 204 No Content\r\n\r\n"},
	{name: "204 with a length", out: "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", head: "HTTP/1.1 204 No Content\r\n\r\n", strict: 502, finding: "framing-without-body"},
	{name: "204 with chunks", out: "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", head: "HTTP/1.1 204 No Content\r\n\r\n", strict: 502, finding: "framing-without-body"},
	{name: "304 with a body", out: "HTTP/1.1 304 Not Modified\r\nX: y\r\n\r\n" + injected, head: "HTTP/1.1 304 Not Modified\r\nX: y\r\n\r\n"},
	{name: "HEAD with a body", method: "HEAD", out: okResponse + injected, head: strings.TrimSuffix(okResponse, "ok")},
	{name: "304 with chunks", out: "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"},
	{name: "304 with two lengths", out: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", tolerant: 502, strict: 502},
	{name: "204 with a body", out: "HTTP/1.1 204 No Content\r\nX: y\r\n\r\nbody", head: "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n"},
	{name: "205 with a body", out: "HTTP/1.1 205 Reset Content\r\nContent-Length: 2\r\n\r\nok", content: "ok"},
	{name: "coding that ends in another than chunked", out: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, deflate\r\n\r\nok", hangsUp: true, tolerant: 502, strict: 502},
	{name: "length with an empty item", out: "HTTP/1.1 200 OK\r\nContent-Length: 2,\r\n\r\nok", tolerant: 502, strict: 502},
	{name: "folded length", out: "HTTP/1.1 200 OK\r\nContent-Length:\r\n 2\r\n\r\nok", tolerant: 502, strict: 502},
	{name: "offer of an upgrade", out: ok200("Connection: Upgrade\r\nUpgrade: h2,h2c"), head: strings.TrimSuffix(okResponse, "ok"), content: "ok"},
	{name: "426 says to what", out: "HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2, HTTP/1.1\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nok", content: "ok"},
	{name: "100 interim responses", out: strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 100) + okResponse, content: "ok"},
	{name: "empty body", out: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
	{name: "205 with length 0", out: "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"},
	{name: "chunks", out: chunks("5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n"), content: "hello, world"},
	{name: "chunks with extensions", out: chunks("5;a=b;c=\"x;\\\"y\"\r\nhello\r\n0;end\r\n\r\n"), content: "hello"},
	{name: "chunks with trailers", out: "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-sum:abc\r\nx-Sum: d \r\n\r\n", content: "hello", trailers: "X-sum:abc\r\nx-Sum: d \r\n"},
	{name: "empty chunked body", out: chunks("0\r\n\r\n")},
	{name: "end of the connection", direct: true, out: "HTTP/1.1 200 OK\r\nX: y\r\n\r\nuntil here", hangsUp: true, head: "HTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n", content: "until here"},
	{name: "end of the connection at once", direct: true, out: "HTTP/1.1 200 OK\r\nX: y\r\n\r\n", hangsUp: true, head: "HTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n"},
	{name: "length with leading zeros", out: "HTTP/1.1 200 OK\r\nContent-Length: 0002\r\n\r\nok", head: strings.TrimSuffix(okResponse, "ok"), content: "ok", finding: "framing-field-respelled"},

	// Framing that two readers could read in two ways.
	{name: "length and chunks", out: "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", head: chunkedHead, content: "hello", strict: 502, finding: "both-length-and-chunked"},
	{name: "chunked twice", out: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", head: chunkedHead, content: "hello", strict: 502, finding: "chunked-twice"},
	{name: "chunked, chunked", out: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", head: chunkedHead, content: "hello", strict: 502, finding: "chunked-twice"},
	{name: "identity and a length", out: "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nok", head: strings.TrimSuffix(okResponse, "ok"), content: "ok", strict: 502, finding: "transfer-coding-identity"},
	{name: "space before the colon of the coding", out: "HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", head: chunkedHead, content: "hello", strict: 502, finding: "field-space-before-colon"},
	{name: "coding with a control character", out: "HTTP/1.1 200 OK\r\nTransfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", tolerant: 502, strict: 502},
	{name: "xchunked", out: "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", tolerant: 502, strict: 502},
	{name: "gzip and chunked", out: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", tolerant: 502, strict: 502},
	{name: "chunks of HTTP/1.0", out: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", hangsUp: true, head: chunkedHead, content: "hello", strict: 502, finding: "transfer-coding-in-http10"},
	{name: "folded coding", out: "HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", tolerant: 502, strict: 502},
	{name: "two equal lengths", out: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", head: strings.TrimSuffix(okResponse, "ok"), content: "ok", strict: 502, finding: "length-repeated"},
	{name: "list of equal lengths", out: "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok", head: strings.TrimSuffix(okResponse, "ok"), content: "ok", strict: 502, finding: "length-repeated"},
	{name: "two different lengths", out: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 20\r\n\r\nok" + injected, tolerant: 502, strict: 502},
	{name: "length with a plus", out: "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok", tolerant: 502, strict: 502},
	{name: "negative length", out: "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok", tolerant: 502, strict: 502},
	{name: "huge length", out: "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok", tolerant: 502, strict: 502},
	{name: "empty length", out: "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nok", tolerant: 502, strict: 502},
	{name: "octets behind a body", out: okResponse + "garbage", head: strings.TrimSuffix(okResponse, "ok"), content: "ok"},
	{name: "two responses to one request", out: okResponse + injected, head: strings.TrimSuffix(okResponse, "ok"), content: "ok"},
	{name: "response behind the last chunk", out: chunks("5\r\nhello\r\n0\r\n\r\n" + injected), head: chunkedHead, content: "hello"},

	// Bodies that break off, and look broken to the client too.
	{name: "shorter than its length", out: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", hangsUp: true, content: "hello", broken: true},
	{name: "chunks without the last", out: chunks("5\r\nhello\r\n"), hangsUp: true, content: "hello", broken: true},
	{name: "end inside a chunk", out: chunks("a\r\nhello"), hangsUp: true, content: "hello", broken: true},
	{name: "end inside the trailers", out: chunks("5\r\nhello\r\n0\r\nX: y\r\n"), hangsUp: true, content: "hello", broken: true},
	{name: "no final line behind the last chunk", out: chunks("5\r\nhello\r\n0\r\n"), hangsUp: true, content: "hello", broken: true},
	{name: "chunk size that is not hexadecimal", out: chunks("5\r\nhello\r\nZ\r\n0\r\n\r\n"), content: "hello", broken: true},
	{name: "chunk size with a tail", out: chunks("5\r\nhello\r\n1these-bytes\r\nZ\r\n0\r\n\r\n"), content: "hello", broken: true},
	{name: "chunk size that overflows", out: chunks("5\r\nhello\r\nfffffffffffffffff\r\n"), content: "hello", broken: true},
	{name: "chunk longer than its size", out: chunks("5\r\nhello!\r\n0\r\n\r\n"), content: "hello", broken: true},
	{name: "endless extension", out: chunks("5\r\nhello\r\n1;" + fill(100<<10, "a")), content: "hello", broken: true},
	{name: "trailers of 1 MB", out: chunks("5\r\nhello\r\n0\r\n" + strings.Repeat("X: "+fill(1000, "y")+"\r\n", 1000) + "\r\n"), content: "hello", broken: true},
	{name: "LF without CR behind a chunk size", out: chunks("5\r\nhello\r\n0\n\r\n"), head: chunkedHead, content: "hello", brokenInStrict: true, finding: "chunk-line-odd"},
	{name: "LF without CR behind a chunk", out: chunks("5\r\nhello\n0\r\n\r\n"), head: chunkedHead, content: "hello", brokenInStrict: true, finding: "chunk-line-odd"},
	{name: "space behind a chunk size", out: chunks("5\r\nhello\r\n0  \r\n\r\n"), head: chunkedHead, content: "hello", brokenInStrict: true, finding: "chunk-line-odd"},
	{name: "LF without CR in an extension", out: chunks("5\r\nhello\r\n0;a=b\n\r\n"), head: chunkedHead, content: "hello", brokenInStrict: true, finding: "chunk-line-odd"},
	{name: "framing fields in trailers", out: chunks("5\r\nhello\r\n0\r\nContent-Length: 9\r\nX: y\r\n\r\n"), head: chunkedHead, content: "hello", trailers: "X: y\r\n", brokenInStrict: true, finding: "trailer-dropped"},

	// Interim responses.
	{name: "early hints", out: "HTTP/1.1 103 Early Hints\r\nlink: </a>;rel=preload\r\n\r\n" + okResponse, content: "ok"},
	{name: "several interim responses", out: "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 X\r\nA: b\r\n\r\nHTTP/1.1 103\r\n\r\nHTTP/1.1 199 Odd\r\n\r\n" + okResponse, content: "ok"},
	{name: "100 that nobody asked for", out: "HTTP/1.1 100 Continue\r\n\r\n" + okResponse, content: "ok"},
	{name: "interim response with a length", out: "HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n" + okResponse, head: "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", content: "ok", strict: 502, finding: "framing-without-body"},
	{name: "101 that nobody asked for", out: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", tolerant: 502, strict: 502},
	{name: "end behind an interim response", out: "HTTP/1.1 103 Early Hints\r\n\r\n", hangsUp: true, head: "HTTP/1.1 103 Early Hints\r\n\r\n", tolerant: 502, strict: 502},
}

func TestCasesStatusLines(t *testing.T)     { testResponses(t, statusLines) }
func TestCasesResponseFields(t *testing.T)  { testResponses(t, responseFields) }
func TestCasesResponseFraming(t *testing.T) { testResponses(t, responseFraming) }

func testResponses(t *testing.T, cases []responseCase) {
	t.Parallel()
	for _, profile := range profiles {
		t.Run(profile, func(t *testing.T) {
			p := startCases(t, "--set", "http_profile="+profile)
			for _, w := range ways {
				t.Run(w.name, func(t *testing.T) {
					for _, c := range cases {
						t.Run(c.name, func(t *testing.T) { c.run(t, p, w, profile) })
					}
				})
			}
		})
	}
}

func (c *responseCase) run(t *testing.T, p *proxy, w way, profile string) {
	refused, broken := c.tolerant, c.broken
	if profile == "strict" {
		refused, broken = c.strict, c.broken || c.brokenInStrict
	}
	o := newRawOrigin(t, p, w.secured, func(conn *peer) { c.serve(conn) })
	client := w.reach(t, p, o.Addr)
	method, request := c.method, c.request
	if method == "" {
		method = "GET"
	}
	if request == "" {
		request = method + " {T}/x HTTP/1.1\r\nHost: {H}\r\n\r\n"
	}
	client.send(w.spell(request, o.Addr))

	want, direct := c.head, c.direct && w.secured
	if c.directHead != "" && w.secured {
		want = c.directHead
	}
	if direct && strings.HasPrefix(c.name, "LF") {
		want, _, _ = strings.Cut(c.out, "\n\n")
		want += "\n\n"
	} else if want == "" || direct {
		want, _, _ = strings.Cut(c.out, "\r\n\r\n")
		want += "\r\n\r\n"
		for strings.HasPrefix(want, "HTTP/1.1 1") && !strings.HasPrefix(want, "HTTP/1.1 101") {
			// All heads up to the final one.
			rest := strings.TrimPrefix(c.out, want)
			more, _, _ := strings.Cut(rest, "\r\n\r\n")
			if want += more + "\r\n\r\n"; !strings.HasPrefix(more, "HTTP/1.1 1") {
				break
			}
		}
	}
	if refused != 0 {
		c.refused(t, client, refused)
		return
	}
	got := make([]byte, len(want))
	n, err := io.ReadFull(client.in, got)
	if string(got[:n]) != want {
		more, _ := client.in.Peek(client.in.Buffered())
		client.conn.Close()
		t.Fatalf("the client got the head\n%.600q%.200q\nnot\n%.600q (%v)", got[:n], more, want, err)
	}
	final := want
	for strings.HasPrefix(final, "HTTP/1.1 1") {
		_, final, _ = strings.Cut(final, "\r\n\r\n")
	}
	content, trailers, err := client.body(method, final)
	if content != c.content {
		t.Errorf("the client got the content %.300q, not %.300q", content, c.content)
	}
	if (err != nil) != broken {
		t.Errorf("the body ended with %v, want broken: %v", err, broken)
	}
	if !broken && trailers != "" && trailers != c.trailers+"\r\n" {
		t.Errorf("the client got the trailers %q, not %q", trailers, c.trailers)
	}
	if broken || c.closes || direct && c.hangsUp {
		client.ended()
	} else {
		// Nothing is left over on either connection.
		client.send(w.spell("GET {T}/after HTTP/1.1\r\nHost: {H}\r\nConnection: close\r\n\r\n", o.Addr))
		if status, head := client.head(); status != 200 {
			t.Errorf("another request is answered with %d: %q", status, head)
		} else if content, _, err := client.body("GET", head); content != "ok" {
			t.Errorf("another request is answered with %q, %v", content, err)
		}
		client.ended()
	}
	client.conn.Close()
	f := p.told(1, func(f *told) bool { return to(o.Addr)(f) && f.Request.Path == "/x" })[0]
	if f.Response == nil || f.ResponseBody.Sent != int64(len(c.content)) || f.ResponseBody.Recorded != int64(len(c.content)) {
		t.Fatalf("recorded as %+v with %+v", f.Response, f.ResponseBody)
	}
	if broken == (f.Outcome.Text == "completed") {
		t.Errorf("the outcome is %+v", f.Outcome)
	}
	if profile == "tolerant" && c.finding != "" && !f.has(c.finding) {
		t.Errorf("the flow has the findings %q, not %q", f.codes(), c.finding)
	}
	if c.finding == "" && len(f.Findings) > 0 && !(w.secured && f.has("tls-no-close-notify")) {
		t.Errorf("the flow has findings: %v", f.Findings)
	}
}

// serve answers the case's request with its octets, any other with "ok".
func (c *responseCase) serve(conn *peer) {
	for {
		r, err := http.ReadRequest(conn.in)
		if err != nil {
			return
		}
		if r.URL.Path != "/x" {
			io.WriteString(conn, okResponse)
			continue
		}
		io.WriteString(conn, c.out)
		if c.hangsUp {
			return
		}
	}
}

// refused wants the page of a gateway error, and the connection to go on.
func (c *responseCase) refused(t *testing.T, client *rawClient, status int) {
	got, head := client.head()
	for got/100 == 1 {
		got, head = client.head()
	}
	if got != status {
		t.Fatalf("answered with %d, not %d: %q", got, status, head)
	}
	r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(head)), nil)
	if err != nil || r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("the page has the head %q, %v", head, err)
	}
	method := c.method
	if method == "" {
		method = "GET"
	}
	if content, _, err := client.body(method, head); err != nil || !strings.Contains(content, "midstream") {
		t.Errorf("the page is %q, %v", content, err)
	}
	client.conn.Close()
}
