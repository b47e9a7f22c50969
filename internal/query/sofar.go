package query

import (
	"time"

	"midstream/flow"
)

// SoFar tells what is known of a flow that may go on: No and Yes are what will
// hold when it has ended. What only its end or its bodies can tell is unknown;
// markers and comments may come until then.
func (q *Filter) SoFar(f *flow.Flow, now time.Time) Truth {
	m := matcher{f: f, now: now}
	if !f.Live() {
		return q.Eval(m.head)
	}
	return q.Eval(m.soFar)
}

func (m *matcher) soFar(a *Atom) Truth {
	answered := m.f.Response != nil
	switch a.Op {
	case All, HTTP, TCP, UDP, DNS, Method, RequestHead, RequestType, Source, Domain:
		return m.head(a)
	case URL:
		if m.f.Kind != flow.DNS {
			return m.head(a)
		}
	case Status, ResponseHead, ResponseType, Asset, WebSocket, Answered, Unanswered:
		if answered {
			return m.head(a)
		}
	case Head, Type, Protocol:
		// A request that matches is enough; the response may match yet.
		if t := m.head(a); t == Yes || answered {
			return t
		}
	}
	return Unknown
}
