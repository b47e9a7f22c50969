package query

import (
	"math/bits"
	"slices"
	"strconv"

	"midstream/flow"
	"midstream/internal/pattern"
)

// An Index tells which of many filters can mean a flow at all, in one pass over what
// they look at.
//
//	filters ──what each needs──► words of each subject ──► candidates, to be asked one by one
//
// It is immutable and may be used from several goroutines at once.
type Index struct {
	n        int
	always   Set // filters of which no need is known
	subjects []subject
	answered Set // need a response; unanswered need none
	without  Set
	statuses map[int]Set
}

// A Set is a set of small numbers: one bit each.
type Set []uint64

// NewSet makes room for the numbers below n.
func NewSet(n int) Set { return make(Set, (n+63)/64) }

// Add puts i in.
func (s Set) Add(i int) { s[i/64] |= 1 << (i % 64) }

// Has tells whether i is in.
func (s Set) Has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

// AddAll puts all of t in, which may be nil.
func (s Set) AddAll(t Set) {
	for i, w := range t {
		s[i] |= w
	}
}

// From is the least number that is in and not below i.
func (s Set) From(i int) (_ int, ok bool) {
	for at := i / 64; at < len(s); at++ {
		w := s[at]
		if at == i/64 {
			w &= ^uint64(0) << (i % 64)
		}
		if w != 0 {
			return at*64 + bits.TrailingZeros64(w), true
		}
	}
	return 0, false
}

// subject is something of a flow with the words that filters need in it.
type subject struct {
	op    Op
	words *pattern.Words
	of    [][]int32 // the filters by the word that they need
	all   Set
}

// NewIndex makes one; a nil filter means every flow.
func NewIndex(filters []*Filter) *Index {
	x := &Index{n: len(filters), always: NewSet(len(filters)), answered: NewSet(len(filters)), without: NewSet(len(filters)), statuses: map[int]Set{}}
	s := needs{count: map[need]int{}}
	for _, f := range filters {
		if f != nil {
			s.collect(f.root, false)
		}
	}
	words := map[need][]int32{}
	var order []need
	for i, f := range filters {
		var list []need
		if f != nil && !backtracks(f.root) {
			list = s.alternatives(f.root, false)
		}
		if list == nil {
			x.always.Add(i)
		}
		for _, k := range list {
			switch {
			case k.in == Answered:
				x.answered.Add(i)
			case k.in == Unanswered:
				x.without.Add(i)
			case k.in == Status:
				status, _ := strconv.Atoi(k.word)
				if x.statuses[status] == nil {
					x.statuses[status] = NewSet(len(filters))
				}
				x.statuses[status].Add(i)
			default:
				if words[k] == nil {
					order = append(order, k)
				}
				words[k] = append(words[k], int32(i))
			}
		}
	}
	var texts [][]string
	for _, k := range order {
		at := slices.IndexFunc(x.subjects, func(s subject) bool { return s.op == k.in })
		if at < 0 {
			at = len(x.subjects)
			x.subjects, texts = append(x.subjects, subject{op: k.in, all: NewSet(len(filters))}), append(texts, nil)
		}
		t := &x.subjects[at]
		t.of, texts[at] = append(t.of, words[k]), append(texts[at], k.word)
		for _, i := range words[k] {
			t.all.Add(int(i))
		}
	}
	for i := range x.subjects {
		x.subjects[i].words = pattern.NewWords(texts[i])
	}
	return x
}

// Candidates puts the filters into set, which is empty and has room for all, that
// may be other than No for f by its heads. Those that it leaves out are No.
func (x *Index) Candidates(f *flow.Flow, set Set) {
	if f.Kind != flow.HTTP || f.Request == nil {
		for i := range x.n {
			set.Add(i)
		}
		return
	}
	set.AddAll(x.always)
	if f.Response == nil {
		set.AddAll(x.without)
	} else {
		set.AddAll(x.answered)
		set.AddAll(x.statuses[f.Response.Status])
	}
	for i := range x.subjects {
		s := &x.subjects[i]
		if !s.search(f, set) {
			set.AddAll(s.all)
		}
	}
}

// search puts in the filters whose words are in the subject; false where what it
// says is not ASCII.
func (s *subject) search(f *flow.Flow, set Set) bool {
	r := f.Request
	switch s.op {
	case Domain:
		named := Named(r)
		return s.find(r.Host, set) && (named == r.Host || s.find(named, set))
	case URL:
		return s.find(r.DisplayURL(), set)
	case Method:
		return s.find(r.Method, set)
	case Source:
		return f.Client == nil || s.find(bare(f.Client.Peer), set)
	case Destination:
		return f.Server == nil || s.find(bare(f.Server.Address), set)
	case RequestHead, RequestType:
		return s.message(r.Fields, set)
	case ResponseHead, ResponseType:
		return f.Response == nil || s.message(f.Response.Fields, set)
	}
	return s.message(r.Fields, set) && (f.Response == nil || s.message(f.Response.Fields, set))
}

func (s *subject) message(fields flow.Fields, set Set) bool {
	if s.op == Type || s.op == RequestType || s.op == ResponseType {
		for i := range fields {
			if flow.EqualFold(fields[i].Name, "Content-Type") && !s.find(fields[i].Value, set) {
				return false
			}
		}
		return true
	}
	// As block writes it.
	state, ok := int32(0), true
	found := func(i int) { s.add(i, set) }
	for i := range fields {
		for _, part := range [...]string{fields[i].Name, ": ", fields[i].Value, "\r\n"} {
			if state, ok = s.words.Find(state, part, found); !ok {
				return false
			}
		}
	}
	return true
}

func (s *subject) find(text string, set Set) bool {
	_, ok := s.words.Find(0, text, func(i int) { s.add(i, set) })
	return ok
}

func (s *subject) add(word int, set Set) {
	for _, i := range s.of[word] {
		set.Add(int(i))
	}
}
