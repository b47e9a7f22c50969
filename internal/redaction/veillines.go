package redaction

import (
	"encoding/hex"
	"strings"

	"midstream/flow"
)

// Lines hides in lines that the view of a name shows of a body. A line of full
// octets or more goes on in the next. They become lines of their own.
func (v *Veil) Lines(view string, full int, lines []string) []string {
	switch view {
	case "hex":
		return v.hexLines(lines)
	case "cookies":
		return mapped(lines, cookieLine)
	}
	n := strict
	if view == "form" || view == "query" || view == "multipart" {
		n = pairs
	}
	var o open
	inPart, hidden := false, false // inside a part of a form that is a credential
	return mapped(lines, func(line string) string {
		if view == "multipart" {
			body := strings.HasPrefix(line, "  ")
			switch {
			case strings.HasPrefix(line, "--- part "):
				inPart, hidden = true, false
			case inPart && !body:
				hidden = hidden || v.partLine(line)
			case hidden:
				return "  " + Dots
			}
		}
		if rest, ok := strings.CutPrefix(line, "// signature "); ok && view == "jwt" {
			if k := strings.IndexByte(rest, ','); k > 0 {
				return "// signature " + Dots + rest[k:]
			}
			return "// signature " + Dots
		}
		list := v.spans(line, 0, &o, n)
		if o.kind != atHold && len(line) < full {
			o = open{}
		}
		return dotted(line, list)
	})
}

func mapped(lines []string, f func(string) string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = f(line)
	}
	return out
}

// partLine tells whether a field of a part names a credential.
func (v *Veil) partLine(line string) bool {
	name, value, _ := strings.Cut(line, ":")
	return flow.EqualFold(name, "Content-Disposition") && v.disposition(value)
}

// disposition tells whether a Content-Disposition names a credential.
func (v *Veil) disposition(value string) bool {
	for item := range strings.SplitSeq(value, ";") {
		name, value, _ := strings.Cut(flow.TrimSpace(item), "=")
		if flow.EqualFold(name, "name") && v.rules.param(strings.Trim(value, `"`)) {
			return true
		}
	}
	return false
}

// cookieLine hides what a cookie is; lines that are set in are its attributes.
func cookieLine(line string) string {
	name, value, ok := strings.Cut(line, ": ")
	if !ok || value == "" || strings.HasPrefix(line, " ") {
		return line
	}
	return name + ": " + Dots
}

// Columns of a line of hexadecimal digits behind its offset: two spaces, 16 octets
// in two halves, the same as letters.
const (
	hexOctets  = 16
	hexDigits  = 2
	hexLetters = hexDigits + 3*hexOctets + 2
)

func hexColumn(i int) int { return hexDigits + 3*i + i/8 }

// hexLines hides octets as stars.
func (v *Veil) hexLines(lines []string) []string {
	var all []byte
	at := make([]int, len(lines)) // where the octets of a line begin
	for i, line := range lines {
		at[i] = len(all)
		offset := strings.IndexByte(line, ' ')
		for k := 0; k < hexOctets && offset >= 0 && offset+hexLetters < len(line); k++ {
			p, err := hex.DecodeString(line[offset+hexColumn(k):][:2])
			if err != nil {
				break
			}
			all = append(all, p...)
		}
	}
	var o open
	stars := make([]bool, len(all))
	for _, sp := range v.spans(string(all), 0, &o, strict) {
		for i := sp.from; i < sp.to; i++ {
			stars[i] = true
		}
	}
	out := make([]string, len(lines))
	for i, line := range lines {
		b := []byte(line)
		end := len(all)
		if i+1 < len(lines) {
			end = at[i+1]
		}
		offset := strings.IndexByte(line, ' ')
		for k := at[i]; k < end; k++ {
			if c := offset + hexColumn(k-at[i]); stars[k] {
				b[c], b[c+1] = '*', '*'
				if l := offset + hexLetters + k - at[i]; l < len(b) {
					b[l] = '*'
				}
			}
		}
		out[i] = string(b)
	}
	return out
}
