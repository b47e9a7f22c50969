package script

import (
	"strings"

	"github.com/dop251/goja"

	"midstream/flow"
)

// getCookies is request.cookies: one view on all Cookie fields, written back as one.
func getCookies(_ *engine, m *message) goja.Value {
	return m.view("cookies", func() *dict {
		return m.derived("cookies", func() flow.Fields {
			var fs flow.Fields
			for _, line := range m.head().Fields.Values("Cookie") {
				for part := range strings.SplitSeq(line, ";") {
					k, v, _ := strings.Cut(flow.TrimSpace(part), "=")
					if k != "" && len(fs) < maxPairs {
						fs.Add(flow.TrimSpace(k), unquoteCookie(flow.TrimSpace(v)))
					}
				}
			}
			return fs
		}, func(fs flow.Fields) {
			var parts []string
			for _, f := range fs {
				parts = append(parts, f.Name+"="+quoteCookie(f.Value))
			}
			head := m.edit()
			head.Fields.Del("Cookie")
			if len(parts) > 0 {
				head.Fields.Add("Cookie", strings.Join(parts, "; "))
			}
		})
	})
}

func unquoteCookie(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	var b strings.Builder
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '\\' && i+1 < len(s)-1 {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func quoteCookie(s string) string {
	if !strings.ContainsAny(s, " \t\";,\\") {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// getSetCookies is response.cookies: name to [value, attributes].
func getSetCookies(e *engine, m *message) goja.Value {
	return m.view("cookies", func() *dict {
		d := m.derived("cookies", func() flow.Fields {
			var fs flow.Fields
			for _, line := range m.head().Fields.Values("Set-Cookie") {
				k, rest, _ := strings.Cut(line, "=")
				fs.Add(flow.TrimSpace(k), rest)
			}
			return fs
		}, func(fs flow.Fields) {
			lines := make([]string, len(fs))
			for i, f := range fs {
				lines[i] = f.Name + "=" + f.Value
			}
			m.edit().Fields.SetAll("Set-Cookie", lines)
		})
		d.show = func(s string) goja.Value { return e.showSetCookie(s) }
		d.read = func(v goja.Value) string { return e.readSetCookie(v) }
		return d
	})
}

// showSetCookie makes [value, attributes] of what follows "name=".
func (e *engine) showSetCookie(s string) goja.Value {
	value, rest, _ := strings.Cut(s, ";")
	var attrs flow.Fields
	for part := range strings.SplitSeq(rest, ";") {
		if part = flow.TrimSpace(part); part == "" || len(attrs) >= maxPairs {
			continue
		}
		k, v, ok := strings.Cut(part, "=")
		if !ok {
			v = flagOnly
		}
		attrs.Add(flow.TrimSpace(k), flow.TrimSpace(v))
	}
	d := e.wordDict("cookie attributes")
	d.fold = true
	d.list = func() flow.Fields { return attrs }
	d.edit = func() *flow.Fields { return &attrs }
	d.show = func(s string) goja.Value {
		if s == flagOnly {
			return goja.Null()
		}
		return e.wireText(s)
	}
	d.read = func(v goja.Value) string {
		if isNull(v) {
			return flagOnly
		}
		return e.mustLine(v, "a cookie attribute")
	}
	return e.vm.NewArray(e.wireText(unquoteCookie(flow.TrimSpace(value))), e.dictObject(d))
}

// flagOnly is the value of an attribute without "=", as Secure; it cannot come
// from a peer, for a field has no NUL.
const flagOnly = "\x00"

// readSetCookie takes a string, or [value, attributes].
func (e *engine) readSetCookie(v goja.Value) string {
	pair, ok := v.(*goja.Object)
	if !ok || pair.ClassName() != "Array" {
		return quoteCookie(e.mustLine(v, "a cookie"))
	}
	out := quoteCookie(e.mustLine(pair.Get("0"), "a cookie"))
	e.eachPair(pair.Get("1"), "cookie attributes", func(k, v goja.Value) {
		name := e.mustLine(k, "a cookie attribute")
		if b, isBool := v.Export().(bool); isNull(v) || isBool && b {
			out += "; " + name
		} else if !isBool {
			out += "; " + name + "=" + e.mustLine(v, "a cookie attribute")
		}
	})
	return out
}
