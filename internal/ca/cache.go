package ca

import (
	"container/list"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"sync"
	"time"
)

const (
	// defaultEntries is some hours of browsing.
	defaultEntries = 1000
	// maxCacheBytes bounds the certificates kept, counted as DER twice, because
	// the parsed form is about as large again.
	maxCacheBytes = 8 << 20
)

type cacheKey struct {
	kind  KeyType
	names [sha256.Size]byte
}

// A cache keeps leaves by what they say. It is bounded by entries and bytes;
// when full it forgets the leaf that was not asked for the longest.
type cache struct {
	entries int

	mu    sync.Mutex // guards what follows; never held while minting
	byKey map[cacheKey]*list.Element
	order list.List // of *cached, the latest in front
	bytes int
	calls map[cacheKey]*call
}

type cached struct {
	key  cacheKey
	leaf *tls.Certificate
	size int
}

// A call is a leaf being minted; leaf and err are set when done is closed.
type call struct {
	done chan struct{}
	leaf *tls.Certificate
	err  error
}

func newCache(entries int) *cache {
	if entries <= 0 {
		entries = defaultEntries
	}
	return &cache{entries: entries, byKey: make(map[cacheKey]*list.Element), calls: make(map[cacheKey]*call)}
}

// get returns the leaf of the key, minting it when it is missing or about to
// end. Only one caller mints a key at a time; the others wait for it or ctx.
func (c *cache) get(ctx context.Context, key cacheKey, now time.Time, mint func() (*tls.Certificate, error)) (*tls.Certificate, error) {
	c.mu.Lock()
	if el, ok := c.byKey[key]; ok {
		leaf := el.Value.(*cached).leaf
		if fresh(leaf, now) {
			c.order.MoveToFront(el)
			c.mu.Unlock()
			return leaf, nil
		}
		c.drop(el)
	}
	if running, ok := c.calls[key]; ok {
		c.mu.Unlock()
		select {
		case <-running.done:
			return running.leaf, running.err
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	mine := &call{done: make(chan struct{}), err: fmt.Errorf("minting it ended early")}
	c.calls[key] = mine
	c.mu.Unlock()

	defer func() {
		c.mu.Lock()
		delete(c.calls, key)
		if mine.err == nil {
			c.put(key, mine.leaf)
		}
		c.mu.Unlock()
		close(mine.done)
	}()
	mine.leaf, mine.err = mint()
	return mine.leaf, mine.err
}

// fresh tells whether the leaf has enough time left. One that is short-lived
// because its CA is about to end counts until it ends.
func fresh(leaf *tls.Certificate, now time.Time) bool {
	left := leaf.Leaf.NotAfter.Sub(now)
	life := leaf.Leaf.NotAfter.Sub(leaf.Leaf.NotBefore)
	return left > min(renewBefore, life/10) && !now.Before(leaf.Leaf.NotBefore)
}

func (c *cache) put(key cacheKey, leaf *tls.Certificate) {
	e := &cached{key: key, leaf: leaf}
	for _, der := range leaf.Certificate {
		e.size += 2 * len(der)
	}
	c.byKey[key] = c.order.PushFront(e)
	c.bytes += e.size
	for c.order.Len() > 1 && (c.order.Len() > c.entries || c.bytes > maxCacheBytes) {
		c.drop(c.order.Back())
	}
}

func (c *cache) drop(el *list.Element) {
	e := c.order.Remove(el).(*cached)
	delete(c.byKey, e.key)
	c.bytes -= e.size
}
