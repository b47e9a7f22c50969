package query

import (
	"errors"
	"strings"
	"unicode/utf8"

	"midstream/internal/option"
	"midstream/internal/pattern"
)

// Case says whether patterns tell capital letters from small ones.
type Case uint8

// The cases.
const (
	Folded Case = iota // a pattern matches either
	Exact
)

// Parse reads a filter. Errors are an *Error with the place.
func Parse(filter string, c Case) (_ *Filter, err error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*Error)
			if !ok {
				panic(r)
			}
			err = e
		}
	}()
	p := &parser{scanner: scanner{text: filter}}
	if c == Folded {
		p.flags = pattern.IgnoreCase
	}
	if len(filter) > maxLength {
		p.text = ""
		p.fail(0, "it is longer than 64 KiB")
	}
	if !utf8.ValidString(filter) {
		p.text = ""
		p.fail(0, "it is not UTF-8")
	}
	if p.peek(); p.pos == len(filter) {
		p.text = ""
		p.fail(0, "it is empty: ~all matches every flow")
	}
	root := p.several(0)
	if p.pos < len(filter) {
		p.fail(p.pos, "there is no ( that this ) closes")
	}
	return &Filter{text: filter, root: root, now: p.now}, nil
}

// parser makes a tree by descent:
//
//	several = either { either }          all of them
//	either  = both { "|" both }
//	both    = single { "&" single }
//	single  = "!" single | "(" several ")" | "~" operator | pattern
type parser struct {
	scanner
	flags pattern.Flags
	now   bool
}

func (p *parser) several(depth int) Node {
	if depth > maxDepth {
		p.fail(p.pos, "it is nested too deeply")
	}
	var parts And
	for {
		parts = append(parts, p.either(depth))
		if c := p.peek(); p.pos == len(p.text) || c == ')' {
			break
		}
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return And(byCost(parts))
}

func (p *parser) either(depth int) Node {
	parts := Or{p.both(depth)}
	for p.accept('|') {
		parts = append(parts, p.both(depth))
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return Or(byCost(parts))
}

func (p *parser) both(depth int) Node {
	parts := And{p.single(depth)}
	for p.accept('&') {
		parts = append(parts, p.single(depth))
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return And(byCost(parts))
}

const wanted = "an operator as ~d, a pattern, ! or ( is expected here"

func (p *parser) single(depth int) Node {
	if depth > maxDepth {
		p.fail(p.pos, "it is nested too deeply")
	}
	c := p.peek()
	switch {
	case p.pos == len(p.text), c == ')':
		p.fail(p.pos, wanted)
	case c == '!':
		p.pos++
		return &Not{p.single(depth + 1)}
	case c == '(':
		return p.group(depth)
	case c == '~':
		return p.operator()
	case c == '&', c == '|':
		p.fail(p.pos, wanted+"; what begins with "+string(c)+" is written in quotes")
	}
	o, _ := find("u")
	a := &Atom{Op: URL, At: p.pos}
	p.pattern(a, o)
	return a
}

// group reads what stands in parentheses.
func (p *parser) group(depth int) Node {
	open := p.pos
	p.pos++
	if p.peek() == ')' {
		p.fail(open, "there is nothing inside the parentheses: "+wanted)
	}
	n := p.several(depth + 1)
	if !p.accept(')') {
		p.fail(open, "there is no ) for this (")
	}
	return n
}

// operator reads "~name" and what belongs behind it.
func (p *parser) operator() Node {
	start := p.pos
	p.pos++
	name := p.name()
	o, ok := find(name)
	if !ok {
		p.fail(start, unknown(name))
	}
	a := &Atom{Op: o.op, Name: "~" + name, At: start, End: p.pos}
	if o.arg == nothing {
		return a
	}
	c := p.peek()
	if missing := p.pos == len(p.text) || strings.IndexByte("()~", c) >= 0 || o.arg == perhaps && strings.IndexByte("&|!", c) >= 0; missing {
		if o.arg == perhaps {
			return a
		}
		p.fail(p.pos, a.Name+" wants "+o.wants()+" behind it")
	}
	switch o.arg {
	case text, octets, perhaps:
		p.pattern(a, o)
	case words:
		p.choice(a, o)
	default:
		p.bounds(a, o)
	}
	return a
}

func unknown(name string) string {
	var names []string
	for _, o := range operators() {
		names = append(names, "~"+o.name)
	}
	msg := "~" + name + " is no operator"
	if name == "" {
		msg = "~ alone is no operator"
	}
	if i := strings.IndexAny(name, "0123456789"); i > 0 {
		if o, ok := find(name[:i]); ok && o.arg != nothing {
			return msg + ": write ~" + name[:i] + " " + name[i:]
		}
	}
	if near := option.Nearest("~"+name, names); near != "" && len(name) > 2 {
		return msg + ": did you mean " + near + "?"
	}
	return msg + "; there are " + strings.Join(names, " ")
}

// wants says what an operator's argument is.
func (o operator) wants() string {
	switch o.arg {
	case statuses:
		return "a status: 404, 5xx or 400-499"
	case sizes:
		return "a size: >1m, <=10k or 1k-2k"
	case times:
		return "a time: >2s, <1h or 1m-5m"
	case words:
		return "one of " + strings.Join(o.words, ", ")
	}
	return "a regular expression"
}

// raw reads a word or a string in quotes. exact tells that octet i of it stands
// at p.pos+i of the filter, counted from where it begins.
func (p *parser) raw() (arg string, begin int, exact bool) {
	switch c := p.peek(); c {
	case '"', '\'':
		begin = p.pos + 1
		arg = p.quoted()
		return arg, begin, p.text[begin:p.pos-1] == arg
	}
	begin = p.pos
	return p.word(), begin, true
}

// pattern reads the regular expression of a.
func (p *parser) pattern(a *Atom, o operator) {
	arg, begin, exact := p.raw()
	a.Argument, a.End = arg, p.pos
	var err error
	if o.arg == octets {
		a.octets, err = pattern.CompileOctets(arg, p.flags|o.flags)
	} else {
		a.text, err = pattern.Compile(arg, p.flags|o.flags)
	}
	if e, ok := errors.AsType[*pattern.Error](err); ok {
		at := begin
		if exact {
			at += min(e.Offset, len(arg))
		}
		p.fail(at, "the regular expression is wrong: "+e.Msg)
	}
	if err != nil {
		p.fail(begin, "the regular expression is wrong: "+err.Error())
	}
}

// choice reads words of a list, with commas or bars between them.
func (p *parser) choice(a *Atom, o operator) {
	arg, begin, _ := p.raw()
	a.Argument, a.End = arg, p.pos
	for _, w := range strings.FieldsFunc(arg, func(r rune) bool { return r == ',' || r == '|' }) {
		known := false
		for _, k := range o.words {
			known = known || strings.EqualFold(k, w)
		}
		if !known {
			p.fail(begin, a.Name+" wants "+o.wants()+", and got "+w)
		}
		a.Words = append(a.Words, strings.ToLower(w))
	}
	if len(a.Words) == 0 {
		p.fail(begin, a.Name+" wants "+o.wants())
	}
}
