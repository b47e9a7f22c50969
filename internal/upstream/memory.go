package upstream

import "sync"

// maxMemory bounds the servers whose choice of protocol is remembered.
const maxMemory = 1024

// alpnMemory remembers which protocol a server chose last, for leaves that are
// shown before the server was asked. The zero value is empty.
type alpnMemory struct {
	mu     sync.Mutex // guards chosen
	chosen map[string]string
}

func (m *alpnMemory) put(address, protocol string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.chosen == nil {
		m.chosen = make(map[string]string)
	}
	if _, known := m.chosen[address]; !known && len(m.chosen) >= maxMemory {
		for k := range m.chosen { // any one will do
			delete(m.chosen, k)
			break
		}
	}
	m.chosen[address] = protocol
}

func (m *alpnMemory) get(address string) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.chosen[address]
	return p, ok
}

// Chose returns the protocol that the server at address (host:port) chose the
// last time, "" for none, and whether it is known.
func (d *Dialer) Chose(address string) (protocol string, known bool) {
	return d.memory.get(address)
}
