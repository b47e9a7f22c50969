package store

import "testing"

func TestBulkBlocksAreApart(t *testing.T) {
	var pages largePages
	var blocks []*block
	for {
		b := pages.take()
		if b == nil {
			break
		}
		if !isAligned(b.buf) || len(b.buf) != classSize[bulkClass] || cap(b.buf) != len(b.buf) {
			t.Fatalf("block %d: %d octets of %d, aligned %v", len(blocks), len(b.buf), cap(b.buf), isAligned(b.buf))
		}
		for j := range b.buf {
			b.buf[j] = byte(len(blocks))
		}
		blocks = append(blocks, b)
	}
	if pages.none {
		t.Skip("this system gives no such memory")
	}
	if want := flowQueue / classSize[bulkClass]; len(blocks) != want {
		t.Fatalf("%d blocks, want %d", len(blocks), want)
	}
	for i, b := range blocks {
		for j, octet := range b.buf {
			if octet != byte(i) {
				t.Fatalf("octet %d of block %d is another's", j, i)
			}
		}
	}
}

func TestLargePagesGoWhenUnused(t *testing.T) {
	var pages largePages
	b := pages.take()
	if b == nil {
		t.Skip("this system gives no such memory")
	}
	for range 3 {
		if !pages.trim() {
			t.Fatal("a page went that has a block in use")
		}
	}
	b.reset()
	if b.page == nil {
		t.Fatal("a block forgets its page")
	}
	b.page.give(b)
	if !pages.trim() {
		t.Fatal("a page went that was used since the last trim")
	}
	if pages.trim() || pages.pages != [mostPages]*largePage{} {
		t.Fatal("an unused page stays")
	}
	if pages.take() == nil {
		t.Fatal("no page after one that went")
	}
}
