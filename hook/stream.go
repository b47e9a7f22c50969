package hook

import "context"

// Wish is what a head hook wants to happen to the body that follows.
type Wish uint8

// The wishes.
const (
	NoWish    Wish = iota
	DoNotWait      // stream = true: let it pass unrecorded, whatever hooks want the whole
	KeepAsIs       // stream = false: never let it pass merely because it is large
)

// Stream says how a body should flow. It counts when it is set in the head
// hook of its message; later it is ignored.
type Stream struct {
	Wish Wish
	// Transform makes the transform that rewrites the body; nil leaves it
	// alone. It implies DoNotWait. It is called once, when the body begins.
	Transform func() Transform
	// Decoded asks for content-decoded bytes; what the transform emits is
	// encoded again, with a flush for each flush that came in.
	Decoded bool
	// KeepsLength promises that the transform emits as many bytes as it takes,
	// so that Content-Length stays. A wrong count breaks the message.
	KeepsLength bool
	// Bulk allows pieces of up to 128 KiB where a body by length comes fast: for a
	// transform that costs more by the call than by the byte.
	Bulk bool
}

// A Transform rewrites one body as it passes. Its methods are called one at a
// time, from a goroutine of the exchange.
type Transform interface {
	// Chunk takes one piece, at most stream_chunk_size bytes and never empty,
	// and emits none, one or several. p is only valid during the call. emit
	// blocks while the receiver does not take more; its error ends the body
	// and must be returned. An error breaks the message.
	Chunk(ctx context.Context, p []byte, emit func([]byte) error) error
	// End is called once after the last piece of a body that came to its
	// proper end, and may still emit.
	End(ctx context.Context, emit func([]byte) error) error
}

// ChunkFunc is a Transform from a function of one piece to any number of
// pieces. It is called once more, with an empty p, at the end.
type ChunkFunc func(p []byte) ([][]byte, error)

// Chunk calls f with p.
func (f ChunkFunc) Chunk(_ context.Context, p []byte, emit func([]byte) error) error {
	return f.emit(p, emit)
}

// End calls f with no bytes.
func (f ChunkFunc) End(_ context.Context, emit func([]byte) error) error {
	return f.emit(nil, emit)
}

func (f ChunkFunc) emit(p []byte, emit func([]byte) error) error {
	out, err := f(p)
	if err != nil {
		return err
	}
	for _, q := range out {
		if len(q) == 0 {
			continue
		}
		if err := emit(q); err != nil {
			return err
		}
	}
	return nil
}
