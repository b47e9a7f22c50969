package redaction

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Bounds of what is remembered of credentials: in this process only, to find them
// in texts that were not made of a field or a body, as errors and the log.
const (
	shortestKept = 6 // octets; what is shorter stands in too many texts
	longestKept  = 16 << 10
	mostKept     = 4096
	mostOctets   = 4 << 20
)

// memory knows credentials that were seen, the last ones of too many. The zero
// value knows none.
type memory struct {
	mu     sync.RWMutex
	tags   map[string]string
	order  []string
	octets int
	added  atomic.Uint64 // to order, ever
}

// add remembers a credential.
func (m *memory) add(secret, tag string) {
	if len(secret) < shortestKept || len(secret) > longestKept || isTag(secret) {
		return
	}
	m.mu.RLock()
	_, known := m.tags[secret]
	m.mu.RUnlock()
	if known {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.tags[secret]; known {
		return
	}
	if m.tags == nil {
		m.tags = make(map[string]string)
	}
	m.tags[secret] = tag
	m.order = append(m.order, secret)
	m.added.Add(1)
	m.octets += len(secret)
	for len(m.order) > mostKept || m.octets > mostOctets {
		m.octets -= len(m.order[0])
		delete(m.tags, m.order[0])
		m.order = m.order[1:]
	}
}

// pair is a credential and what stands in its place.
type pair struct{ secret, tag string }

// Bounds of what is looked for in a body because the flow has had it before.
const (
	mostKnown     = 32
	longestKnown  = 4 << 10
	shortestKnown = 8
)

// count is how many were ever added.
func (m *memory) count() uint64 { return m.added.Load() }

// since are the credentials that are looked for in bodies, of those that were added
// behind the first n; the longest first.
func (m *memory) since(n uint64) (fresh []pair, count uint64) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	count = m.added.Load()
	for _, secret := range m.order[max(0, len(m.order)-int(min(count-n, mostKept))):] {
		if len(secret) >= shortestKnown && len(secret) <= longestKnown {
			fresh = append(fresh, pair{secret, m.tags[secret]})
		}
	}
	slices.SortStableFunc(fresh, func(a, b pair) int { return len(b.secret) - len(a.secret) })
	return fresh, count
}

// hide replaces what is known in a text.
func (m *memory) hide(s string) string {
	if len(s) < shortestKept {
		return s
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	for i := len(m.order) - 1; i >= 0; i-- {
		if secret := m.order[i]; len(secret) <= len(s) && strings.Contains(s, secret) {
			s = strings.ReplaceAll(s, secret, m.tags[secret])
		}
	}
	return s
}
