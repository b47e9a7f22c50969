package query

import (
	"cmp"
	"slices"
	"strings"
)

// Terms are the parts of a filter that all have to be true, as text and in the order
// in which they were written; a filter that is no more than one part is the only one.
func (f *Filter) Terms() []string {
	var parts []Node
	flatten(f.root, &parts)
	slices.SortStableFunc(parts, func(a, b Node) int { return cmp.Compare(begin(a), begin(b)) })
	terms := make([]string, len(parts))
	for i, part := range parts {
		terms[i] = f.write(part)
	}
	return terms
}

func flatten(n Node, parts *[]Node) {
	and, ok := n.(And)
	if !ok {
		*parts = append(*parts, n)
		return
	}
	for _, part := range and {
		flatten(part, parts)
	}
}

// begin is where the first atom of n was written.
func begin(n Node) int {
	switch n := n.(type) {
	case And:
		return begin(first(n))
	case Or:
		return begin(first(n))
	case *Not:
		return begin(n.Of)
	case *Atom:
		return n.At
	}
	return 0
}

// first is the part that was written first.
func first(parts []Node) Node {
	return slices.MinFunc(parts, func(a, b Node) int { return cmp.Compare(begin(a), begin(b)) })
}

// write makes a text of a part; what is not a single operator is in parentheses.
func (f *Filter) write(n Node) string {
	several := func(parts []Node, with string) string {
		parts = slices.SortedStableFunc(slices.Values(parts), func(a, b Node) int { return cmp.Compare(begin(a), begin(b)) })
		texts := make([]string, len(parts))
		for i, part := range parts {
			texts[i] = f.write(part)
		}
		return "(" + strings.Join(texts, with) + ")"
	}
	switch n := n.(type) {
	case And:
		return several(n, " & ")
	case Or:
		return several(n, " | ")
	case *Not:
		return "!" + f.write(n.Of)
	case *Atom:
		return strings.TrimSpace(f.text[n.At:n.End])
	}
	return ""
}

// Kin are the same questions asked of another side or place, for a filter that is one
// operator: what a person may have meant. There may be none.
func (f *Filter) Kin() []string {
	a, ok := f.root.(*Atom)
	if !ok {
		return nil
	}
	kin := map[Op][]string{
		URL: {"~h", "~b"}, Domain: {"~u", "~h", "~b"}, Head: {"~b"}, RequestHead: {"~hs", "~b"}, ResponseHead: {"~hq", "~b"},
		Body: {"~h", "~u"}, RequestBody: {"~bs", "~h"}, ResponseBody: {"~bq", "~h"}, Type: {"~u", "~h"}, RequestType: {"~ts"}, ResponseType: {"~tq"},
		Event: {"~b", "~h"}, Destination: {"~d", "~u"}, Source: {"~dst", "~d"}, Marker: {"~comment"}, Comment: {"~marker", "~meta", "~b"}, Meta: {"~comment", "~h"},
	}
	var list []string
	for _, name := range kin[a.Op] {
		list = append(list, name+strings.TrimPrefix(" "+strings.TrimSpace(strings.TrimPrefix(f.text[a.At:a.End], a.Name)), "  "))
	}
	return list
}
