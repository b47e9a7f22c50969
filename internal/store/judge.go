package store

import (
	"context"
	"strings"
	"time"

	"midstream/flow"
	"midstream/internal/query"
)

// judge answers a filter from facts. A pattern is asked once for each word,
// however many flows have it.
type judge struct {
	ctx    context.Context
	filter *query.Filter
	words  *wordTable
	now    int64 // microseconds since 1970
	live   bool
	memo   map[*query.Atom]map[int64]bool
	err    error // of the dictionary
}

func newJudge(ctx context.Context, r *Reader, filter *query.Filter, now time.Time, live bool) *judge {
	return &judge{ctx: ctx, filter: filter, words: &r.words, now: now.UnixMicro(), live: live, memo: make(map[*query.Atom]map[int64]bool)}
}

// block answers for all flows of a block at once.
func (j *judge) block(d *digest) query.Truth {
	if j.filter == nil {
		return query.Yes
	}
	if d.outcomes&(1<<flow.Running) != 0 {
		return query.Unknown
	}
	return j.filter.Eval(func(a *query.Atom) query.Truth { return j.digest(a, d) })
}

// flow answers for one.
func (j *judge) flow(f *facts) query.Truth {
	if j.filter == nil {
		return query.Yes
	}
	if f.outcome == flow.Running {
		return query.Unknown // it has grown since
	}
	return j.filter.Eval(func(a *query.Atom) query.Truth { return j.facts(a, f) })
}

// matches asks the pattern of a of a word, through what makes a text of it.
func (j *judge) matches(a *query.Atom, id int64, of func(word string) string) bool {
	m := j.memo[a]
	if m == nil {
		m = make(map[int64]bool)
		j.memo[a] = m
	}
	yes, known := m[id]
	if !known {
		word, err := j.words.get(j.ctx, id)
		if err != nil && j.err == nil {
			j.err = err
		}
		yes = a.Matches(of(word))
		if len(m) < keptWords {
			m[id] = yes
		}
	}
	return yes
}

func itself(word string) string { return word }

// host asks a of the two names of a host. A target is told from a named host by
// its sign.
func (j *judge) host(a *query.Atom, host, target int64) bool {
	return j.matches(a, host, query.WithoutPort) || target != 0 && j.matches(a, -target, func(string) string {
		word, err := j.words.get(j.ctx, target)
		if err != nil && j.err == nil {
			j.err = err
		}
		return word
	})
}

// typed asks a of a word that has the values of Content-Type.
func (j *judge) typed(a *query.Atom, id int64) bool {
	if id == 0 {
		return false
	}
	m := j.memo[a]
	if m == nil {
		m = make(map[int64]bool)
		j.memo[a] = m
	}
	yes, known := m[id]
	if !known {
		word, err := j.words.get(j.ctx, id)
		if err != nil && j.err == nil {
			j.err = err
		}
		for value := range strings.SplitSeq(word, "\n") {
			yes = yes || a.Matches(value)
		}
		if len(m) < keptWords {
			m[id] = yes
		}
	}
	return yes
}

func (j *judge) types(a *query.Atom, asked, answered int64) bool {
	return a.Op != query.ResponseType && j.typed(a, asked) || a.Op != query.RequestType && j.typed(a, answered)
}

// facts answers one operator for one flow that has ended.
func (j *judge) facts(a *query.Atom, f *facts) query.Truth {
	is := func(trait uint64) query.Truth { return query.TruthOf(f.traits&trait != 0) }
	// without answers for what a text is not there for.
	without := func(trait uint64) query.Truth {
		if f.traits&trait == 0 {
			return query.TruthOf(a.Matches(""))
		}
		return query.Unknown
	}
	switch a.Op {
	case query.All:
		return query.Yes
	case query.HTTP, query.TCP, query.UDP, query.DNS:
		return query.TruthOf("~"+f.kind.String() == a.Name)
	case query.Failed:
		return query.TruthOf(f.outcome != flow.Completed)
	case query.Ended:
		return query.TruthOf(a.MatchesOutcome(f.outcome))
	case query.Marked:
		return is(traitMarked)
	case query.Marker:
		return without(traitMarked)
	case query.Comment:
		return without(traitComment)
	case query.Meta:
		return without(traitMetadata)
	case query.Found:
		if f.traits&traitFindings == 0 {
			return query.No
		}
		return query.Unknown
	case query.Replayed:
		return is(traitResent | traitReplayed)
	case query.ReplayedRequest:
		return is(traitResent)
	case query.ReplayedResponse:
		return is(traitReplayed)
	case query.Size:
		return query.TruthOf(a.Within(f.size))
	case query.Duration:
		return query.TruthOf(a.Within(f.duration))
	case query.Age:
		return query.TruthOf(a.Within(j.now - f.start))
	case query.Disposed:
		for d := flow.NoBody; d <= flow.Pass; d++ {
			if f.disposed>>d&1 != 0 && a.Has(d.Word()) {
				return query.Yes
			}
		}
		return query.No
	case query.From:
		return query.TruthOf(a.Has("client") && f.traits&traitFromClient != 0 || a.Has("server") && f.traits&traitFromServer != 0)
	case query.Body, query.RequestBody, query.ResponseBody, query.Source, query.Destination, query.Secured:
		return query.Unknown
	}
	if f.kind == flow.DNS && (a.Op == query.URL || a.Op == query.Answered || a.Op == query.Unanswered) {
		return query.Unknown
	}
	if f.kind != flow.HTTP || f.traits&traitRequest == 0 {
		return query.No
	}
	return j.http(a, f)
}

// http answers what only HTTP has.
func (j *judge) http(a *query.Atom, f *facts) query.Truth {
	is := func(trait uint64) query.Truth { return query.TruthOf(f.traits&trait != 0) }
	switch a.Op {
	case query.Method:
		return query.TruthOf(j.matches(a, f.method, itself))
	case query.Status:
		return query.TruthOf(f.status != 0 && a.Within(f.status))
	case query.Answered:
		return is(traitResponse)
	case query.Unanswered:
		return query.TruthOf(f.traits&traitResponse == 0)
	case query.Asset:
		return is(traitAsset)
	case query.WebSocket:
		return is(traitWebSocket)
	case query.Domain:
		if f.traits&traitOdd != 0 {
			return query.Unknown
		}
		return query.TruthOf(j.host(a, f.host, f.target))
	case query.Type, query.RequestType, query.ResponseType:
		if f.traits&traitTypesCut != 0 {
			return query.Unknown
		}
		return query.TruthOf(j.types(a, f.asked, f.answered))
	case query.Protocol:
		version := f.traits >> traitVersion & 3
		return query.TruthOf(version == 1 && a.Has("h1") || version == 2 && a.Has("h2") || version == 3 && a.Has("h3") ||
			f.traits&traitWebSocket != 0 && a.Has("ws") || f.traits&traitGRPC != 0 && a.Has("grpc") || f.traits&traitEventStream != 0 && a.Has("sse"))
	}
	return query.Unknown
}

// digest answers one operator for a block whose flows have all ended.
func (j *judge) digest(a *query.Atom, d *digest) query.Truth {
	// several says No where none of n is, and Yes where all are and all flows
	// are HTTP.
	http := d.kinds == 1<<flow.HTTP && d.all&traitRequest != 0
	several := func(n int, is func(i int) bool) query.Truth {
		some, all := false, true
		for i := range n {
			if is(i) {
				some = true
			} else {
				all = false
			}
			if some && !all {
				return query.Unknown
			}
		}
		switch {
		case !some:
			return query.No
		case all && http:
			return query.Yes
		}
		return query.Unknown
	}
	trait := func(t uint64) query.Truth {
		switch {
		case d.any&t == 0:
			return query.No
		case d.all&t != 0:
			return query.Yes
		}
		return query.Unknown
	}
	switch a.Op {
	case query.All:
		return query.Yes
	case query.HTTP:
		return kindTruth(d.kinds, flow.HTTP)
	case query.TCP:
		return kindTruth(d.kinds, flow.TCP)
	case query.UDP:
		return kindTruth(d.kinds, flow.UDP)
	case query.DNS:
		return kindTruth(d.kinds, flow.DNS)
	case query.Failed:
		switch {
		case d.outcomes == 1<<flow.Completed:
			return query.No
		case d.outcomes&(1<<flow.Completed) == 0:
			return query.Yes
		}
	case query.Age:
		// An age is the greater, the earlier the start.
		oldest, youngest := j.now-d.first, j.now-d.last
		switch {
		case oldest < a.Min || youngest > a.Max:
			return query.No
		case youngest >= a.Min && oldest <= a.Max:
			return query.Yes
		}
	case query.Marked:
		return trait(traitMarked)
	case query.Asset:
		return trait(traitAsset)
	case query.WebSocket:
		return trait(traitWebSocket)
	case query.ReplayedRequest:
		return trait(traitResent)
	case query.ReplayedResponse:
		return trait(traitReplayed)
	case query.Method:
		return several(len(d.methods), func(i int) bool { return j.matches(a, d.methods[i], itself) })
	case query.Status:
		return several(len(d.statuses), func(i int) bool { return d.statuses[i] != 0 && a.Within(d.statuses[i]) })
	case query.Domain:
		if d.any&traitOdd == 0 {
			return several(len(d.hosts), func(i int) bool { return j.host(a, d.hosts[i][0], d.hosts[i][1]) })
		}
	case query.Type, query.RequestType, query.ResponseType:
		if d.any&traitTypesCut == 0 {
			return several(len(d.types), func(i int) bool { return j.types(a, d.types[i][0], d.types[i][1]) })
		}
	}
	return query.Unknown
}

func kindTruth(kinds uint64, k flow.Kind) query.Truth {
	switch {
	case kinds&(1<<k) == 0:
		return query.No
	case kinds == 1<<k:
		return query.Yes
	}
	return query.Unknown
}
