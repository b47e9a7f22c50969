package script

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/dop251/goja"

	"midstream/flow"
	"midstream/internal/coding"
)

// preludeNatives is what prelude.js builds on.
func (e *engine) preludeNatives() *goja.Object {
	o := e.vm.NewObject()
	set := func(name string, f func(fc goja.FunctionCall) goja.Value) { o.Set(name, f) }
	o.Set("options", e.vm.NewDynamicObject(optionsObject{e}))
	set("isOwn", func(fc goja.FunctionCall) goja.Value { return e.vm.ToValue(isOwn(fc.Argument(0))) })
	set("print", func(fc goja.FunctionCall) goja.Value {
		e.host.print(e.script, octets(fc.Argument(0)))
		return goja.Undefined()
	})
	set("log", func(fc goja.FunctionCall) goja.Value {
		e.host.log.Log(context.Background(), levelOf(fc.Argument(0).String()), octets(fc.Argument(1)), "script", e.script)
		return goja.Undefined()
	})
	set("shutdown", func(goja.FunctionCall) goja.Value {
		if e.host.config.Shutdown != nil {
			go e.host.config.Shutdown()
		}
		return goja.Undefined()
	})
	set("encodeText", func(fc goja.FunctionCall) goja.Value {
		return e.bytesValue([]byte(strings.ToValidUTF8(fc.Argument(0).String(), "\ufffd")))
	})
	set("decodeText", e.decodeText)
	set("label", e.charsetLabel)
	set("atob", e.atob)
	set("btoa", e.btoa)
	set("parseURL", e.parseURL)
	set("parseQuery", func(fc goja.FunctionCall) goja.Value {
		var list []any
		for _, f := range parsePairs(fc.Argument(0).String()) {
			list = append(list, e.vm.NewArray(e.wireText(f.Name), e.wireText(f.Value)))
		}
		return e.vm.NewArray(list...)
	})
	set("printQuery", func(fc goja.FunctionCall) goja.Value {
		var fs flow.Fields
		e.eachPair(fc.Argument(0), "a query", func(k, v goja.Value) { fs.Add(octets(k), octets(v)) })
		return e.vm.ToValue(printPairs(fs, false))
	})
	set("defaultPort", func(fc goja.FunctionCall) goja.Value {
		return e.vm.ToValue(portOf(strings.TrimSuffix(fc.Argument(0).String(), ":")))
	})
	set("buffer", func(fc goja.FunctionCall) goja.Value {
		e.within(fc.Argument(0).ToFloat(), "the buffer would have %.0f octets")
		return goja.Undefined()
	})
	return o
}

// isOwn tells whether v is one of the objects that Go backs.
func isOwn(v goja.Value) bool {
	obj, ok := v.(*goja.Object)
	if !ok {
		return false
	}
	if k := obj.ExportType(); k == nil || k.PkgPath() == "" && k.Kind().String() != "ptr" {
		return false
	}
	switch obj.Export().(type) {
	case *object[*flowState], *object[*message], *object[*connection], *object[*nativeStream], *dict:
		return true
	}
	return false
}

// levelAlert is the level of ctx.log.alert: shown like info, and meant for a person.
const levelAlert = slog.LevelInfo + 1

func levelOf(name string) slog.Level {
	switch strings.ToLower(name) {
	case "debug":
		return slog.LevelDebug
	case "warn", "warning":
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	case "alert":
		return levelAlert
	}
	return slog.LevelInfo
}

// print writes one line of console.log.
func (h *Host) print(script, line string) {
	if h.config.Output == nil {
		h.log.Info(line, "script", script)
		return
	}
	h.out.Lock()
	defer h.out.Unlock()
	fmt.Fprintln(h.config.Output, line)
}

// charsetLabel checks the name of a charset and returns its usual spelling.
func (e *engine) charsetLabel(fc goja.FunctionCall) goja.Value {
	name := strings.ToLower(strings.TrimSpace(fc.Argument(0).String()))
	switch name {
	case "utf8", "utf-8", "unicode-1-1-utf-8":
		return e.vm.ToValue("utf-8")
	case "latin1", "iso-8859-1", "ascii", "us-ascii":
		return e.vm.ToValue("iso-8859-1")
	}
	if strings.ContainsAny(name, "\";\r\n") {
		panic(e.rangeError("unknown charset %q", name))
	}
	if _, err := coding.DecodeText(`text/plain; charset="`+name+`"`, nil); err != nil {
		panic(e.rangeError("unknown charset %q", name))
	}
	return e.vm.ToValue(name)
}

// decodeText(label, data, fatal, stream) returns the text and what is left of a
// character that is not complete.
func (e *engine) decodeText(fc goja.FunctionCall) goja.Value {
	p, ok := e.bytesIn(fc.Argument(1))
	if !ok {
		panic(e.typeError("decode takes a Uint8Array, not %s", kindOf(fc.Argument(1))))
	}
	label, fatal, more := fc.Argument(0).String(), fc.Argument(2).ToBoolean(), fc.Argument(3).ToBoolean()
	rest := goja.Null()
	text := ""
	if label != "utf-8" {
		s, err := coding.DecodeText(`text/plain; charset="`+label+`"`, p)
		if err != nil {
			panic(e.typeError("the data is not valid %s", label))
		}
		text = s
		return e.vm.NewArray(e.wireText(text), rest)
	}
	if more {
		if n := unfinished(p); n > 0 {
			rest = e.bytesValue(append([]byte(nil), p[len(p)-n:]...))
			p = p[:len(p)-n]
		}
	}
	if fatal && !utf8.Valid(p) {
		panic(e.typeError("the data is not valid utf-8"))
	}
	return e.vm.NewArray(e.vm.ToValue(strings.ToValidUTF8(string(p), "\ufffd")), rest)
}

// unfinished is how many bytes at p's end begin a character that goes on.
func unfinished(p []byte) int {
	for n := 1; n <= min(3, len(p)); n++ {
		if c := p[len(p)-n]; utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(p[len(p)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

func (e *engine) atob(fc goja.FunctionCall) goja.Value {
	s := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n\f", r) {
			return -1
		}
		return r
	}, fc.Argument(0).String())
	p, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
	if err != nil {
		panic(e.failure(fmt.Errorf("InvalidCharacterError: atob: not base64")))
	}
	units := make([]uint16, len(p))
	for i, c := range p {
		units[i] = uint16(c)
	}
	return goja.StringFromUTF16(units)
}

func (e *engine) btoa(fc goja.FunctionCall) goja.Value {
	units := utf16.Encode([]rune(fc.Argument(0).String()))
	p := make([]byte, len(units))
	for i, u := range units {
		if u > 0xff {
			panic(e.failure(fmt.Errorf("InvalidCharacterError: btoa: a character is above U+00FF; encode the text first")))
		}
		p[i] = byte(u)
	}
	return e.vm.ToValue(base64.StdEncoding.EncodeToString(p))
}

func portOf(scheme string) string {
	switch scheme {
	case "http", "ws":
		return "80"
	case "https", "wss":
		return "443"
	case "ftp":
		return "21"
	}
	return ""
}

func (e *engine) parseURL(fc goja.FunctionCall) goja.Value {
	s, base := fc.Argument(0).String(), fc.Argument(1).String()
	u, err := url.Parse(strings.TrimSpace(s))
	if err == nil && base != "" {
		var b *url.URL
		if b, err = url.Parse(strings.TrimSpace(base)); err == nil {
			u = b.ResolveReference(u)
		}
	}
	if err != nil || u.Scheme == "" || u.Host == "" && portOf(u.Scheme) != "" {
		panic(e.typeError("invalid URL %q", s))
	}
	host := strings.ToLower(u.Hostname())
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	port := u.Port()
	if port == portOf(u.Scheme) {
		port = ""
	}
	path := u.EscapedPath()
	if u.Opaque != "" {
		path = u.Opaque
	} else if path == "" && host != "" {
		path = "/"
	}
	pass, _ := u.User.Password()
	search, hash := "", ""
	if u.RawQuery != "" {
		search = "?" + u.RawQuery
	}
	if u.Fragment != "" {
		hash = "#" + u.EscapedFragment()
	}
	o := e.vm.NewObject()
	for k, v := range map[string]string{
		"protocol": u.Scheme + ":", "username": url.PathEscape(u.User.Username()), "password": url.PathEscape(pass),
		"hostname": host, "port": port, "pathname": path, "search": search, "hash": hash,
	} {
		o.Set(k, v)
	}
	return o
}

// bytesNamespace is the global bytes: what scripts need of byte handling, so
// that none loops over bytes in JavaScript.
func (e *engine) bytesNamespace() *goja.Object {
	ns := e.vm.NewObject()
	arg := func(fc goja.FunctionCall, i int, name string) []byte {
		p, ok := e.bytesOrText(fc.Argument(i))
		if !ok {
			panic(e.typeError("bytes.%s takes bytes or strings, not %s", name, kindOf(fc.Argument(i))))
		}
		return p
	}
	set := func(name string, f func(fc goja.FunctionCall) goja.Value) { ns.Set(name, f) }
	set("from", func(fc goja.FunctionCall) goja.Value {
		return e.bytesValue(append([]byte{}, arg(fc, 0, "from")...))
	})
	set("text", func(fc goja.FunctionCall) goja.Value { return e.wireText(string(arg(fc, 0, "text"))) })
	set("concat", func(fc goja.FunctionCall) goja.Value {
		list := fc.Arguments
		if len(list) == 1 {
			if o, ok := list[0].(*goja.Object); ok && o.ClassName() == "Array" {
				list = nil
				e.each(o, func(v goja.Value) { list = append(list, v) })
			}
		}
		out := []byte{}
		for _, v := range list {
			p, ok := e.bytesOrText(v)
			if !ok {
				panic(e.typeError("bytes.concat takes bytes or strings, not %s", kindOf(v)))
			}
			out = append(out, p...)
		}
		return e.bytesValue(out)
	})
	set("equal", func(fc goja.FunctionCall) goja.Value {
		return e.vm.ToValue(bytes.Equal(arg(fc, 0, "equal"), arg(fc, 1, "equal")))
	})
	set("index_of", func(fc goja.FunctionCall) goja.Value {
		return e.vm.ToValue(int64(bytes.Index(arg(fc, 0, "index_of"), arg(fc, 1, "index_of"))))
	})
	set("replace", func(fc goja.FunctionCall) goja.Value {
		p := arg(fc, 0, "replace")
		out, err := whole(e.replacement(fc.Argument(1), fc.Argument(2), "bytes.replace")(), p)
		if err != nil {
			panic(e.failure(err))
		}
		return e.bytesValue(nonNil(out))
	})
	set("decode", func(fc goja.FunctionCall) goja.Value {
		out, err := coding.Decode(e.mustLine(fc.Argument(1), "bytes.decode"), arg(fc, 0, "decode"), maxReturn)
		if err != nil {
			panic(e.failure(fmt.Errorf("ValueError: %w", err)))
		}
		return e.bytesValue(append([]byte{}, out...))
	})
	set("encode", func(fc goja.FunctionCall) goja.Value {
		out, err := coding.Encode(e.mustLine(fc.Argument(1), "bytes.encode"), arg(fc, 0, "encode"))
		if err != nil {
			panic(e.failure(fmt.Errorf("ValueError: %w", err)))
		}
		return e.bytesValue(append([]byte{}, out...))
	})
	return ns
}
