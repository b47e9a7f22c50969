package store

import (
	"testing"
	"testing/synctest"
	"time"
)

// busyQueue has its bodies' room taken but for n octets that are not small.
func busyQueue(n int) *queue {
	q := new(queue)
	q.init(-1, 0)
	q.bodies = bodyQueue - smallReserve - n
	return q
}

func TestRoomIsKeptForWhoIsToldThatThereIsSome(t *testing.T) {
	q := busyQueue(classSize[chunkClass])
	first, second := new(Record), new(Record)
	if q.crowded(waiter{rec: first, class: chunkClass}) {
		t.Fatal("there is room for one block, and the first is told that there is none")
	}
	if !q.crowded(waiter{rec: second, class: chunkClass}) {
		t.Fatal("the same room is promised twice")
	}
	if q.crowded(waiter{rec: first, class: chunkClass}) {
		t.Fatal("a promise is forgotten")
	}
	if b := q.block(waiter{rec: first, class: chunkClass}); b == nil || first.promised != 0 || first.inQueue != classSize[chunkClass] {
		t.Fatalf("block %v, promised %d, in the queue %d", b, first.promised, first.inQueue)
	}
	if q.bodies != bodyQueue-smallReserve {
		t.Errorf("%d octets are taken", q.bodies)
	}
}

func TestASmallPieceIsNotKeptWaiting(t *testing.T) {
	q := busyQueue(0)
	if q.crowded(waiter{rec: new(Record), class: tinyClass, small: true}) {
		t.Error("an event waits for a download")
	}
	if !q.crowded(waiter{rec: new(Record), class: chunkClass}) {
		t.Error("a download does not wait")
	}
}

func TestAPromiseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := busyQueue(classSize[chunkClass])
		r := new(Record)
		free := q.bodies
		if q.crowded(waiter{rec: r, class: chunkClass}) {
			t.Fatal("no room")
		}
		waits := make(chan bool)
		go func() {
			_, ok := q.acquire(waiter{rec: new(Record), class: chunkClass})
			waits <- ok
		}()
		synctest.Wait()
		q.take(nil)
		if r.promised == 0 {
			t.Fatal("the promise ended at once")
		}
		time.Sleep(promiseTime + time.Millisecond)
		q.take(nil)
		if r.promised != 0 || r.inQueue != 0 || len(q.promised) != 0 {
			t.Errorf("promised %d, in the queue %d, %d promises", r.promised, r.inQueue, len(q.promised))
		}
		if !<-waits {
			t.Error("who waited got nothing")
		}
		if q.bodies != free+classSize[chunkClass] {
			t.Errorf("%d octets are taken, want one block more than %d", q.bodies, free)
		}
	})
}

func TestAwaitedRoomIsKept(t *testing.T) {
	q := busyQueue(classSize[chunkClass])
	r := new(Record)
	class, ok := q.acquire(waiter{rec: r, class: chunkClass})
	if !ok {
		t.Fatal("no room")
	}
	q.keep(r, class)
	if !q.crowded(waiter{rec: new(Record), class: chunkClass}) {
		t.Error("the room is given to another")
	}
	if b := q.block(waiter{rec: r, class: chunkClass}); b == nil {
		t.Error("no block in the room that was awaited")
	}
}
