package view

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"golang.org/x/net/html"
)

// voids are the elements of HTML that have no end tag.
const voids = " area base br col embed hr img input link meta param source track wbr "

// showXML puts each tag of XML or HTML on a line of its own, with the text of an
// element that has only text beside it. Tags are shown as they came.
func showXML(s *source, p *page) error {
	s.asUTF8()
	z := html.NewTokenizer(s.r)
	z.SetMaxBuf(maxWhole)
	z.AllowCDATA(true)
	isHTML := strings.Contains(s.in.media(), "html") || bytes.Contains(bytes.ToLower(s.start()), []byte("<html"))
	depth := 0
	opened := false // the last thing on the line is a start tag
	for !p.full {
		kind := z.Next()
		raw := z.Raw()
		if kind == html.ErrorToken {
			p.finish()
			switch err := z.Err(); {
			case errors.Is(err, html.ErrBufferExceeded):
				return errors.New("a tag or a text is too large to be shown")
			case err != io.EOF:
				return errCut
			case depth > 0 && !isHTML:
				return errors.New("the text ends inside an element")
			}
			return nil
		}
		switch kind {
		case html.TextToken:
			text := bytes.TrimSpace(raw)
			switch {
			case len(text) == 0:
				continue
			case opened && len(text) <= 80 && bytes.IndexByte(text, '\n') < 0:
				p.bytes(text)
				continue // an end tag may follow on this line
			}
			p.finish()
			block(p, depth, text)
			opened = false
		case html.StartTagToken:
			p.finish()
			name, _ := z.TagName()
			p.indent(depth)
			p.bytes(joined(raw))
			opened = false
			if isHTML && strings.Contains(voids, " "+string(name)+" ") {
				p.end()
				continue
			}
			depth++
			opened = true
		case html.EndTagToken:
			depth = max(0, depth-1)
			if !opened {
				p.finish()
				p.indent(depth)
			}
			p.bytes(joined(raw))
			p.end()
			opened = false
		default: // a comment, a declaration, an element without content
			p.finish()
			block(p, depth, raw)
			opened = false
		}
	}
	return nil
}

// joined is a tag in one line.
func joined(tag []byte) []byte {
	if bytes.IndexByte(tag, '\n') < 0 {
		return tag
	}
	return bytes.Join(bytes.Fields(tag), []byte(" "))
}

// block prints text of several lines, each indented anew.
func block(p *page, depth int, text []byte) {
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && !p.full {
			p.indent(depth)
			p.bytes(line)
			p.end()
		}
	}
}
