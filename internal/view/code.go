package view

import (
	"bufio"
	"strings"
)

func showCSS(s *source, p *page) error        { return reindent(s, p, false) }
func showJavaScript(s *source, p *page) error { return reindent(s, p, true) }

func reindent(s *source, p *page, script bool) error {
	s.asUTF8()
	c := &coder{r: s.r, p: p, script: script, blank: true}
	c.run()
	p.finish()
	return nil
}

// coder indents code with braces anew. It knows strings, comments and, in
// scripts, templates and regular expressions, which it does not touch.
type coder struct {
	r      *bufio.Reader
	p      *page
	script bool
	depth  int
	parens int  // of ( and [
	blank  bool // nothing is on the line yet
	space  bool // white space came
	lines  int  // line ends in it
	prev   byte // the last octet of code
	word   []byte
	stack  []int // parens outside of each open brace
}

func (c *coder) run() {
	for !c.p.full {
		b, err := c.r.ReadByte()
		if err != nil {
			return
		}
		switch b {
		case ' ', '\t', '\r', '\f':
			c.space = true
		case '\n':
			c.space = true
			c.lines++
		default:
			c.token(b)
		}
	}
}

// put writes an octet of code, with one blank for white space before it.
func (c *coder) put(b byte) {
	switch {
	case c.blank:
		c.p.indent(c.depth)
	case c.lines > 0 && c.parens == 0 && c.script:
		// A line end may end a statement.
		c.newline()
		c.p.indent(c.depth)
	case c.space:
		c.p.octet(' ')
	}
	if c.space || !isWord(b) {
		c.word = c.word[:0]
	}
	c.blank, c.space, c.lines = false, false, 0
	c.p.octet(b)
	c.prev = b
	if isWord(b) && len(c.word) < 16 {
		c.word = append(c.word, b)
	}
}

func isWord(b byte) bool {
	return b == '_' || b == '$' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= 0x80
}

func (c *coder) newline() {
	if !c.blank {
		c.p.end()
	}
	c.blank, c.space, c.lines = true, false, 0
}

func (c *coder) peek() byte {
	b, err := c.r.Peek(1)
	if err != nil {
		return 0
	}
	return b[0]
}

func (c *coder) token(b byte) {
	switch b {
	case '"', '\'':
		c.quoted(b)
	case '`':
		if !c.script {
			c.put(b)
			return
		}
		c.quoted(b)
	case '/':
		c.slash()
	case '{':
		if !c.blank && (isWord(c.prev) || c.prev == ')' || c.prev == ']' && !c.script) {
			c.space, c.lines = true, 0
		}
		c.put(b)
		if c.peek() == '}' {
			return // nothing inside
		}
		c.stack = append(c.stack, c.parens)
		if len(c.stack) > maxDepth {
			c.stack = c.stack[1:]
		}
		c.parens = 0
		c.depth++
		c.newline()
	case '}':
		if c.prev == '{' && !c.blank {
			c.put(b)
			return
		}
		c.newline()
		c.depth = max(0, c.depth-1)
		if n := len(c.stack); n > 0 {
			c.parens = c.stack[n-1]
			c.stack = c.stack[:n-1]
		} else {
			c.parens = 0
		}
		c.put(b)
		c.after()
	case '(', '[':
		c.put(b)
		c.parens++
	case ')', ']':
		c.parens = max(0, c.parens-1)
		c.put(b)
	case ';':
		c.space, c.lines = false, 0
		c.put(b)
		if c.parens == 0 {
			c.trailing()
			c.newline()
		}
	default:
		c.put(b)
	}
}

// after decides whether what follows a closing brace stays on its line.
func (c *coder) after() {
	for {
		b := c.peek()
		switch {
		case b == ' ' || b == '\t' || b == '\r' || b == '\n':
			_, _ = c.r.ReadByte() // it was peeked
			c.space = true
			continue
		case b != 0 && strings.IndexByte(",;)].:?(&|=+*", b) >= 0 && c.script, !c.script && b == ';':
			c.space = false
		case c.script && c.continues():
			c.space, c.lines = true, 0
		default:
			c.newline()
		}
		return
	}
}

// continues tells whether a word follows that goes on with the statement.
func (c *coder) continues() bool {
	next, _ := c.r.Peek(8)
	for _, w := range []string{"else", "catch", "finally", "while", "from ", "as ", "of ", "in "} {
		if strings.HasPrefix(string(next), w) {
			return true
		}
	}
	return false
}

// trailing keeps a comment behind a statement on its line.
func (c *coder) trailing() {
	for b := c.peek(); b == ' ' || b == '\t'; b = c.peek() {
		_, _ = c.r.ReadByte() // it was peeked
	}
	if next, _ := c.r.Peek(2); string(next) == "//" && c.script {
		c.p.octet(' ')
		c.verbatim("", "\n")
	}
}

// slash is a comment, a regular expression, or a division.
func (c *coder) slash() {
	switch next := c.peek(); {
	case next == '*':
		c.put('/')
		c.verbatim("*", "*/")
		if c.depth == 0 && c.parens == 0 || !c.script {
			c.newline()
		}
	case next == '/' && c.script:
		c.put('/')
		c.verbatim("", "\n")
		c.newline()
	case c.script && c.expectsValue():
		c.put('/')
		c.expression()
	default:
		c.put('/')
	}
}

// expectsValue tells whether a slash here begins a regular expression.
func (c *coder) expectsValue() bool {
	if len(c.word) > 0 {
		switch string(c.word) {
		case "return", "typeof", "case", "in", "of", "delete", "void", "do", "else":
			return true
		}
		return false
	}
	return c.prev == 0 || strings.IndexByte("(,=:[!&|?{};+-*%<>~^", c.prev) >= 0
}

func (c *coder) expression() {
	class := false
	for {
		b, err := c.r.ReadByte()
		if err != nil || c.p.full || b == '\n' {
			c.newline()
			return
		}
		c.p.octet(b)
		switch {
		case b == '\\':
			if b, err = c.r.ReadByte(); err != nil {
				return
			}
			c.p.octet(b)
		case b == '[':
			class = true
		case b == ']':
			class = false
		case b == '/' && !class:
			c.prev = ')'
			return
		}
	}
}

// verbatim passes everything on up to and with end; a line end is one.
func (c *coder) verbatim(skip, end string) {
	for range len(skip) {
		if b, err := c.r.ReadByte(); err == nil {
			c.p.octet(b)
		}
	}
	matched := 0
	for !c.p.full {
		b, err := c.r.ReadByte()
		if err != nil {
			return
		}
		if b == '\n' {
			if end == "\n" {
				c.blank = false
				return
			}
			c.p.end()
			matched = 0
			continue
		}
		if b != '\r' {
			c.p.octet(b)
		}
		switch b {
		case end[matched]:
			if matched++; matched == len(end) {
				return
			}
		case end[0]:
			matched = 1
		default:
			matched = 0
		}
	}
}

// quoted passes a string or a template on.
func (c *coder) quoted(quote byte) {
	c.put(quote)
	for !c.p.full {
		b, err := c.r.ReadByte()
		if err != nil {
			return
		}
		if b == '\n' {
			if quote != '`' {
				c.newline() // it is broken off
				return
			}
			c.p.end()
			continue
		}
		c.p.octet(b)
		switch b {
		case '\\':
			if b, err = c.r.ReadByte(); err != nil {
				return
			}
			if b == '\n' {
				c.p.end()
			} else {
				c.p.octet(b)
			}
		case quote:
			c.prev = ')'
			return
		}
	}
}
