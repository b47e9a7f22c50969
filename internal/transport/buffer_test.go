package transport

import (
	"runtime"
	"testing"
)

// Connections that end while they hold large buffers do not take them away from
// those that come later.
func TestBuffersOfAClosedConnectionAreGivenBack(t *testing.T) {
	before := buffers.out.Load()
	for range largeBudget {
		breakOffInBulk(t)
	}
	for buffers.out.Load() != before {
		runtime.GC()
	}
}

func breakOffInBulk(t *testing.T) {
	client, server := tlsPair(t)
	go server.Write(make([]byte, 8<<20))
	p := make([]byte, 16<<10)
	for !client.wire.bulk || client.wire.buffered() == 0 {
		if _, err := client.Read(p); err != nil {
			t.Fatal(err)
		}
	}
	client.Close()
	server.Close()
}
