package har

import (
	"mime"
	"net/url"
	"strings"

	"midstream/internal/format"
)

// formOf is the body of a form of which the file has the parameters and no text. It is
// nil where they do not say what it was: a type that is no form, a file without content.
func formOf(mimeType string, params *value) format.Body {
	kind, more, err := mime.ParseMediaType(mimeType)
	if err != nil {
		return nil
	}
	var b strings.Builder
	switch boundary := more["boundary"]; {
	case kind == "application/x-www-form-urlencoded":
		for i := range params.items {
			if i > 0 {
				b.WriteByte('&')
			}
			name, val := param(&params.items[i])
			b.WriteString(url.QueryEscape(name) + "=" + url.QueryEscape(val))
		}
	case kind == "multipart/form-data" && boundary != "":
		for i := range params.items {
			x := &params.items[i]
			name, val := param(x)
			file := x.key("fileName").str()
			if content := x.key("value"); content != nil && content.ref != nil || file != "" && (content == nil || content.kind != 's') {
				return nil
			}
			b.WriteString("--" + boundary + "\r\nContent-Disposition: form-data; name=" + quoted(name))
			if file != "" {
				b.WriteString("; filename=" + quoted(file))
			}
			if t := x.key("contentType").str(); t != "" {
				b.WriteString("\r\nContent-Type: " + strings.NewReplacer("\r", "", "\n", "").Replace(t))
			}
			b.WriteString("\r\n\r\n" + val + "\r\n")
		}
		b.WriteString("--" + boundary + "--\r\n")
	default:
		return nil
	}
	return format.Octets(b.String())
}

func param(v *value) (name, val string) { return v.key("name").str(), v.key("value").str() }

// quoted writes a name as browsers do (WHATWG HTML, multipart/form-data).
func quoted(s string) string {
	return `"` + strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A").Replace(s) + `"`
}
