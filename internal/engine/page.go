package engine

import (
	"errors"
	"html"
	"strconv"
	"strings"

	"midstream/flow"
	"midstream/hook"
)

// StatusOf returns the status that a proxy answers with when err kept it from
// having a response: err.Status, or what its peer and cause imply.
func StatusOf(err *flow.Error) int {
	if err.Status != 0 {
		return err.Status
	}
	switch err.Cause {
	case flow.Timeout:
		if err.Peer == flow.AtClient {
			return 408
		}
		return 504
	case flow.TooLarge:
		if err.Peer == flow.AtClient {
			return 413
		}
	case flow.Malformed:
		if err.Peer == flow.AtClient {
			return 400
		}
	case flow.Stopping:
		return 503
	}
	return 502
}

// errorText is the one line of an error, with the status that was answered.
func errorText(err *flow.Error) string {
	text := withoutUserinfo(err.Error())
	if strings.HasPrefix(text, strconv.Itoa(StatusOf(err))) {
		return text
	}
	return strconv.Itoa(StatusOf(err)) + ": " + text
}

// ErrorPage returns the answer to a client for err: a small page where the
// client accepts HTML, else one line of text. It says what was being done, to
// what, and what happened, and holds no credentials. The head has
// Content-Length but no Connection field.
func ErrorPage(err *flow.Error, acceptsHTML bool) (*flow.Response, []byte) {
	if err == nil || err.Err == nil {
		err = &flow.Error{Err: errors.New("no response could be had")}
	}
	status := StatusOf(err)
	text := errorText(err)
	kind, content := "text/plain; charset=utf-8", "midstream: "+text+"\n"
	if acceptsHTML {
		title := strconv.Itoa(status) + " " + hook.Reason(status)
		kind = "text/html; charset=utf-8"
		content = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>" + html.EscapeString(title) +
			"</title>\n<h1>" + html.EscapeString(title) + "</h1>\n<p>" + html.EscapeString(text) +
			"</p>\n<p>This page was made by midstream, the proxy between you and the server.</p>\n</html>\n"
	}
	r := &flow.Response{Status: status, Reason: hook.Reason(status)}
	r.Version = flow.HTTP11
	r.Fields = make(flow.Fields, 0, 8)
	r.Fields.Add("Content-Type", kind)
	r.Fields.Add("Content-Length", strconv.Itoa(len(content)))
	r.Fields.Add("Content-Security-Policy", "default-src 'none'")
	r.Fields.Add("X-Content-Type-Options", "nosniff")
	r.Fields.Add("Cache-Control", "no-store")
	return r, []byte(content)
}

// AcceptsHTML tells whether a client asks for HTML by name, as browsers do.
func AcceptsHTML(fields flow.Fields) bool {
	return strings.Contains(strings.ToLower(fields.Joined("Accept")), "text/html")
}

// withoutUserinfo cuts "user:password@" out of every URL in text.
func withoutUserinfo(text string) string {
	var b strings.Builder
	for {
		i := strings.Index(text, "://")
		if i < 0 {
			break
		}
		i += len("://")
		b.WriteString(text[:i])
		text = text[i:]
		end := strings.IndexAny(text, "/?# \t\r\n\"'<>")
		if end < 0 {
			end = len(text)
		}
		if at := strings.LastIndexByte(text[:end], '@'); at >= 0 {
			text = text[at+1:]
		}
	}
	b.WriteString(text)
	return b.String()
}
