package code

import (
	"fmt"
	"strings"
)

// fetch writes a call of fetch, as browsers, Node, Deno and Bun have it.
func (w *Writer) fetch(r *request) error {
	switch strings.ToUpper(r.method) {
	case "TRACE", "TRACK":
		return unfit("fetch sends no %s", r.method)
	}
	if r.upgrade {
		return unfit("fetch upgrades no connection")
	}
	if !plainTarget(r.target) || strings.Contains(r.target, "'") {
		r.lose("the target as it was spelled, which fetch changes")
	}
	if len(r.trailers) > 0 {
		r.lose("trailers of the request")
	}
	var b strings.Builder
	root, other := r.wentTo()
	if r.dial != "" && other {
		r.lose("the Host field, which fetch makes of the URL")
	}
	b.WriteString("{\n")
	fmt.Fprintf(&b, "  const response = await fetch(%s, {\n    method: %s,\n    redirect: \"manual\",\n", latin1(root+escaped(r.target)), latin1(r.method))
	b.WriteString("    headers: [\n")
	for _, f := range r.fields {
		fmt.Fprintf(&b, "      [%s, %s],\n", latin1(f.Name), latin1(f.Value))
	}
	b.WriteString("    ],\n")
	if err := w.fetchBody(r, &b); err != nil {
		return err
	}
	b.WriteString("  });\n  console.error(response.status, response.statusText, [...response.headers]);\n  console.log(await response.text());\n}\n")
	_, err := w.out.WriteString(b.String())
	return err
}

// fetchBody writes the body. A string would bring a Content-Type of its own.
func (w *Writer) fetchBody(r *request, b *strings.Builder) error {
	if r.body == nil {
		return nil
	}
	if m := strings.ToUpper(r.method); m == "GET" || m == "HEAD" {
		if r.body.Size() > 0 {
			r.lose("the body of a " + m + " request")
		}
		return nil
	}
	c, err := w.content(r)
	if err != nil {
		return err
	}
	switch {
	case c.file != "":
		fmt.Fprintf(b, "    body: await (await import(\"node:fs/promises\")).readFile(%s),\n", javaScript(c.file))
	case c.text():
		b.WriteString("    body: new TextEncoder().encode(")
		for i, l := range lines(c.octets) {
			if i > 0 {
				b.WriteString(" +")
			}
			b.WriteString("\n      " + javaScript(l))
		}
		if c.size == 0 {
			b.WriteString(`""`)
		}
		b.WriteString("),\n")
	default:
		b.WriteString("    body: Uint8Array.from(atob(")
		for i, l := range base64Lines(c.octets) {
			if i > 0 {
				b.WriteString(" +")
			}
			b.WriteString("\n      \"" + l + "\"")
		}
		b.WriteString("), (c) => c.charCodeAt(0)),\n")
	}
	return nil
}

// javaScript writes UTF-8 as a literal of JavaScript.
func javaScript(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c < 0x80:
			quoted := latin1(string(c))
			b.WriteString(quoted[1 : len(quoted)-1])
		case c > 0xffff:
			fmt.Fprintf(&b, `\u{%x}`, c)
		default:
			fmt.Fprintf(&b, `\u%04x`, c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
