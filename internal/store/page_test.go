package store

import "testing"

func TestBulkBlocksAreApart(t *testing.T) {
	var page *largePage
	var blocks []*block
	for i := range 20 {
		b := newBlock(bulkClass, &page)
		if !isAligned(b.buf) || len(b.buf) != classSize[bulkClass] || cap(b.buf) != len(b.buf) {
			t.Fatalf("block %d: %d octets of %d, aligned %v", i, len(b.buf), cap(b.buf), isAligned(b.buf))
		}
		for j := range b.buf {
			b.buf[j] = byte(i)
		}
		blocks = append(blocks, b)
	}
	for i, b := range blocks {
		for j, octet := range b.buf {
			if octet != byte(i) {
				t.Fatalf("octet %d of block %d is another's", j, i)
			}
		}
		if b.reset(); page != nil && b.page == nil {
			t.Fatalf("block %d does not keep its memory", i)
		}
	}
}
