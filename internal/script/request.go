package script

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/dop251/goja"

	"midstream/flow"
)

var requestClass = &class[*message]{
	name: "request",
	text: (*message).String,
	order: []string{"method", "url", "pretty_url", "scheme", "host", "pretty_host", "port", "path", "host_header",
		"authority", "http_version", "headers", "trailers", "content", "stream", "timestamp_start", "timestamp_end"},
	attrs: messageAttrs(map[string]attr[*message]{
		"method": {
			get: func(e *engine, m *message) goja.Value { return e.wireText(strings.ToUpper(m.request().Method)) },
			set: func(e *engine, m *message, v goja.Value) {
				s := e.mustLine(v, "method")
				if s == "" || strings.ContainsAny(s, " \t") {
					panic(e.typeError("%q is not a method", s))
				}
				m.touch()
				m.request().Method = s
			},
		},
		"url": {
			get: func(e *engine, m *message) goja.Value { return e.wireText(m.request().URL()) },
			set: setURL,
		},
		"pretty_url": {get: func(e *engine, m *message) goja.Value { return e.wireText(m.request().DisplayURL()) }},
		"scheme": {
			get: func(e *engine, m *message) goja.Value { return e.wireText(m.request().Scheme) },
			set: func(e *engine, m *message, v goja.Value) {
				s := strings.ToLower(e.mustLine(v, "scheme"))
				if s != "http" && s != "https" {
					panic(e.typeError("scheme must be http or https, not %q", s))
				}
				m.touch()
				m.request().Scheme = s
			},
		},
		"host": {
			get: func(e *engine, m *message) goja.Value { return e.wireText(m.request().Host) },
			set: func(e *engine, m *message, v goja.Value) {
				s := e.mustLine(v, "host")
				if s == "" || strings.ContainsAny(s, " \t/?#@") {
					panic(e.typeError("%q is not a host", s))
				}
				m.setHost(strings.Trim(s, "[]"), m.request().Port)
			},
		},
		"port": {
			get: func(e *engine, m *message) goja.Value { return e.vm.ToValue(int64(m.request().Port)) },
			set: func(e *engine, m *message, v goja.Value) {
				m.setHost(m.request().Host, uint16(e.mustInt(v, "port", 1, 65535)))
			},
		},
		"pretty_host": {get: func(e *engine, m *message) goja.Value { return e.wireText(prettyHost(m.request())) }},
		"host_header": {get: getHostHeader, set: setHostHeader},
		"authority": {
			get: func(e *engine, m *message) goja.Value { return e.wireText(m.request().Authority) },
			set: func(e *engine, m *message, v goja.Value) {
				s := e.mustLine(v, "authority")
				m.touch()
				m.request().Authority = s
			},
		},
		"path": {
			get: func(e *engine, m *message) goja.Value { return e.wireText(m.request().Path) },
			set: func(e *engine, m *message, v goja.Value) {
				s := e.mustLine(v, "path")
				if strings.Contains(s, " ") {
					panic(e.typeError("path must not contain a space; write %%20"))
				}
				m.touch()
				m.request().Path = s
			},
		},
		"first_line_format": {get: func(e *engine, m *message) goja.Value {
			switch r := m.request(); {
			case r.Form == flow.AuthorityForm:
				return e.vm.ToValue("authority")
			case r.Authority != "":
				return e.vm.ToValue("absolute")
			}
			return e.vm.ToValue("relative")
		}},
		"query":           {get: getQuery, set: func(e *engine, m *message, v goja.Value) { assignTo(getQuery(e, m), v) }},
		"cookies":         {get: getCookies, set: func(e *engine, m *message, v goja.Value) { assignTo(getCookies(e, m), v) }},
		"path_components": {get: getPathComponents, set: setPathComponents},
		"urlencoded_form": {get: getURLForm, set: func(e *engine, m *message, v goja.Value) { assignTo(getURLForm(e, m), v) }},
		"multipart_form":  {get: getMultipart, set: func(e *engine, m *message, v goja.Value) { assignTo(getMultipart(e, m), v) }},
	}),
	methods: messageMethods(map[string]method[*message]{
		"anticache": func(_ *engine, m *message, _ goja.FunctionCall) goja.Value {
			fs := &m.edit().Fields
			fs.Del("If-Modified-Since")
			fs.Del("If-None-Match")
			return goja.Undefined()
		},
		"anticomp": func(_ *engine, m *message, _ goja.FunctionCall) goja.Value {
			m.edit().Fields.Set("Accept-Encoding", "identity")
			return goja.Undefined()
		},
		"constrain_encoding": constrainEncoding,
	}),
}

func assignTo(view, v goja.Value) {
	view.(*goja.Object).Export().(*dict).assign(v)
}

func (m *message) setHost(host string, port uint16) {
	m.touch()
	if m.free() {
		m.req.SetHost(host, port)
		return
	}
	m.frozenReq.Host, m.frozenReq.Port = host, port
}

func setURL(e *engine, m *message, v goja.Value) {
	s := e.mustLine(v, "url")
	for i := range len(s) {
		if s[i] >= 0x80 || s[i] <= ' ' {
			panic(e.failure(fmt.Errorf("ValueError: url %q: write it in ASCII, other characters escaped", s)))
		}
	}
	u, err := url.Parse(s)
	if err == nil {
		u.Host = strings.ToLower(u.Host)
		s = u.String()
	}
	m.touch()
	if !m.free() {
		return
	}
	if err := m.req.SetURL(s); err != nil {
		panic(e.failure(fmt.Errorf("ValueError: %w", err)))
	}
}

func prettyHost(r *flow.Request) string {
	s := hostHeader(r)
	if s == "" {
		return r.Host
	}
	if h, _, err := net.SplitHostPort(s); err == nil {
		return h
	}
	return strings.Trim(s, "[]")
}

func hostHeader(r *flow.Request) string {
	if r.Version >= flow.HTTP2 && r.Authority != "" {
		return r.Authority
	}
	return r.Fields.Get("Host")
}

func getHostHeader(e *engine, m *message) goja.Value {
	if s := hostHeader(m.request()); s != "" {
		return e.wireText(s)
	}
	return goja.Null()
}

func setHostHeader(e *engine, m *message, v goja.Value) {
	s := ""
	if !isNull(v) {
		s = e.mustLine(v, "host_header")
	}
	m.touch()
	r := m.request()
	if r.Version >= flow.HTTP2 {
		r.Authority = s
		if !r.Fields.Has("Host") {
			return
		}
	}
	if isNull(v) {
		r.Fields.Del("Host")
		return
	}
	r.Fields.Set("Host", s)
}

// codings are those that constrain_encoding leaves.
var codings = []string{"gzip", "identity", "deflate", "br", "zstd"}

func constrainEncoding(_ *engine, m *message, _ goja.FunctionCall) goja.Value {
	fs := &m.edit().Fields
	if !fs.Has("Accept-Encoding") {
		return goja.Undefined()
	}
	had := strings.ToLower(fs.Joined("Accept-Encoding"))
	var left []string
	for _, c := range codings {
		if strings.Contains(had, c) {
			left = append(left, c)
		}
	}
	fs.Set("Accept-Encoding", strings.Join(left, ", "))
	return goja.Undefined()
}
