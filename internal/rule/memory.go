package rule

import "sync"

// Memory is what kinds remember of the traffic while rules are loaded anew. The zero
// value is empty; its methods may be called at once.
type Memory struct {
	mu   sync.Mutex
	kept map[string]any
}

// Remember returns the memory of a kind: the zero value of T at first, then always
// the same. Without a Memory it is a new one. A kind has one T.
func Remember[T any](m *Memory, kind string) *T {
	if m == nil {
		return new(T)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if v, ok := m.kept[kind].(*T); ok {
		return v
	}
	if m.kept == nil {
		m.kept = map[string]any{}
	}
	v := new(T)
	m.kept[kind] = v
	return v
}
