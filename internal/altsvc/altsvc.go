package altsvc

import (
	"strings"

	"midstream/flow"
)

// Field is the name of the field.
const Field = "Alt-Svc"

// An Alternative is one that a server offers (RFC 7838 section 3):
//
//	protocol-id "=" <"> alt-authority <"> *( ";" parameter )
type Alternative struct {
	// Protocol is the ALPN name, as it is spelled.
	Protocol string
	// Authority is host and port; the host is empty where it is that of the origin.
	// The whole is empty where it does not stand in quotes: then it is not changed.
	Authority string
	// rest is what follows.
	rest string
}

// H3 tells that the alternative is HTTP/3, or what came before it.
func (a *Alternative) H3() bool {
	id := strings.ToLower(a.Protocol)
	return id == "h3" || id == "quic" || id == "hq" || strings.HasPrefix(id, "h3-") || strings.HasPrefix(id, "hq-")
}

// Edit has change look at each alternative in fields, and leaves out those for which it
// says no; where none is left, the client is told to forget what it has learnt (clear).
// What is not understood stays as it is. It tells whether something was changed.
func Edit(fields *flow.Fields, change func(*Alternative) (keep bool)) (changed bool) {
	var kept []string
	for _, value := range fields.Values(Field) {
		now, some := edit(value, change)
		changed = changed || some
		if now != "" {
			kept = append(kept, now)
		}
	}
	if !changed {
		return false
	}
	if kept == nil {
		kept = []string{"clear"}
	}
	fields.SetAll(Field, kept)
	return true
}

// edit is Edit for one value; it is "" where nothing is left of it.
func edit(value string, change func(*Alternative) bool) (now string, changed bool) {
	var kept []string
	for _, text := range split(value) {
		text = flow.TrimSpace(text)
		if a, ok := parse(text); ok {
			was := a
			switch keep := change(&a); {
			case !keep:
				changed = true
				continue
			case a.Authority != was.Authority && was.Authority != "":
				changed = true
				text = a.Protocol + `="` + a.Authority + `"` + a.rest
			}
		}
		if text != "" {
			kept = append(kept, text)
		}
	}
	if !changed {
		return value, false
	}
	return strings.Join(kept, ", "), true
}

// parse reads an alternative.
func parse(text string) (a Alternative, ok bool) {
	a.Protocol, a.rest, ok = strings.Cut(text, "=")
	a.Protocol = flow.TrimSpace(a.Protocol)
	if quoted, isQuoted := strings.CutPrefix(a.rest, `"`); isQuoted {
		if end := strings.IndexByte(quoted, '"'); end >= 0 && strings.Contains(quoted[:end], ":") {
			a.Authority, a.rest = quoted[:end], quoted[end+1:]
		}
	}
	return a, ok
}

// split cuts a list at its commas, not inside quotes (RFC 9110 section 5.6.4).
func split(value string) (list []string) {
	quoted, from := false, 0
	for i := 0; i < len(value); i++ {
		switch {
		case value[i] == '"':
			quoted = !quoted
		case value[i] == '\\' && quoted:
			i++
		case value[i] == ',' && !quoted:
			list = append(list, value[from:i])
			from = i + 1
		}
	}
	return append(list, value[from:])
}
