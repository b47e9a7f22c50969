package upstream

import (
	"sync"
	"sync/atomic"
)

// maxMemory bounds the servers of which one thing is remembered.
const maxMemory = 1024

// memory remembers one thing of each server, the newest of it. Past maxMemory
// servers any one is forgotten. The zero value is empty.
type memory[K, V comparable] struct {
	n     atomic.Int64 // servers in known
	mu    sync.Mutex   // guards known
	known map[K]V
}

func (m *memory[K, V]) put(server K, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil {
		m.known = make(map[K]V)
	}
	if _, known := m.known[server]; !known && len(m.known) >= maxMemory {
		for k := range m.known { // any one will do
			delete(m.known, k)
			break
		}
	}
	m.known[server] = v
	m.n.Store(int64(len(m.known)))
}

func (m *memory[K, V]) forget(server K) {
	if m.n.Load() == 0 {
		return // the usual case takes no lock
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.known, server)
	m.n.Store(int64(len(m.known)))
}

func (m *memory[K, V]) get(server K) (v V, ok bool) {
	if m.n.Load() == 0 {
		return v, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok = m.known[server]
	return v, ok
}

// Chose returns the protocol that the server at address (host:port) chose the
// last time, "" for none, and whether it is known.
func (d *Dialer) Chose(address string) (protocol string, known bool) {
	return d.chosen.get(address)
}
