package http2

import (
	"sync"
	"sync/atomic"
)

// Budget counts the bytes of all connections of a process that came and were
// not read. Past 64 MiB no window grows and grown ones shrink as they are read;
// past 128 MiB the connections that hold more than their share get no credit
// until it is less. The zero value is ready; its methods may be called at once.
type Budget struct {
	unread  atomic.Int64
	holders atomic.Int64 // connections that have unread bytes

	mu       sync.Mutex
	withheld map[*conn]struct{} // guarded by mu
	waiting  atomic.Int64       // connections in withheld
}

const (
	tightFrom   = 64 << 20
	starvedFrom = 128 << 20
)

// Unread is the number of bytes that wait to be read.
func (b *Budget) Unread() int64 { return b.unread.Load() }

func (b *Budget) pressure() pressure {
	switch n := b.unread.Load(); {
	case n > starvedFrom:
		return starved
	case n > tightFrom:
		return tight
	}
	return plenty
}

// add counts n bytes of a connection that has had before.
func (b *Budget) add(n, before int64) {
	b.unread.Add(n)
	switch {
	case before == 0 && n > 0:
		b.holders.Add(1)
	case before+n == 0 && before > 0:
		b.holders.Add(-1)
	}
}

// withholds tells whether a connection that holds unread bytes gets no credit
// now; it is told by conn.resume when it does.
func (b *Budget) withholds(c *conn, holds int64) bool {
	total := b.unread.Load()
	if total <= starvedFrom || holds*max(1, b.holders.Load()) < total {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.withheld == nil {
		b.withheld = make(map[*conn]struct{})
	}
	b.withheld[c] = struct{}{}
	b.waiting.Store(int64(len(b.withheld)))
	return true
}

// settle lets connections go on that had been withheld, where there is room
// again. No lock of a connection may be held.
func (b *Budget) settle() {
	if b.waiting.Load() == 0 || b.unread.Load() > starvedFrom {
		return
	}
	b.mu.Lock()
	list := b.withheld
	b.withheld = nil
	b.waiting.Store(0)
	b.mu.Unlock()
	for c := range list {
		c.resume()
	}
}

// forget takes a connection out that has ended.
func (b *Budget) forget(c *conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.withheld, c)
	b.waiting.Store(int64(len(b.withheld)))
}
