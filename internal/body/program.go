package body

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"unicode"
	"unicode/utf8"
)

// program is a compiled pattern with what lets a search skip over text in which
// no match can begin.
type program struct {
	inst  []syntax.Inst
	start uint32
	slots int // of captures that are wanted, two for each

	prefix  []byte     // with which every match begins; may be empty
	first   *[256]bool // the bytes with which a match can begin; nil when it may be empty
	atBegin bool       // matches only at the beginning of the text
	octets  rune       // as RewriteOptions has it
}

// newProgram compiles the pattern of re again, into a form that can be run
// piece by piece. slots is 2 when submatches are not wanted.
func newProgram(re *regexp.Regexp, slots int, octets rune) (*program, error) {
	tree, err := syntax.Parse(re.String(), syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("compile pattern for a stream: %w", err)
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, fmt.Errorf("compile pattern for a stream: %w", err)
	}
	prefix, _ := prog.Prefix()
	p := &program{
		inst:    prog.Inst,
		start:   uint32(prog.Start),
		slots:   slots,
		prefix:  unmapped(prefix, octets),
		octets:  octets,
		atBegin: prog.StartCond()&syntax.EmptyBeginText != 0,
	}
	p.findFirst()
	return p, nil
}

// findFirst fills first by walking everything that can be reached before a
// character is taken, as if every assertion held.
func (p *program) findFirst() {
	var first [256]bool
	seen := make([]bool, len(p.inst))
	todo := []uint32{p.start}
	for len(todo) > 0 {
		pc := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[pc] {
			continue
		}
		seen[pc] = true
		i := &p.inst[pc]
		switch i.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			todo = append(todo, i.Out, i.Arg)
		case syntax.InstCapture, syntax.InstEmptyWidth, syntax.InstNop:
			todo = append(todo, i.Out)
		case syntax.InstMatch:
			return // an empty match can be anywhere
		case syntax.InstRune, syntax.InstRune1:
			p.firstBytes(&first, i)
		case syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			for b := range first {
				first[b] = first[b] || b != '\n' || i.Op == syntax.InstRuneAny
			}
		}
	}
	p.first = &first
}

// firstBytes adds the bytes with which the characters of i begin.
func (p *program) firstBytes(first *[256]bool, i *syntax.Inst) {
	if len(i.Rune) == 1 {
		r := i.Rune[0]
		p.firstRange(first, r, r)
		if syntax.Flags(i.Arg)&syntax.FoldCase != 0 {
			for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
				p.firstRange(first, f, f)
			}
		}
		return
	}
	for k := 0; k+1 < len(i.Rune); k += 2 {
		p.firstRange(first, i.Rune[k], i.Rune[k+1])
	}
}

func (p *program) firstRange(first *[256]bool, lo, hi rune) {
	for r := lo; r <= min(hi, utf8.RuneSelf-1); r++ {
		first[r] = true
	}
	if hi < utf8.RuneSelf {
		return
	}
	if p.octets != 0 {
		for b := max(lo-p.octets, utf8.RuneSelf); b <= min(hi-p.octets, 255); b++ {
			first[b] = true
		}
		return
	}
	for b := int(leadByte(max(lo, utf8.RuneSelf))); b <= int(leadByte(hi)); b++ {
		first[b] = true
	}
	if lo <= utf8.RuneError && utf8.RuneError <= hi { // what is no UTF-8 is read as that
		for b := utf8.RuneSelf; b < 256; b++ {
			first[b] = true
		}
	}
}

func leadByte(r rune) byte {
	var b [utf8.UTFMax]byte
	utf8.EncodeRune(b[:], min(r, unicode.MaxRune))
	return b[0]
}

// unmapped spells a text of the pattern as it stands in the stream.
func unmapped(s string, octets rune) []byte {
	if octets == 0 {
		return []byte(s)
	}
	p := make([]byte, 0, len(s))
	for _, r := range s {
		if r >= utf8.RuneSelf {
			r -= octets
		}
		p = append(p, byte(r))
	}
	return p
}

// Assertions by what they look at.
const (
	looksBehind = syntax.EmptyBeginLine | syntax.EmptyBeginText
	looksAhead  = syntax.EmptyEndLine | syntax.EmptyEndText | syntax.EmptyWordBoundary | syntax.EmptyNoWordBoundary
)
